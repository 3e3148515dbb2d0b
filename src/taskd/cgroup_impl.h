/* The inside of control groups, for cgroup.c and cgroup_root.c. */
#pragma once
#include "taskd/cgroup.h"

enum cgroup_controller { CONTROLLER_MEMORY, CONTROLLER_PIDS, CONTROLLER_CPU, CONTROLLERS };

struct cgroups {
    int fd;                        /* the folder of the own group */
    bool controllers[CONTROLLERS]; /* which ones tasks have */
};

/* Below the folder `at`. 0 or the length, or -errno; text is cut at the size and ends with NUL. */
int cgroup_write(int at, const char *file, const char *text);
int cgroup_read(int at, const char *file, char *text, size_t size);
size_t cgroup_kill_all(int at, pid_t except); /* what is in the group of this folder */
/* A folder that still has processes is busy: tries again for a moment. */
int cgroup_remove(struct cgroups *, const char *name, int tries);
