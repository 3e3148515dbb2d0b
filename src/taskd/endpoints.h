/* The sockets of a configuration, by name; and what one worker gets of them.
 *
 * A reload plans the new ones beside those that are open, opens what is missing, and only then goes over. Owner:
 * daemon.c, daemon_reload.c, for as long as it takes to make definitions of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "taskd/config.h"
#include "taskd/endpoint.h"

struct endpoints;

/* Finds for each socket what is open already or was handed to taskd, by address, then by name; nothing is opened. 0 or
 * -ENOMEM. The pool outlives it. */
int endpoints_plan(struct endpoint_pool *, const struct config *, struct endpoints **ret);
void endpoints_free(struct endpoints *); /* closes what nobody else has a reference to; NULL ok */

/* Opens what is missing. 0; or -errno, and `why` names the socket: what was opened meanwhile closes with the plan. */
int endpoints_open(struct endpoints *, char *why, size_t why_size);
/* Brings those that were open to what the configuration says now: backlog, mode, owner. */
void endpoints_change(struct endpoints *);

/* What one worker gets, in the order in which its lives do: borrowed by launch.c from a definition. */
struct endpoint_bundle {
    struct endpoint **list;
    size_t count;
    char *names; /* "web:web:admin"; NULL for none */
};
/* 0 or -ENOMEM. `names` is a worker's list, NULL for none; then `e` may be NULL, too. */
int endpoint_bundle_new(const struct endpoints *e, char *const *names, struct endpoint_bundle *ret);
void endpoint_bundle_clear(struct endpoint_bundle *);
bool endpoint_bundle_equal(const struct endpoint_bundle *, const struct endpoint_bundle *);
