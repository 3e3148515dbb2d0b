/* One running instance of a worker (resize@2): carries out what the state machine says, and keeps the current life.
 *
 * Owner: supervisor.c. Calls fsm, restart, launch, channel, message, life, journal, tree; tells its owner through
 * hooks. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "taskd/fsm.h"
#include "taskd/identity.h"
#include "taskd/life.h"

struct task;

/* How a task is to be stopped. grace_ms -1: what its configuration says. */
struct stop_request {
    enum stop_reason reason;
    int64_t grace_ms;
    bool now; /* abort: SIGKILL to the whole tree */
};

struct task_hooks {
    void (*on_state)(void *arg, struct task *, enum task_state before);
    void (*on_change)(void *arg, struct task *);                 /* progress, text: worth a redraw, no more */
    void (*on_life)(void *arg, struct task *);                   /* a process has been started */
    void (*on_record)(void *arg, struct task *, json_t *record); /* a life has ended; before the state changes */
    void (*on_unit_end)(void *arg, struct task *, const char *unit);
    void (*on_output)(void *arg, struct task *, const char *line, size_t len);
    bool (*may_output)(void *arg);             /* can on_output take a line now? */
    void (*on_kill)(void *arg, struct task *); /* its tree is being killed: look for strays of its handle, too */
    void *arg;
};

/* What all tasks share. Borrowed by each of them. */
struct task_shared {
    struct event_base *base;
    struct journal *journal;
    struct tree *tree;
    struct rlimit nofile;
    bool capture; /* "log": inherit goes through taskd, line by line */
    int stdin_fd; /* -1: /dev/null */
    int told_by;  /* the signal that told taskd to stop */
    struct task_hooks hooks;
};

/* `config`, `identity` and `shared` outlive the task. NULL when memory is out. */
struct task *task_new(const struct task_shared *, const struct worker_config *, const struct identity *,
                      unsigned number);
void task_free(struct task *); /* NULL ok; the process, if there is one, is left alone */

void task_start(struct task *);                             /* wanted up; forgets the restart history */
void task_stop(struct task *, const struct stop_request *); /* wanted down */
/* Its leader is a zombie: kills what is left of its group, reaps it, drains its channel and closes the life. */
void task_on_exit(struct task *);
void task_count_stray(struct task *); /* a process of its life had to be killed, found by its handle */

const char *task_id(const struct task *);
const struct worker_config *task_config(const struct task *);
enum task_state task_state(const struct task *);
const struct life *task_life(const struct task *); /* never NULL; life->pid is 0 between lives */
json_t *task_last(const struct task *);            /* the last record, borrowed, or NULL */
int task_last_status(const struct task *);         /* its exit status as a shell sees it */
bool task_wanted(const struct task *);
json_t *task_json(const struct task *); /* as in `taskd status --json`, new reference */
