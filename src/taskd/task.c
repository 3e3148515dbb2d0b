#include "taskd/task.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/cgroup.h"
#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/logs.h"
#include "taskd/notify_socket.h"
#include "taskd/output.h"
#include "taskd/readiness.h"
#include "taskd/task_impl.h"

/* How often a tree that does not die is killed again; how long one that was wedged may take to write its core; how
 * late a deadline may be looked at before taskd takes the blame. */
enum { KILL_AGAIN_MS = 1000, DUMP_MS = 10 * 1000, LATE_MS = 2000 };

/* A hundred years: nobody waits longer, and no sum of such times overflows. */
static const int64_t GRACE_MAX_MS = 100LL * 366 * 86400 * 1000;

static int64_t now(void)
{
    return sys->now_ms();
}

void task_arm(struct event *timer, int64_t due_ms)
{
    if (due_ms == DURATION_INFINITY) {
        event_del(timer);
        return;
    }
    int64_t ms = due_ms - now();
    if (ms < 0)
        ms = 0;
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    event_add(timer, &tv);
}

/* --- the state's timer ------------------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t in(int64_t ms)
{
    return ms == DURATION_INFINITY ? DURATION_INFINITY : now() + ms;
}

static int64_t state_timer_due(const struct task *t)
{
    switch (fsm_timer(t->state)) {
    case TIMER_START:
        return in(t->config->start_timeout);
    case TIMER_PRE_STOP:
        return in(t->config->pre_stop);
    case TIMER_GRACE:
        return t->life.deadline_ms;
    case TIMER_TERM:
        return in(t->config->term_timeout);
    case TIMER_DUMP:
        return t->life.stop_pending ? sooner(in(DUMP_MS), t->life.deadline_ms) : in(DUMP_MS);
    case TIMER_KILL:
        return in(KILL_AGAIN_MS);
    case TIMER_BACKOFF:
        return in(t->backoff_ms);
    default:
        return DURATION_INFINITY;
    }
}

void task_arm_state_timer(struct task *t)
{
    t->timer_due_ms = state_timer_due(t);
    task_arm(t->timer, t->timer_due_ms);
}

int64_t task_second_chance(int64_t late_ms, int64_t period_ms)
{
    return late_ms > LATE_MS ? sooner(late_ms, period_ms) : 0;
}

void task_extend_start(struct task *t, int64_t ms)
{
    int64_t due = ms == DURATION_INFINITY ? ms : now() + ms;
    if (t->state != TASK_STARTING || due <= t->timer_due_ms)
        return;
    t->timer_due_ms = due;
    task_arm(t->timer, due);
}

/* A start or a grace that ran out while taskd itself was not running gets another chance. */
static bool forgiven(struct task *t)
{
    int64_t late = now() - t->timer_due_ms, period = 0;
    if (t->state == TASK_STARTING)
        period = t->config->start_timeout;
    else if (t->state == TASK_STOPPING)
        period = t->life.deadline_ms - t->life.stop_ms;
    int64_t more = task_second_chance(late, period);
    if (more == 0)
        return false;
    log_warn("%s: taskd was not running for a while (%lld ms): it gets %lld ms more", t->id, (long long)late,
             (long long)more);
    t->timer_due_ms = now() + more;
    if (t->state == TASK_STOPPING)
        t->life.deadline_ms = t->timer_due_ms;
    task_arm(t->timer, t->timer_due_ms);
    return true;
}

/* Starts a task whose turn has come, and lets another one wait. */
static void try_start(struct task *t)
{
    bool now_or_later = t->shared->hooks.may_start(t->shared->hooks.arg, t);
    t->queued = !now_or_later;
    task_feed(t, now_or_later ? ON_START : ON_WAIT);
}

static void on_deadline(struct task *t)
{
    if (t->state == TASK_STOPPING && t->life.deadline_ms > now()) {
        task_arm_state_timer(t);
        return;
    }
    if (forgiven(t))
        return;
    if (t->state == TASK_STARTING)
        t->life.cause = CAUSE_START_TIMEOUT;
    task_feed(t, t->state == TASK_STOPPING && t->config->term_timeout > 0 ? ON_GRACE_TERM : ON_TIMEOUT);
}

static void on_state_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    enum task_state state = t->state;
    /* What it has already said counts: a `ready` or an `extend` that can be read beats the deadline. */
    talk_poll(t);
    if (t->state != state)
        return;
    if (state == TASK_BACKOFF)
        try_start(t);
    else
        on_deadline(t);
}

/* --- what the state machine asks for ----------------------------------------------------------------------------- */

static void act(struct task *t, unsigned actions)
{
    static const struct {
        enum task_action action;
        void (*run)(struct task *);
    } table[] = {
        {ACT_SPAWN, turnover_spawn},         {ACT_SEND_STOP, ladder_send_stop},
        {ACT_SEND_TERM, ladder_send_term},   {ACT_DUMP, ladder_dump},
        {ACT_KILL_GRACE, ladder_kill_grace}, {ACT_KILL_FAULT, ladder_kill_fault},
        {ACT_KILL_ABORT, ladder_kill_abort}, {ACT_KILL_AGAIN, ladder_kill_again},
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
    watch_arm(t);
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
    t->drained = t->is_held = t->returns = false;
    t->history = (struct restart_history){0};
    if (fsm_ending(t->state) && t->life.stop_pending)
        t->replaced = true;
    else if (t->state == TASK_WAITING || fsm_alive(t->state))
        return;
    else if (task_periodic(t) && t->config->schedule)
        task_feed(t, ON_WAIT);
    else
        try_start(t);
}

void task_resume(struct task *t)
{
    if (t->state == TASK_WAITING && t->queued && t->shared->hooks.may_start(t->shared->hooks.arg, t))
        task_feed(t, ON_START);
}

static int64_t grace_of(const struct task *t, const struct stop_request *req)
{
    int64_t grace = req->grace_ms >= 0 ? req->grace_ms : t->config->stop_timeout;
    if (req->after_units && t->life.units.open_count > 0)
        return DURATION_INFINITY;
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
    l->patient = req->after_units && (first || l->patient);
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

/* It crossed the stop, which the worker cannot have read yet. */
void task_unit_begun(struct task *t)
{
    if (!t->life.stop_pending || !t->life.patient)
        return;
    t->life.deadline_ms = DURATION_INFINITY;
    if (t->state == TASK_STOPPING)
        task_arm_state_timer(t);
}

void task_unit_over(struct task *t)
{
    if (t->life.stop_pending && t->life.patient && t->life.units.open_count == 0)
        task_end_life(t, &(struct stop_request){.reason = t->life.reason, .grace_ms = -1});
}

void task_stop(struct task *t, const struct stop_request *req)
{
    t->wanted = t->is_held = t->replaced = t->returns = t->queued = false;
    t->due = STOP_NONE;
    task_end_life(t, req);
}

void task_hold_stop(struct task *t, const struct stop_request *req)
{
    if (!fsm_alive(t->state) || fsm_ending(t->state)) {
        task_stop(t, req);
        return;
    }
    t->wanted = t->queued = false;
    t->due = STOP_NONE;
    t->held = *req;
    t->is_held = true;
    task_changed(t);
}

const struct stop_request *task_held_stop(const struct task *t)
{
    return t->is_held ? &t->held : NULL;
}

void task_replace(struct task *t, enum stop_reason reason)
{
    t->due = STOP_NONE;
    if (!fsm_alive(t->state)) {
        task_resume(t);
        return;
    }
    t->replaced = true;
    t->returns = reason != STOP_DEPS;
    if (!fsm_ending(t->state))
        task_end_life(t, &(struct stop_request){.reason = reason, .grace_ms = -1, .after_units = reason != STOP_DEPS});
}

void task_set_due(struct task *t, enum stop_reason reason)
{
    if (t->due == STOP_NONE)
        t->due_ms = now();
    t->due = fsm_alive(t->state) && t->wanted ? reason : STOP_NONE;
    watch_arm(t);
    task_changed(t);
}

void task_set_drained(struct task *t, bool drained)
{
    t->drained = drained;
}

void task_retire(struct task *t, bool retired)
{
    t->retired = retired;
}

void task_queue_run(struct task *t)
{
    t->queued = true;
    task_resume(t);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

static void adopt(struct task *t, struct definition *d)
{
    definition_unref(t->definition);
    t->definition = definition_ref(d);
    t->config = &d->config;
}

void task_redefine(struct task *t, struct definition *d, bool live)
{
    definition_unref(t->next_definition);
    t->next_definition = NULL;
    if (live || !fsm_alive(t->state)) {
        adopt(t, d);
        watch_arm(t);
        if (fsm_alive(t->state))
            (void)tasklog_open(t->log, t->config); /* the file is open: only its size and its like may differ */
    } else {
        t->next_definition = definition_ref(d);
    }
}

void task_take_definition(struct task *t)
{
    if (!t->next_definition)
        return;
    adopt(t, t->next_definition);
    definition_unref(t->next_definition);
    t->next_definition = NULL;
}

struct task *task_new(const struct task_shared *shared, struct definition *d, const struct task_plan *plan)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->shared = shared;
    adopt(t, d);
    t->owner = plan->owner;
    t->number = plan->number;
    t->spawned = plan->spawned;
    t->input = json_incref(plan->input);
    t->state = TASK_STOPPED;
    t->life.pidfd = t->life.main_pidfd = -1;
    t->timer = evtimer_new(shared->base, on_state_timer, t);
    if (!t->timer || watch_new(t) < 0 || asprintf(&t->id, "%s@%u", d->config.name, plan->number) < 0) {
        t->id = NULL;
        task_free(t);
        return NULL;
    }
    t->log = tasklog_new(shared->logs, t->id);
    if (!t->log) {
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
    if (t->watch_timer)
        event_free(t->watch_timer);
    channel_free(t->channel);
    readiness_free(t->readiness);
    notify_socket_free(t->notify);
    output_free(t->output);
    tasklog_free(t->log);
    cgroup_free(t->cgroup);
    life_clear(&t->life);
    json_decref(t->last);
    json_decref(t->resume);
    json_decref(t->input);
    definition_unref(t->definition);
    definition_unref(t->next_definition);
    free(t->id);
    free(t);
}
