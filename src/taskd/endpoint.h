/* One socket that workers listen at: opened by taskd, shared by every life that gets it, closed by its last reference.
 *
 * All that are open are in one pool, so that an address that is asked for again finds its descriptor: a bind(2) of a
 * second one would fail, and close the door on those who wait. Owner: endpoints.c, and definitions by reference. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "taskd/address.h"
#include "taskd/config.h"

struct endpoint;

struct endpoint_pool {
    struct endpoint *first;
};

/* What can change while it is open. */
struct endpoint_settings {
    int backlog;
    mode_t mode; /* of the file of a UNIX socket */
    uid_t uid;   /* (uid_t)-1: taskd's own */
    gid_t gid;
};

/* Not open yet; one reference. NULL when memory is out. The pool outlives it. */
struct endpoint *endpoint_new(struct endpoint_pool *, const struct address *, enum socket_type);
/* A descriptor that taskd was handed (taken), open for as long as the pool. `name` is copied. */
struct endpoint *endpoint_adopt(struct endpoint_pool *, int fd, const char *name);
struct endpoint *endpoint_ref(struct endpoint *);
/* The last one closes it, and removes the file of a UNIX socket that was made here. NULL ok. */
void endpoint_unref(struct endpoint *);
/* Gives up what was adopted. */
void endpoint_pool_clear(struct endpoint_pool *);

/* Binds and listens. 0 or -errno: -EADDRINUSE where somebody listens, -EEXIST where a path is no socket of ours. */
int endpoint_open(struct endpoint *, const struct endpoint_settings *);
/* Changes what is open; nothing is done to what was adopted. 0 or -errno. */
int endpoint_change(struct endpoint *, const struct endpoint_settings *);

int endpoint_fd(const struct endpoint *); /* -1: not open yet */

/* The one of that address and type, borrowed, or NULL. */
struct endpoint *endpoint_find(const struct endpoint_pool *, const struct address *, enum socket_type);
/* Walks those that were adopted: the one after `last`, NULL: the first. */
struct endpoint *endpoint_next_adopted(const struct endpoint_pool *, const struct endpoint *last);
const char *endpoint_name(const struct endpoint *); /* what it was handed as */
bool endpoint_has_type(const struct endpoint *, enum socket_type);
bool endpoint_used(const struct endpoint *); /* somebody but the pool has a reference */
