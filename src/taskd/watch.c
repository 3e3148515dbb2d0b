/* What a life may not exceed: the time of a unit, silence, age, run time, memory, a number of units. One timer for all
 * of them, and none for a life without limits. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/task_impl.h"

enum { MEMORY_EVERY_MS = 5 * 1000, MEMORY_SOONEST_MS = 500 };

static int64_t later(int64_t from, int64_t ms)
{
    return ms >= DURATION_INFINITY - from ? DURATION_INFINITY : from + ms;
}

/* --- a life that has gone wrong ---------------------------------------------------------------------------------- */

/* A life that is being ended by force has no more to lose: looking at it again would never stop. */
static bool may_fault(const struct task *t)
{
    return fsm_alive(t->state) && t->state != TASK_TERMINATING && t->state != TASK_DUMPING && t->state != TASK_KILLING;
}

static int64_t unit_due(const struct task *t)
{
    return may_fault(t) ? units_deadline(&t->life.units) : DURATION_INFINITY;
}

static void unit_late(struct task *t, int64_t late)
{
    const struct unit *u = units_overdue(&t->life.units, sys->now_ms());
    char shown[200];
    if (!u)
        return;
    int64_t more = task_second_chance(late, u->timeout_ms);
    if (more > 0) {
        units_postpone(&t->life.units, sys->now_ms() + more);
        return;
    }
    log_warn("%s: unit %s is over its time of %lld ms", t->id,
             text_printable(u->id, strlen(u->id), shown, sizeof shown), (long long)u->timeout_ms);
    t->life.cause = CAUSE_UNIT_TIMEOUT;
    task_feed(t, ON_FAULT);
}

/* Silence counts from the moment the worker is ready, and also while it finishes its last unit. A program that was
 * written for systemd often has its signs of life from the loop that a stop ends: of that one only the grace counts. */
static int64_t silence_due(const struct task *t)
{
    bool counts = may_fault(t) && t->state != TASK_STARTING && (worker_talks(t->config) || !fsm_ending(t->state));
    return counts ? later(t->life.heard_ms, t->life.watchdog_ms) : DURATION_INFINITY;
}

static void silence_late(struct task *t, int64_t late)
{
    if (task_second_chance(late, t->life.watchdog_ms) > 0) {
        t->life.heard_ms = sys->now_ms();
        return;
    }
    log_warn("%s: has said nothing for %lld ms", t->id, (long long)(sys->now_ms() - t->life.heard_ms));
    t->life.cause = CAUSE_WATCHDOG;
    task_feed(t, ON_FAULT);
}

void watch_trigger(struct task *t)
{
    if (!may_fault(t))
        return;
    log_warn("%s: says that it is wedged", t->id);
    t->life.cause = CAUSE_WATCHDOG;
    task_feed(t, ON_FAULT);
}

/* --- a life that is to end well ---------------------------------------------------------------------------------- */

static bool may_recycle(const struct task *t)
{
    return t->state == TASK_RUNNING && t->wanted && t->due == STOP_NONE;
}

static void recycle(struct task *t, enum stop_reason reason)
{
    log_info("%s: is to be replaced: %s", t->id, stop_reason_name(reason));
    task_set_due(t, reason);
    t->shared->hooks.on_due(t->shared->hooks.arg, t);
}

static int64_t age_due(const struct task *t)
{
    return may_recycle(t) ? later(t->life.began_ms, t->config->max_age) : DURATION_INFINITY;
}

static void age_late(struct task *t, int64_t late)
{
    (void)late;
    recycle(t, STOP_AGE);
}

static int64_t runtime_due(const struct task *t)
{
    bool runs = fsm_alive(t->state) && !fsm_ending(t->state);
    return runs ? later(t->life.began_ms, t->config->max_runtime) : DURATION_INFINITY;
}

static void runtime_late(struct task *t, int64_t late)
{
    (void)late;
    log_warn("%s: has reached its max_runtime: asked to stop", t->id);
    task_end_life(t, &(struct stop_request){.reason = STOP_RUNTIME, .grace_ms = -1});
}

static int64_t memory_due(const struct task *t)
{
    return t->config->max_rss > 0 && may_recycle(t) ? later(t->life.weighed_ms, MEMORY_EVERY_MS) : DURATION_INFINITY;
}

static void weigh(struct task *t)
{
    t->life.weighed_ms = sys->now_ms();
    if (sys->resident(t->life.pid) > t->config->max_rss)
        recycle(t, STOP_MEMORY);
}

static void memory_late(struct task *t, int64_t late)
{
    (void)late;
    weigh(t);
}

/* --- the timer --------------------------------------------------------------------------------------------------- */

static const struct watch {
    int64_t (*due)(const struct task *);
    void (*late)(struct task *, int64_t late_ms);
} watches[] = {
    {unit_due, unit_late},       {silence_due, silence_late}, {age_due, age_late},
    {runtime_due, runtime_late}, {memory_due, memory_late},
};

enum { WATCHES = sizeof watches / sizeof *watches };

void watch_arm(struct task *t)
{
    int64_t first = DURATION_INFINITY;
    for (size_t i = 0; i < WATCHES && t->life.pid > 0; i++) {
        int64_t due = watches[i].due(t);
        first = due < first ? due : first;
    }
    if (first >= t->watch_due_ms)
        return; /* an earlier one looks again when it fires */
    t->watch_due_ms = first;
    task_arm(t->watch_timer, first);
}

static void on_watch_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    t->watch_due_ms = DURATION_INFINITY;
    /* What it has already said counts. */
    talk_poll(t);
    for (size_t i = 0; i < WATCHES && t->life.pid > 0; i++) {
        int64_t late = sys->now_ms() - watches[i].due(t);
        if (late >= 0)
            watches[i].late(t, late);
    }
    watch_arm(t);
}

int watch_new(struct task *t)
{
    t->watch_due_ms = DURATION_INFINITY;
    t->watch_timer = evtimer_new(t->shared->base, on_watch_timer, t);
    return t->watch_timer ? 0 : -ENOMEM;
}

/* A number of units by which replicas that began together do not end together. */
static uint64_t units_allowed(const struct worker_config *c)
{
    if (c->max_units == 0)
        return 0;
    double share = 1 - c->max_units_jitter * sys->dice();
    double allowed = (double)c->max_units * (share < 1 ? share : 1);
    return allowed < 1 ? 1 : (uint64_t)allowed;
}

void watch_begin(struct task *t)
{
    t->life.heard_ms = t->life.weighed_ms = sys->now_ms();
    t->life.watchdog_ms = t->config->watchdog_timeout;
    t->life.units_allowed = units_allowed(t->config);
    watch_arm(t);
}

/* The timer is not moved for each word: it looks again when it fires. */
void watch_heard(struct task *t)
{
    t->life.heard_ms = sys->now_ms();
}

void watch_unit_end(struct task *t)
{
    const struct life *l = &t->life;
    if (may_recycle(t) && l->units_allowed > 0 && l->units.done + l->units.failed >= l->units_allowed)
        recycle(t, STOP_UNIT_LIMIT);
    else if (may_recycle(t) && t->config->max_rss > 0 && sys->now_ms() - l->weighed_ms >= MEMORY_SOONEST_MS)
        weigh(t);
    watch_arm(t);
}
