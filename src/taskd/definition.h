/* What a task is made from: a worker's configuration, who it runs as, and the sockets that it gets. Shared by the tasks
 * of a worker; a life keeps the one it began with while a reload brings another.
 *
 * Owner: whoever holds a reference. Calls config, endpoints, identity. */
#pragma once
#include "taskd/config.h"
#include "taskd/endpoints.h"
#include "taskd/identity.h"

struct definition {
    struct worker_config config;
    struct identity identity;
    struct endpoint_bundle sockets;
    unsigned refs; /* private to definition.c */
};

/* Moves the content of `config` (an entry of a loaded configuration, which is left empty) into *ret. `endpoints` has
 * the sockets that it names, NULL: there are none. 0, -ENOMEM, or what identity_resolve says; `config` is untouched on
 * failure. Looks up users, which may block. */
int definition_new(struct worker_config *config, const struct endpoints *endpoints, struct definition **ret);
struct definition *definition_ref(struct definition *);
void definition_unref(struct definition *); /* NULL ok */
