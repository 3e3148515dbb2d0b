/* Who a worker runs as: names from the configuration resolved once, before the loop starts, since the name service may
 * block. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "taskd/config.h"

struct identity {
    bool change; /* false: taskd's own */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary groups, owned */
    size_t groups_count;
    char *name, *home; /* of the user, NULL where only a group is set; owned */
};

/* 0; -ENOENT for a stranger; -ENOMEM. */
int identity_resolve(const struct worker_config *, struct identity *ret);
void identity_clear(struct identity *);
