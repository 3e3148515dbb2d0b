/* One running instance of a worker (resize@2): carries out what the state machine says, and keeps the current life.
 *
 * Owner: supervisor.c. Calls fsm, restart, launch, channel, message, life, journal, tree; tells its owner through
 * hooks. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "taskd/definition.h"
#include "taskd/fsm.h"
#include "taskd/life.h"

struct logring;
struct logs;
struct task;

/* How a task is to be stopped. grace_ms -1: what its configuration says. */
struct stop_request {
    enum stop_reason reason;
    int64_t grace_ms;
    bool now;         /* abort: SIGKILL to the whole tree */
    bool after_units; /* the grace begins when no unit is in flight */
};

struct task_hooks {
    void (*on_state)(void *arg, struct task *, enum task_state before);
    void (*on_change)(void *arg, struct task *);                 /* progress, text: worth a redraw, no more */
    void (*on_life)(void *arg, struct task *);                   /* a process has been started */
    void (*on_record)(void *arg, struct task *, json_t *record); /* a life has ended; before the state changes */
    void (*on_unit_begin)(void *arg, struct task *, const char *unit);
    void (*on_unit_end)(void *arg, struct task *, const char *unit, bool ok);
    void (*on_output)(void *arg, struct task *, const char *line, size_t len);
    bool (*may_output)(void *arg);             /* can on_output take a line now? */
    void (*on_kill)(void *arg, struct task *); /* its tree is being killed: look for strays of its handle, too */
    void (*on_due)(void *arg, struct task *);  /* a limit says that its life is to be replaced: see task_replace */
    bool (*may_start)(void *arg, const struct task *);         /* has its turn come? */
    json_t *(*avoid)(void *arg, const struct task *);          /* units for `avoid` in hello: new reference, or NULL */
    void (*on_verdict)(void *arg, struct task *, bool failed); /* a life that nobody ended is over, before the state
                                                                 changes; failed: none follows */
    void *arg;
};

/* What all tasks share. Borrowed by each of them. */
struct task_shared {
    struct event_base *base;
    struct journal *journal;
    struct tree *tree;
    struct cgroups *cgroups; /* NULL: tasks have none of their own */
    struct logs *logs;
    struct rlimit nofile;
    bool capture;              /* "log": inherit goes through taskd, too, line by line */
    int stdin_fd;              /* -1: /dev/null */
    const char *notify_folder; /* where the sockets of sd_notify are made, NULL: there can be none */
    int told_by;               /* the signal that told taskd to stop */
    struct task_hooks hooks;
};

/* A spawned task has one life and, if it likes, an input of its own. */
struct task_plan {
    unsigned number;
    bool spawned;
    json_t *input; /* borrowed; NULL: as configured */
    void *owner;   /* see task_owner */
};

/* `shared` outlives the task, which takes a reference to the definition. NULL when memory is out. */
struct task *task_new(const struct task_shared *, struct definition *, const struct task_plan *);
void task_free(struct task *); /* NULL ok; the process, if there is one, is left alone */

/* Its next life has this definition; the current one, too, if it is `live`: no key differs that a process sees. */
void task_redefine(struct task *, struct definition *, bool live);

void task_start(struct task *);  /* wanted up; forgets the restart history; starts when its turn has come */
void task_resume(struct task *); /* starts what waits for others, if its turn has come */
void task_stop(struct task *, const struct stop_request *); /* wanted down */
/* The same, but later: wanted down from now on, and told so by another task_stop. */
void task_hold_stop(struct task *, const struct stop_request *);
const struct stop_request *task_held_stop(const struct task *); /* NULL: none */
/* Ends the life, and begins another at once. Where there is no life, a start that waits comes now. */
void task_replace(struct task *, enum stop_reason);
/* Marks the life: whoever decides about the order of replacements is to replace it. STOP_NONE takes it back. */
void task_set_due(struct task *, enum stop_reason);
enum stop_reason task_due(const struct task *);
int64_t task_due_since(const struct task *); /* sys->now_ms() of then */
bool task_returns(const struct task *);      /* what starts next takes the place of a life that was replaced */
void task_set_drained(struct task *, bool);  /* shown in status; a start ends it */
void task_retire(struct task *, bool);       /* to be forgotten once it is over */
void task_queue_run(struct task *);          /* its time has come: it runs as soon as it may, once */
/* Its leader is a zombie: kills what is left of its group, reaps it, drains its channel and closes the life. */
void task_on_exit(struct task *);
void task_count_stray(struct task *); /* a process of its life had to be killed, found by its handle */

const char *task_id(const struct task *);
unsigned task_number(const struct task *);
void *task_owner(const struct task *);
const struct worker_config *task_config(const struct task *);
enum task_state task_state(const struct task *);
const struct logring *task_log(const struct task *); /* its last lines */
const struct life *task_life(const struct task *);   /* never NULL; life->pid is 0 between lives */
json_t *task_last(const struct task *);              /* the last record, borrowed, or NULL */
int task_last_status(const struct task *);           /* its exit status as a shell sees it */
bool task_wanted(const struct task *);
bool task_spawned(const struct task *);
bool task_drained(const struct task *);
bool task_retired(const struct task *);
bool task_settled(const struct task *);  /* up, or down for good: nothing is on its way */
bool task_periodic(const struct task *); /* has a timetable, and waits for its time where there is nothing else to do */
bool task_in_unit(const struct task *);
json_t *task_json(const struct task *); /* as in `taskd status --json`, new reference */
