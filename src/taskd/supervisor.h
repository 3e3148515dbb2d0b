/* All tasks: starting, stopping, reaping, and the questions that others ask about them.
 *
 * Words: a worker is a definition, a task one running instance of it (resize@2), a life one process of a task
 * (resize@2#17). A scope is a set of tasks: NULL is the daemon and everything in it, "batch" a group of workers
 * (part_of), "resize" a worker, "resize@2" a task, "resize@2#17" one life. Owner: cmd_run.c. Calls task, tree, journal,
 * ledger; tells others through the callbacks below. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "taskd/task.h"

struct event_base;
struct logring;
struct logs;
struct config;
struct journal;
struct endpoints;
struct events;
struct supervisor;

enum supervisor_state { SUP_RUNNING, SUP_STOPPING, SUP_ENDED };
const char *supervisor_state_name(enum supervisor_state);

struct supervisor_hooks {
    void (*on_change)(void *arg, struct task *);  /* a task changed in a way that a person may see */
    void (*on_record)(void *arg, json_t *record); /* a life has ended; the record is borrowed */
    void (*on_gone)(void *arg, struct task *);    /* a task is about to be forgotten */
    void (*on_output)(void *arg, struct task *, const char *line, size_t len); /* a captured line of output */
    bool (*may_output)(void *arg); /* can on_output take a line now? NULL: always */
    void (*on_state)(void *arg, enum supervisor_state);
    void *arg;
};

struct supervisor_options {
    bool one_shot;                     /* run -- CMD: a task that was stopped has ended for good */
    bool capture;                      /* "log": inherit comes through taskd, line by line (on_output) */
    struct cgroups *cgroups;           /* borrowed, NULL: tasks have none of their own */
    int stdin_fd;                      /* the workers' standard input, -1: /dev/null */
    struct rlimit nofile;              /* what taskd was started with */
    struct events *events;             /* where all that happens is told; borrowed */
    const struct endpoints *endpoints; /* the configuration's sockets, borrowed until it is made; NULL: none */
};

/* `journal` and `base` are borrowed and outlive the supervisor; the workers' definitions are moved out of `config`. 0,
 * -ENOENT for a user or group that is
 * unknown, -errno. */
int supervisor_new(struct event_base *base, struct config *config, struct journal *journal,
                   const struct supervisor_options *options, const struct supervisor_hooks *hooks,
                   struct supervisor **ret);
void supervisor_free(struct supervisor *);

/* What workers have to say: the last lines of each task, and whoever wants to hear what comes. */
struct logs *supervisor_logs(const struct supervisor *);
void supervisor_each_log(const struct supervisor *, void (*each)(void *arg, const char *task, const struct logring *),
                         void *arg);

/* Requests return how many tasks they reached, -ENOENT for a scope that nobody has, -ESHUTDOWN once taskd itself is to
 * stop: the stop wins. */

/* Wants a scope up: starts what is down, in the order of `after`, and forgets what made a task fail. Ends a drain. */
int supervisor_start(struct supervisor *, const char *scope);

/* Replaces the lives of a scope at their unit boundaries, idle tasks first, at most `max_unavailable` tasks of a worker
 * at a time (0: one); what is down is started. */
int supervisor_restart(struct supervisor *, const char *scope, unsigned max_unavailable);

/* Lets a scope finish its units, without a deadline, and keeps it down until it is resumed or started. */
int supervisor_drain(struct supervisor *, const char *scope);
int supervisor_resume(struct supervisor *, const char *scope);

/* Makes or ends tasks of one worker, idle ones first. -EINVAL: not a number from 0 to 10000, or a spawned worker. */
int supervisor_scale(struct supervisor *, const char *worker, int64_t replicas);

/* One more task, for one life: of a worker that is configured, or of a definition that is given (taken; its only worker
 * is used). `input` (borrowed, NULL: as configured) goes to the worker. *ret_handle is borrowed until the loop turns.
 * 0, -ENOENT, -ESHUTDOWN, -ENOMEM, -EOPNOTSUPP for an input and no channel, or what identity_resolve says of a user
 * that is unknown. */
struct spawn_order {
    const char *worker;
    struct config *definition; /* instead of `worker` */
    json_t *input;
};
int supervisor_spawn(struct supervisor *, const struct spawn_order *, const char **ret_handle);

/* Goes over to another configuration (taken, in every case), whose sockets are `endpoints` (borrowed): tasks whose
 * worker has not changed stay as they are, changed ones are replaced as by a restart, those that are gone are stopped.
 * Returns what differs, new reference; NULL with errno ESHUTDOWN or ENOMEM. With `dry_run` nothing is done. */
json_t *supervisor_reload(struct supervisor *, struct config *, const struct endpoints *endpoints, bool dry_run);

/* There was to be another one, and this is why there is not: {"code","message","errors"} (borrowed), for the events. */
void supervisor_reload_refused(struct supervisor *, json_t *error);

void supervisor_reap(struct supervisor *);               /* on SIGCHLD */
void supervisor_told_by(struct supervisor *, int signo); /* the signal behind STOP_SIGNAL; the first one counts */

/* Asks a scope to stop, dependents first; idempotent, a repeated one may shorten the deadline. NULL stops the daemon:
 * SUP_ENDED follows when all are down. */
int supervisor_stop(struct supervisor *, const char *scope, const struct stop_request *);

/* SIGKILL to the trees of a scope now; the tasks then follow their restart policy as after any death that was asked
 * for: they stay down. Returns like supervisor_stop. */
int supervisor_abort(struct supervisor *, const char *scope);

/* Someone who waits. `on_done` is called once, from the loop, never from inside supervisor_wait; not after
 * supervisor_wait_cancel. What it is given is borrowed. */
struct supervisor_waiter;
struct wait_result {
    json_t *records;   /* the outcome records of the lives that were waited for; of WAIT_LIFE and WAIT_DOWN */
    json_t *overtaken; /* ids of tasks of which something else was asked before they had got there */
    json_t *left;      /* WAIT_UP: ids of tasks that were not replaced, since another one had failed */
    json_t *blocked;   /* WAIT_UP: ids of tasks that come after a worker which is down, and will not start by itself */
};
typedef void supervisor_wait_cb(void *arg, const struct wait_result *);

/* WAIT_LIFE: the current life of each task in the scope, or its first where it is still to come; of a task that is down
 * the last one, no record where there was none. WAIT_DOWN: until the lives of the scope have ended that were to end,
 * whether or not others follow. WAIT_UP: until none of the tasks that were to come up is on its way: not starting, not
 * stopping, not due for a replacement; those that failed for good count as settled. WAIT_IDLE: until no unit is in
 * flight. WAIT_DOWN and WAIT_UP are made before the request that they wait for, so that no record is missed, and look
 * at tasks from supervisor_wait_begin on, after it. 0 and *ret, -ENOENT (the name is unknown; a handle that is not in
 * memory must be looked up in the journal) or -ENOMEM. */
enum wait_kind { WAIT_LIFE, WAIT_DOWN, WAIT_UP, WAIT_IDLE };
int supervisor_wait(struct supervisor *, const char *scope, enum wait_kind, supervisor_wait_cb *on_done, void *arg,
                    struct supervisor_waiter **ret);
int supervisor_wait_begin(struct supervisor_waiter *); /* 0 or -ENOMEM */
void supervisor_wait_cancel(struct supervisor_waiter *);

/* {"v":1,"daemon":{…},"tasks":[…]} as in taskd(1), new reference; scope limits the tasks. NULL: -ENOENT or memory
 * (errno). */
json_t *supervisor_status(const struct supervisor *, const char *scope);

enum supervisor_state supervisor_state(const struct supervisor *);
bool supervisor_ready(const struct supervisor *); /* every task that is wanted up is ready, and no stop is under way */
size_t supervisor_task_count(const struct supervisor *);
struct task *supervisor_task(const struct supervisor *, size_t index); /* in the order of status */

/* Totals over all lives, for the last words and the exit status. */
struct supervisor_totals {
    uint64_t lives, units_done, units_failed;
    uint64_t killed; /* lives that had to be killed: grace expiry, abort */
    uint64_t unsure; /* … during the final stop, of workers that never spoke: maybe in the middle of something */
    uint64_t not_ok; /* tasks whose last life was neither ok nor cancelled cooperatively */
    bool spoken;     /* some worker has spoken: units are known at all */
    json_t *lost;    /* {"worker","unit","handle"}…: begun, never ended, not done again since; new reference; NULL: no
                        memory */
};
void supervisor_totals(const struct supervisor *, struct supervisor_totals *ret);

void supervisor_set_socket(struct supervisor *, const char *path); /* shown in status; copied */
