/* The inside of a task, for its own files: task.c (states, timers, requests), turnover.c (where a life begins and
 * ends), watch.c (what a life may not exceed), ladder.c (how a process is made to leave), talk.c (the conversation with
 * the worker), task_log.c (what it says for people), status.c (how it is shown). */
#pragma once
#include "common/fd.h"
#include "common/text.h"
#include "taskd/restart.h"
#include "taskd/task.h"

struct cgroup;
struct channel;
struct message;
struct notify_socket;
struct output;
struct readiness;
struct tasklog;
struct event;

struct task {
    const struct task_shared *shared;
    struct definition *definition, *next_definition; /* next: from the next life on, NULL: the same */
    const struct worker_config *config;              /* the definition's */
    void *owner;
    char *id;
    unsigned number;
    json_t *input; /* a spawned task's own, NULL: as configured */
    enum task_state state;
    bool wanted, spawned, drained, retired;
    bool replaced; /* this life is being ended in order to begin another */
    bool queued;   /* a start is due, and has to wait for others or for the end of this life */
    enum stop_reason due;
    struct stop_request held; /* a stop that others go before */
    bool is_held;
    bool returns;   /* its life was replaced: whom it comes after has had its say */
    int64_t due_ms; /* since when it is due */
    unsigned attempts;
    struct restart_history history;
    int64_t backoff_ms;
    unsigned kill_tries;
    int64_t log_credit, log_credit_at_ms; /* how many `log` messages taskd's log still takes: see task_log.c */
    uint64_t log_dropped;
    struct event *timer, *watch_timer;
    int64_t timer_due_ms, watch_due_ms; /* when they should fire, DURATION_INFINITY: never */
    struct cgroup *cgroup;              /* made with the first life, NULL: none */
    struct channel *channel;
    struct readiness *readiness;  /* ready: "fd", NULL: none */
    struct notify_socket *notify; /* channel: "sd_notify", NULL: none */
    struct tasklog *log;
    struct output *output; /* what this life prints, where taskd reads it; NULL: elsewhere */
    struct life life;
    json_t *last;
    json_t *resume; /* the last checkpoint of the life before, for the next one; NULL: none */
    int last_status;
};

/* task.c */
void task_feed(struct task *, enum task_event); /* the one place where a task's state changes */
void task_changed(struct task *);
void task_count_killed(struct task *, size_t in_cgroup); /* some of them may be dying since the last time */
void task_arm_state_timer(struct task *);
/* Sets a timer for a moment of sys->now_ms. */
void task_arm(struct event *timer, int64_t due_ms);
/* Begins a stop of the living process; whether another life follows is up to `wanted` and the restart policy. */
void task_end_life(struct task *, const struct stop_request *);
/* The worker has said so. */
void task_unit_begun(struct task *);
void task_unit_over(struct task *);
/* How much longer to wait at a deadline that was looked at `late_ms` after it had passed: taskd itself was not running
 * (suspended, stopped, starved), so nobody was served. 0: it was in time. */
int64_t task_second_chance(int64_t late_ms, int64_t period_ms);

/* A start may take at least so much more, from now on. */
void task_extend_start(struct task *, int64_t ms);

/* A life is about to begin: by what a reload has brought. */
void task_take_definition(struct task *);

/* task_log.c */
int task_log_open(struct task *, int *ret_fd); /* for a life that begins; the worker's end, -1: none. 0 or -errno */
void task_log_sync(struct task *);             /* what it has printed by now is taken */
void task_log_message(struct task *, const struct message *);

/* watch.c */
int watch_new(struct task *);    /* 0 or -ENOMEM */
void watch_begin(struct task *); /* a life has begun */
void watch_arm(struct task *);   /* something that it looks at has changed */
void watch_heard(struct task *); /* the worker has said something */
void watch_unit_end(struct task *);
void watch_trigger(struct task *); /* it says of itself that it is wedged */

/* ladder.c: what the state machine asks for to end a process */
void ladder_send_stop(struct task *);
void ladder_stop_deaf(struct task *); /* nobody hears a message: by stop_signal */
void ladder_send_term(struct task *);
void ladder_dump(struct task *);
void ladder_kill_grace(struct task *);
void ladder_kill_fault(struct task *);
void ladder_kill_abort(struct task *);
void ladder_kill_again(struct task *);

/* turnover.c */
void turnover_spawn(struct task *);

/* talk.c */
void talk_open(struct task *, int fd); /* takes fd */
void talk_poll(struct task *);         /* reads what has come by now, on whatever it speaks */
void talk_ready(struct task *);        /* it has said so, in whatever way */
/* More grace, from now on; returns what is left of it, DURATION_INFINITY, or 0 where no stop is under way. */
int64_t talk_extend(struct task *, int64_t ms);

/* talk_notify.c */
int talk_open_notify(struct task *); /* 0 (also where there is nothing to open) or -errno */
bool talk_send_stop(struct task *);  /* false: nobody can hear it */
