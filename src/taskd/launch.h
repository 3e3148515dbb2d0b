/* One life's beginning: the environment, the descriptors and the identity of a definition, put together and handed to
 * the kernel (sys->spawn). Owner: task.c. */
#pragma once
#include "taskd/config.h"
#include "taskd/endpoints.h"
#include "taskd/identity.h"
#include "taskd/sys.h"

struct launch {
    const struct worker_config *config;
    const struct identity *identity;
    const char *task, *handle;
    unsigned attempt;
    const struct endpoint_bundle *sockets;
    int stdin_fd;                /* -1: /dev/null */
    int output_fd;               /* where stdout and stderr go when taskd reads them itself; -1: as `log` says */
    int cgroup_fd;               /* see spawn.h */
    int ready_fd;                /* what is to be config->ready_fd there; -1: none */
    const char *notify_path;     /* what is to be NOTIFY_SOCKET there; NULL: none */
    const struct rlimit *nofile; /* what taskd was started with */
};

/* 0 and *ret, with taskd's end of the channel in *ret_channel (-1 where there is none); or -errno, and ret->step says
 * at what. */
int launch(const struct launch *, struct spawn_result *ret, int *ret_channel);
