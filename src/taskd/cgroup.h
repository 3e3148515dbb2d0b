/* Control groups, version 2: one for each task, where taskd has a subtree of its own to arrange (systemd's
 * Delegate=yes).
 *
 * What is in a task's group cannot leave it, whatever it forks, so killing it leaves nothing behind; and the group is
 * where the kernel counts memory and processes. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst. A machine
 * with the old hierarchies beside the new one works; controllers that sit in the old ones are not to be had.
 *
 * Owner: daemon.c (cgroups), task (cgroup). cgroup_root.c finds and takes the subtree, cgroup.c keeps a task's group.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "taskd/config.h"

struct cgroups;
struct cgroup;

/* Takes the subtree below the own control group: taskd moves into a leaf of it, and what an earlier taskd has left
 * there is killed. 0 and *ret, NULL for none (off; auto, and nobody has delegated one); -errno and a sentence in `why`.
 */
int cgroups_open(enum cgroup_use, struct cgroups **ret, char *why, size_t why_size);
/* The same for a folder that stands for the own group's: for tests. */
int cgroups_open_at(const char *folder, struct cgroups **ret, char *why, size_t why_size);
void cgroups_free(struct cgroups *); /* NULL ok; removes what is empty, and waits a moment for the rest */

/* Makes the group of a task. 0 or -errno. */
int cgroup_new(struct cgroups *, const char *task, struct cgroup **ret);
void cgroup_free(struct cgroup *); /* NULL ok; its processes have been killed */

/* The names of limits that could not be set since their controller is not to be had: "memory_max pids_max"; "". */
const char *cgroup_unset(const struct cgroup *);

int cgroup_open_procs(const struct cgroup *); /* for a child to write "0" into: a descriptor, or -errno */
/* Sets the limits that the life's definition has, and counts OOM kills from here on. */
void cgroup_begin_life(struct cgroup *, const struct worker_config *limits);
bool cgroup_had_oom_kill(const struct cgroup *);
bool cgroup_has(const struct cgroup *, pid_t); /* is it in there? */
/* SIGKILL to everything in it. Returns how many processes that were, without `leader`. */
size_t cgroup_kill(struct cgroup *, pid_t leader);
