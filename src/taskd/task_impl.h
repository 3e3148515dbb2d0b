/* The inside of a task, for its own two files: task.c (states, lives) and talk.c (the conversation with the worker). */
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
    int last_status;
};

/* task.c */
void task_ready(struct task *);
void task_changed(struct task *);
void task_arm_state_timer(struct task *);
void task_arm_unit_timer(struct task *);
void task_signal_leader(struct task *, int sig, enum end_sent);
void task_stop_deaf(struct task *);
void task_end_life(struct task *, const struct stop_request *);

/* talk.c */
void task_open_channel(struct task *, int fd); /* takes fd */
bool task_send_stop(struct task *);            /* false: nobody can hear it */
