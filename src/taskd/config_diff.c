#include "taskd/config_diff.h"

#include "taskd/config_keys.h"

static bool differs(enum key_scope scope, const void *a, const void *b, config_difference *each, void *arg)
{
    bool any = false;

    for (const struct key *k = config_keys; k->name; k++) {
        if (k->scope != scope || !k->type->equal || k->type->equal(k, a, b))
            continue;
        any = true;
        if (each)
            each(arg, k->name, k->live);
    }
    return any;
}

bool worker_config_differs(const struct worker_config *a, const struct worker_config *b, config_difference *each,
                           void *arg)
{
    return differs(SCOPE_WORKER, a, b, each, arg);
}

bool daemon_config_differs(const struct daemon_config *a, const struct daemon_config *b, config_difference *each,
                           void *arg)
{
    return differs(SCOPE_DAEMON, a, b, each, arg);
}
