/* The inside of the supervisor, for its own files: supervisor.c (tasks, reaping), ask.c (scopes, status, totals),
 * waiters.c. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "taskd/supervisor.h"

struct ledger;
struct event;

struct supervisor {
    struct event_base *base;
    const struct config *config;
    struct supervisor_hooks hooks;
    struct task_shared shared;
    struct identity *identities; /* one a worker, in the configuration's order */
    struct task **tasks;
    size_t count;
    size_t over;  /* how many tasks are down and stay down */
    void *by_pid; /* tsearch(3): the tasks with a living leader */
    struct tree *tree;
    struct ledger *ledger;
    struct event *sweep_timer, *settle;
    struct supervisor_waiter *waiters;
    enum supervisor_state state;
    bool one_shot, spoken;
    int64_t started_ms;
    uint64_t lives, units_done, units_failed, killed;
    uint64_t unsure; /* killed during the final stop, and nobody knows whether in a unit */
    char *socket;
};

/* supervisor.c */
struct task *supervisor_task_by_pid(const struct supervisor *, pid_t);
void supervisor_settle(struct supervisor *);

/* ask.c */
bool supervisor_in_scope(const struct task *, const char *scope);
bool supervisor_scope_known(const struct supervisor *, const char *scope);

/* waiters.c */
void supervisor_waiters_record(struct supervisor *, const struct task *, json_t *record);
void supervisor_waiters_check(struct supervisor *);
void supervisor_waiters_free(struct supervisor *);
