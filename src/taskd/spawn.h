/* From a definition to a running process: a clean child, and the real errno when there is none.
 *
 * The child shares taskd's memory until it execs (clone(2) with CLONE_VM|CLONE_VFORK, a stack of its own), so a start
 * costs no copy of page tables, and a failure is told by writing it down. Between clone and exec only async-signal-safe
 * calls are made. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "taskd/config.h"

/* A descriptor of taskd's, and the number that it has in the child. */
struct spawn_fd {
    int fd, target;
};

enum { SPAWN_FDS_MAX = 258, SPAWN_PIDS_MAX = 2, SPAWN_PID_ROOM = 12 };

/* What the child is to be. Everything is prepared by the parent and borrowed; one of the first three descriptors that
 * is -1 means /dev/null. Nothing else of taskd's is passed on: descriptors, signal mask, ignored signals, process
 * group. */
struct spawn_request {
    char *const *argv;
    char *const *envp;
    char *const *candidates; /* the files to try in order, NULL-terminated: spawn_candidates() */
    const char *cwd;         /* NULL: unchanged */
    int stdin_fd, stdout_fd, stderr_fd;
    const struct spawn_fd *fds; /* at most SPAWN_FDS_MAX more, each to a target of its own, from 3 on */
    size_t fds_count;
    char *const *pid_texts; /* at most SPAWN_PIDS_MAX places of SPAWN_PID_ROOM bytes within envp: the child's own pid */
    size_t pid_texts_count;
    bool set_ids;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t groups_count;
    int umask; /* -1: unchanged */
    const struct limit_setting *limits;
    size_t limits_count;
    int cgroup_fd;               /* cgroup.procs of the group to join, -1: taskd's own */
    const struct rlimit *nofile; /* what taskd itself was started with, before it raised its own; NULL: unchanged */
};

struct spawn_result {
    pid_t pid;
    int pidfd;
    int error;        /* 0, or the errno that kept the child from its exec */
    const char *step; /* … and what it was doing: "exec", "chdir", "setuid" … (static) */
};

/* 0 with pid and pidfd (the caller's), or -errno with `error` and `step`: no process is left behind. */
int spawn_process(const struct spawn_request *, struct spawn_result *ret);

/* The files that execvp would try for `file` with this environment's PATH; NULL-terminated, caller frees with
 * spawn_candidates_free. */
char **spawn_candidates(const char *file, char *const *envp);
void spawn_candidates_free(char **);
