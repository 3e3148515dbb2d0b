/* The seam to the kernel: what the supervisor asks of it that a test wants to answer instead.
 *
 * Production code calls through `sys`; a test points it at a table of its own. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "taskd/spawn.h"

struct sys_exit {
    pid_t pid;
    int code, signal; /* signal 0: it exited with `code` */
    bool core;
    struct rusage usage;
};

struct sys_ops {
    int64_t (*now_ms)(void); /* CLOCK_MONOTONIC: never jumps */
    int (*spawn)(const struct spawn_request *, struct spawn_result *ret);
    /* 0 or -errno (-ESRCH: gone). The leader is signalled through its pidfd, never by number. */
    int (*kill_leader)(int pidfd, int sig);
    /* Only while the group's leader is not reaped: until then its number is nobody else's. */
    int (*kill_group)(pid_t leader, int sig);
    int (*kill_stray)(int pidfd, int sig);
    /* A child that has exited and is not reaped yet: its pid, 0 when there is none. It stays a zombie. */
    pid_t (*next_exit)(void);
    /* Reaps this child. 0 or -errno. */
    int (*reap)(pid_t, struct sys_exit *ret);
    int64_t (*resident)(pid_t); /* bytes of memory that a process holds, 0 when nobody knows */
    double (*dice)(void);       /* from 0 to 1, below 1 */
};

extern const struct sys_ops sys_kernel;
extern const struct sys_ops *sys;

/* Raises the soft limit of open files to the hard one; *ret_before is what it was, for the children. 0 or -errno. */
int sys_raise_nofile(struct rlimit *ret_before);
