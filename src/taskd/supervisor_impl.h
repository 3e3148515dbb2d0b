/* The inside of the supervisor, for its own files: supervisor.c (news from tasks, the end), reap.c (processes),
 * crew.c (workers and their tasks), requests.c (what can be asked of a scope), order.c (who comes after whom),
 * rollout.c (replacements, scaling), strategy.c (what a death means for others), spawned.c, reload.c, timetable.c,
 * ask.c (scopes, status, totals), waiters.c, news.c (events). */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "taskd/supervisor.h"

struct agenda;
struct events;
struct event;
struct ledger;
struct poison;

/* A definition's name and its tasks. */
struct worker {
    char *name;
    struct definition *definition; /* the configured one; of a spawned command: the last one */
    struct task **tasks;           /* by number */
    size_t count;
    size_t index;          /* its place in the configuration */
    struct worker **after; /* those that come before it */
    size_t after_count;
    unsigned max_unavailable; /* how many of its tasks may be on their way while it is replaced */
    bool configured;          /* false: it has spawned tasks only */
    bool regrouping;          /* no task of it starts until all that are to go down with it are down */
    bool walked;              /* private to order.c */
};

struct supervisor {
    struct event_base *base;
    int on_failed; /* enum on_failed */
    struct supervisor_hooks hooks;
    struct task_shared shared;
    struct worker **workers; /* configured ones in the configuration's order */
    size_t workers_count;
    struct task **tasks; /* all of them; see crew_tasks */
    size_t count;
    size_t over; /* how many tasks are down and stay down */
    size_t waiting,
        held;     /* how many are in TASK_WAITING; how many had a stop held back when they were last looked at */
    size_t due;   /* how many were to be replaced when they were last looked at */
    void *by_pid; /* tsearch(3): the tasks with a living leader */
    bool ordered; /* some worker comes after another */
    struct tree *tree;
    struct ledger *ledger;
    struct poison *poison;
    struct agenda *agenda;
    struct events *events;
    struct event *sweep_timer, *settle;
    struct supervisor_waiter *waiters;
    enum supervisor_state state;
    bool leaving; /* some task or worker is to be forgotten when it is over */
    bool one_shot, spoken;
    bool failed; /* a task has failed for good, and on_failed has not been obeyed yet */
    int64_t started_ms;
    uint64_t lives, units_done, units_failed, killed;
    uint64_t unsure; /* killed during the final stop, and nobody knows whether in a unit */
    char *socket, *notify_folder;
};

/* supervisor.c */
void supervisor_settle(struct supervisor *); /* looks at everything that depends on others, once a turn of the loop */

/* reap.c */
void reap_remember(struct supervisor *, struct task *); /* its process is alive from now on */
void reap_sweep_soon(struct supervisor *);
void reap_sweep_later(struct supervisor *);
void reap_leftovers(struct supervisor *); /* everything is over: whatever is still there dies; waits a moment for it */
void on_reap_timer(int fd, short what, void *supervisor);

/* crew.c */
struct worker *crew_find(const struct supervisor *, const char *name);
struct worker *crew_add_worker(struct supervisor *, const char *name); /* NULL: no memory */
void crew_define(struct worker *, struct definition *);                /* takes the reference */
struct task *crew_add_task(struct supervisor *, struct worker *, struct definition *, bool spawned, json_t *input);
size_t crew_replicas(const struct worker *); /* tasks that are neither spawned nor retired */
void crew_prune(struct supervisor *);        /* forgets tasks that are retired or spawned and over, and empty workers */
void crew_free(struct supervisor *);
struct task *const *crew_tasks(const struct supervisor *, size_t *ret_count); /* valid until a task comes or goes */
void crew_order(struct supervisor *); /* tasks have come: all of them in the order of status */
struct worker *worker_of(const struct task *);

/* order.c */
int order_link(struct supervisor *); /* after workers have come or gone: 0 or -ENOMEM */
bool order_may_start(const struct supervisor *, const struct task *);
bool order_holds(const struct supervisor *, const struct task *); /* others are to be down before it is stopped */
/* It waits for a worker that is down, and that nobody is about to start. */
bool order_blocks(const struct supervisor *, const struct task *);
json_t *order_waits_for(const struct supervisor *, const struct task *); /* names of workers, new reference */
json_t *order_held_by(const struct supervisor *, const struct task *);
void order_release(struct supervisor *); /* starts and stops whose turn has come */

/* requests.c */
/* Stops those that `wanted` picks, dependents first. Returns how many were not down. */
typedef bool task_picker(const struct task *, const void *arg);
int requests_stop(struct supervisor *s, const struct stop_request *req, task_picker *wanted, const void *arg);

/* rollout.c */
void rollout_advance(struct supervisor *);
int rollout_scale(struct supervisor *, struct worker *, size_t replicas, enum stop_reason); /* 0 or -ENOMEM */

/* strategy.c */
void strategy_death(struct supervisor *, struct task *, bool failed);
void strategy_settle(struct supervisor *);

/* timetable.c */
int timetable_open(struct supervisor *);
void timetable_set(struct supervisor *, struct worker *); /* as its definition says */
void timetable_remove(struct supervisor *, struct worker *);
int64_t timetable_next(const struct supervisor *, const struct worker *); /* unix ms, -1: none */

/* ask.c */
bool supervisor_in_scope(const struct task *, const char *scope);
bool supervisor_scope_known(const struct supervisor *, const char *scope);

/* waiters.c */
void supervisor_waiters_record(struct supervisor *, const struct task *, json_t *record);
void supervisor_waiters_forget(struct supervisor *, const struct task *); /* it will be gone */
void supervisor_waiters_check(struct supervisor *);
void supervisor_waiters_free(struct supervisor *);

/* news.c: what is told to the readers of events */
void news_daemon(struct supervisor *, const char *state); /* "started", "stopping", "ended" */
void news_state(struct supervisor *, const struct task *, enum task_state before);
void news_life(struct supervisor *, const struct task *); /* a process has been started */
void news_record(struct supervisor *, const json_t *record);
void news_lost(struct supervisor *, const struct task *, const char *unit);
void news_unit_begin(struct supervisor *, const struct task *, const char *unit);
void news_unit_end(struct supervisor *, const struct task *, const char *unit, bool ok);
void news_reload(struct supervisor *, json_t *diff); /* taken */
void news_poison(struct supervisor *, const char *worker, const char *unit, unsigned deaths);
