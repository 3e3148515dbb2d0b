/* The process tree of a life: every descendant, also those that left its process group and session.
 *
 * A living leader's descendants are found by their parents. Once the leader is dead they are taskd's own children (it
 * is a subreaper), and the handle in their environment (TASKD_HANDLE) says whose they were. Linux only: reads /proc. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree;

struct tree *tree_new(void); /* NULL when memory is out */
void tree_free(struct tree *);

/* Reads /proc, unless that was done a moment ago: before a leader is killed, while its descendants can still be told by
 * their parents. */
void tree_look(struct tree *);

/* SIGKILL to every descendant of `leader`, not to itself; for a group use sys->kill_group as well. Returns how many
 * were signalled. The picture of /proc is at most a few milliseconds old, so that ending a thousand lives reads it
 * once. */
size_t tree_kill(struct tree *, pid_t leader);

/* Is this process one of the tree: a descendant, one of the leader's process group, or an orphan with its handle?
 * Zombies count, the leader itself does. */
bool tree_has(pid_t leader, const char *handle, pid_t);

/* SIGKILL to every child of taskd that `is_leader` does not know and whose handle `is_dead` says belongs to a life that
 * is over. Returns how many. `on_stray` is told of each. */
struct tree_sweep {
    bool (*is_leader)(void *arg, pid_t);
    bool (*is_dead)(void *arg, const char *handle);
    void (*on_stray)(void *arg, const char *handle, pid_t);
    void *arg;
};
size_t tree_sweep(struct tree *, const struct tree_sweep *);

/* What was read of /proc is out of date: the next call reads it again. */
void tree_forget(struct tree *);
