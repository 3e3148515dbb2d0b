/* What a task is made from: a worker's configuration and who it runs as. Shared by the tasks of a worker; a life keeps
 * the one it began with while a reload brings another.
 *
 * Owner: whoever holds a reference. Calls config, identity. */
#pragma once
#include "taskd/config.h"
#include "taskd/identity.h"

struct definition {
    struct worker_config config;
    struct identity identity;
    unsigned refs; /* private to definition.c */
};

/* Moves the content of `config` (an entry of a loaded configuration, which is left empty) into *ret. 0, or what
 * identity_resolve says; `config` is untouched on failure. Looks up users, which may block. */
int definition_new(struct worker_config *config, struct definition **ret);
struct definition *definition_ref(struct definition *);
void definition_unref(struct definition *); /* NULL ok */
