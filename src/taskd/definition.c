#include "taskd/definition.h"

#include <errno.h>
#include <stdlib.h>

#include "taskd/config_worker.h"

int definition_new(struct worker_config *config, const struct endpoints *endpoints, struct definition **ret)
{
    struct definition *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    int r = identity_resolve(config, &d->identity);
    if (r == 0)
        r = endpoint_bundle_new(endpoints, config->sockets, &d->sockets);
    if (r < 0) {
        identity_clear(&d->identity);
        free(d);
        return r;
    }
    d->refs = 1;
    d->config = *config;
    *config = (struct worker_config){0};
    *ret = d;
    return 0;
}

struct definition *definition_ref(struct definition *d)
{
    d->refs++;
    return d;
}

void definition_unref(struct definition *d)
{
    if (!d || --d->refs > 0)
        return;
    worker_clear(&d->config);
    identity_clear(&d->identity);
    endpoint_bundle_clear(&d->sockets);
    free(d);
}
