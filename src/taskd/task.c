#include "taskd/task.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/output.h"
#include "taskd/task_impl.h"

/* How often a tree that does not die is killed again. */
enum { KILL_AGAIN_MS = 1000 };

/* A hundred years: nobody waits longer, and no sum of such times overflows. */
static const int64_t GRACE_MAX_MS = 100LL * 366 * 86400 * 1000;

static int64_t now(void)
{
    return sys->now_ms();
}

static void arm(struct event *timer, int64_t ms)
{
    if (ms == DURATION_INFINITY) {
        event_del(timer);
        return;
    }
    if (ms < 0)
        ms = 0;
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    event_add(timer, &tv);
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

static int64_t state_timer_ms(const struct task *t)
{
    switch (fsm_timer(t->state)) {
    case TIMER_START:
        return t->config->start_timeout;
    case TIMER_PRE_STOP:
        return t->config->pre_stop;
    case TIMER_GRACE:
        return t->life.deadline_ms == DURATION_INFINITY ? DURATION_INFINITY : t->life.deadline_ms - now();
    case TIMER_TERM:
        return t->config->term_timeout;
    case TIMER_KILL:
        return KILL_AGAIN_MS;
    case TIMER_BACKOFF:
        return t->backoff_ms;
    default:
        return DURATION_INFINITY;
    }
}

void task_arm_state_timer(struct task *t)
{
    arm(t->timer, state_timer_ms(t));
}

static void on_state_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    enum task_state state = t->state;
    /* What it has already said counts: a `ready` or an `extend` that can be read beats the deadline. */
    if (channel_open(t->channel))
        channel_poll(t->channel);
    if (t->state != state)
        return;
    if (state == TASK_STOPPING && t->life.deadline_ms > now()) {
        task_arm_state_timer(t);
        return;
    }
    if (state == TASK_STARTING)
        t->life.cause = CAUSE_START_TIMEOUT;
    task_feed(t, state == TASK_STOPPING && t->config->term_timeout > 0 ? ON_GRACE_TERM : ON_TIMEOUT);
}

void task_arm_unit_timer(struct task *t)
{
    int64_t deadline = units_deadline(&t->life.units);
    arm(t->unit_timer, deadline == DURATION_INFINITY ? deadline : deadline - now());
}

static void on_unit_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    if (channel_open(t->channel))
        channel_poll(t->channel);
    const struct unit *late = units_overdue(&t->life.units, now());
    if (!late) {
        task_arm_unit_timer(t);
        return;
    }
    char shown[200];
    log_warn("%s: unit %s is over its time of %lld ms", t->id,
             text_printable(late->id, strlen(late->id), shown, sizeof shown), (long long)late->timeout_ms);
    t->life.cause = CAUSE_UNIT_TIMEOUT;
    task_feed(t, ON_FAULT);
}

/* --- what the state machine asks for ----------------------------------------------------------------------------- */

static void act(struct task *t, unsigned actions)
{
    static const struct {
        enum task_action action;
        void (*run)(struct task *);
    } table[] = {
        {ACT_SPAWN, turnover_spawn},         {ACT_SEND_STOP, ladder_send_stop},   {ACT_SEND_TERM, ladder_send_term},
        {ACT_KILL_GRACE, ladder_kill_grace}, {ACT_KILL_FAULT, ladder_kill_fault}, {ACT_KILL_ABORT, ladder_kill_abort},
        {ACT_KILL_AGAIN, ladder_kill_again},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (actions & table[i].action)
            table[i].run(t);
}

/* The one place where a task's state changes. */
void task_feed(struct task *t, enum task_event event)
{
    struct fsm_step step;
    enum task_state before = t->state;
    if (!fsm_next(t->state, event, &step)) {
        log_error("%s: %s cannot happen while %s: ignored", t->id, task_event_name(event), task_state_name(t->state));
        return;
    }
    if (!step.moved)
        return;
    t->state = step.next;
    task_arm_state_timer(t);
    if (t->state != before)
        t->shared->hooks.on_state(t->shared->hooks.arg, t, before);
    act(t, step.actions);
}

void task_changed(struct task *t)
{
    t->shared->hooks.on_change(t->shared->hooks.arg, t);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

void task_start(struct task *t)
{
    t->wanted = true;
    t->history = (struct restart_history){0};
    task_feed(t, ON_START);
}

static int64_t grace_of(const struct task *t, const struct stop_request *req)
{
    int64_t grace = req->grace_ms >= 0 ? req->grace_ms : t->config->stop_timeout;
    return grace > GRACE_MAX_MS ? DURATION_INFINITY : grace;
}

/* The grace period begins when the stop goes out, which is after pre_stop. */
static void note_stop(struct task *t, const struct stop_request *req)
{
    struct life *l = &t->life;
    bool first = !l->stop_pending;
    bool goes_out_now = t->state == TASK_STOPPING || t->config->pre_stop == 0;
    int64_t grace = grace_of(t, req), began = first ? now() : l->stop_ms;
    int64_t start = goes_out_now ? now() : began + t->config->pre_stop;
    int64_t deadline = grace == DURATION_INFINITY ? DURATION_INFINITY : start + grace;
    if (first) {
        l->stop_pending = true;
        l->stop_ms = began;
        l->reason = req->reason;
        l->stop_signo = req->reason == STOP_SIGNAL ? t->shared->told_by : 0;
        l->deadline_ms = deadline;
    } else if (deadline < l->deadline_ms) {
        l->deadline_ms = deadline;
        if (t->state == TASK_STOPPING)
            talk_send_stop(t);
    }
}

/* Begins a stop of the living process; whether another life follows is `wanted`'s business. */
void task_end_life(struct task *t, const struct stop_request *req)
{
    /* Its last words are being read: there is nobody left to stop. */
    if (fsm_alive(t->state) && t->life.pid <= 0)
        return;
    if (fsm_alive(t->state))
        note_stop(t, req);
    if (req->now)
        task_feed(t, ON_ABORT);
    else
        task_feed(t, t->config->pre_stop > 0 ? ON_PRE_STOP : ON_STOP);
}

void task_stop(struct task *t, const struct stop_request *req)
{
    t->wanted = false;
    task_end_life(t, req);
}

/* --- making and asking ------------------------------------------------------------------------------------------- */

struct task *task_new(const struct task_shared *shared, const struct worker_config *config,
                      const struct identity *identity, unsigned number)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->shared = shared;
    t->config = config;
    t->identity = identity;
    t->state = TASK_STOPPED;
    t->life.pidfd = -1;
    t->timer = evtimer_new(shared->base, on_state_timer, t);
    t->unit_timer = evtimer_new(shared->base, on_unit_timer, t);
    if (!t->timer || !t->unit_timer || asprintf(&t->id, "%s@%u", config->name, number) < 0) {
        t->id = NULL;
        task_free(t);
        return NULL;
    }
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    if (t->timer)
        event_free(t->timer);
    if (t->unit_timer)
        event_free(t->unit_timer);
    channel_free(t->channel);
    output_free(t->output);
    life_clear(&t->life);
    json_decref(t->last);
    json_decref(t->resume);
    free(t->id);
    free(t);
}

const char *task_id(const struct task *t)
{
    return t->id;
}

const struct worker_config *task_config(const struct task *t)
{
    return t->config;
}

enum task_state task_state(const struct task *t)
{
    return t->state;
}

const struct life *task_life(const struct task *t)
{
    return &t->life;
}

void task_count_stray(struct task *t)
{
    t->life.tree_killed++;
}

json_t *task_last(const struct task *t)
{
    return t->last;
}

int task_last_status(const struct task *t)
{
    return t->last_status;
}

bool task_wanted(const struct task *t)
{
    return t->wanted;
}
