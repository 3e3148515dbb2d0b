/* The inside of a task, for its own files: task.c (states, timers, requests), turnover.c (where a life begins and
 * ends), ladder.c (how a process is made to leave), talk.c (the conversation with the worker), status.c (how it is
 * shown). */
#pragma once
#include "common/fd.h"
#include "common/text.h"
#include "taskd/restart.h"
#include "taskd/task.h"

struct channel;
struct output;
struct event;

struct task {
    const struct task_shared *shared;
    const struct worker_config *config;
    const struct identity *identity;
    char *id;
    enum task_state state;
    bool wanted;
    unsigned attempts;
    struct restart_history history;
    int64_t backoff_ms;
    unsigned kill_tries;
    int64_t log_credit, log_credit_at_ms; /* how many `log` messages it may still send: see talk.c */
    uint64_t log_dropped;
    struct event *timer, *unit_timer;
    struct channel *channel;
    struct output *output;
    struct life life;
    json_t *last;
    json_t *resume; /* the last checkpoint of the life before, for the next one; NULL: none */
    int last_status;
};

/* task.c */
void task_feed(struct task *, enum task_event); /* the one place where a task's state changes */
void task_changed(struct task *);
void task_arm_state_timer(struct task *);
void task_arm_unit_timer(struct task *);
/* Begins a stop of the living process; whether another life follows is up to `wanted` and the restart policy. */
void task_end_life(struct task *, const struct stop_request *);

/* ladder.c: what the state machine asks for to end a process */
void ladder_send_stop(struct task *);
void ladder_stop_deaf(struct task *); /* nobody hears a message: by stop_signal */
void ladder_send_term(struct task *);
void ladder_kill_grace(struct task *);
void ladder_kill_fault(struct task *);
void ladder_kill_abort(struct task *);
void ladder_kill_again(struct task *);

/* turnover.c */
void turnover_spawn(struct task *);

/* talk.c */
void talk_open(struct task *, int fd); /* takes fd */
bool talk_send_stop(struct task *);    /* false: nobody can hear it */
