/* Replacing lives one after another, and more or fewer tasks: what is idle goes first. */
#include <errno.h>

#include "taskd/log.h"
#include "taskd/supervisor_impl.h"

/* --- replacing ---------------------------------------------------------------------------------------------------- */

static bool is_recycling(enum stop_reason reason)
{
    return reason == STOP_UNIT_LIMIT || reason == STOP_AGE || reason == STOP_MEMORY;
}

/* Not working, though it is meant to. A task that has failed for good is no reason to let the others grow old, but it
 * is one to stop a restart: the next one might fail as well. */
static bool is_unavailable(const struct task *t, enum stop_reason reason)
{
    if (task_spawned(t) || task_retired(t) || !task_wanted(t))
        return false;
    enum task_state state = task_state(t);
    if (state == TASK_FAILED)
        return !is_recycling(reason);
    return state != TASK_RUNNING && state != TASK_DONE && !(state == TASK_WAITING && task_periodic(t));
}

static size_t unavailable(const struct worker *w, enum stop_reason reason)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += is_unavailable(w->tasks[i], reason);
    return n;
}

static size_t allowed(const struct worker *w, enum stop_reason reason)
{
    return is_recycling(reason) ? 1 : w->max_unavailable;
}

/* One that is not up yet counts among the unavailable already: to replace it costs nothing. */
static bool is_free_to_go(const struct worker *w, const struct task *t)
{
    enum stop_reason reason = task_due(t);
    size_t others = unavailable(w, reason) - is_unavailable(t, reason);
    return others < allowed(w, reason);
}

/* What somebody has asked for goes before what is only old, and of that the idle before the busy; of equals who has
 * been due for longest, so that everybody's turn comes. */
static bool goes_before(const struct task *a, const struct task *b)
{
    bool a_old = is_recycling(task_due(a)), b_old = is_recycling(task_due(b));
    if (a_old != b_old)
        return b_old;
    if (!a_old && task_in_unit(a) != task_in_unit(b))
        return task_in_unit(b);
    return task_due_since(a) < task_due_since(b);
}

static struct task *next_due(const struct worker *w)
{
    struct task *next = NULL;
    for (size_t i = 0; i < w->count; i++) {
        struct task *t = w->tasks[i];
        if (task_due(t) != STOP_NONE && is_free_to_go(w, t) && (!next || goes_before(t, next)))
            next = t;
    }
    return next;
}

/* Is everything that holds up the others there for good? */
static bool is_stuck(const struct worker *w)
{
    bool failed = false;
    for (size_t i = 0; i < w->count; i++) {
        const struct task *t = w->tasks[i];
        if (!is_unavailable(t, STOP_CLI))
            continue;
        if (task_state(t) != TASK_FAILED)
            return false;
        failed = true;
    }
    return failed;
}

/* A restart is somebody's who waits for it, and who may try again; what a reload has brought stays due. */
static void give_up(struct worker *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (task_due(w->tasks[i]) != STOP_CLI)
            continue;
        task_set_due(w->tasks[i], STOP_NONE);
        n++;
    }
    if (n > 0)
        log_warn("%s: the restart is given up, %zu left as they are: one has failed", w->name, n);
}

static size_t count_due(const struct worker *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += task_due(w->tasks[i]) != STOP_NONE;
    return n;
}

void rollout_advance(struct supervisor *s)
{
    struct task *t;
    if (s->due == 0 || s->state != SUP_RUNNING)
        return;
    s->due = 0;
    for (size_t i = 0; i < s->workers_count; i++) {
        size_t due = count_due(s->workers[i]);
        while (due > 0 && (t = next_due(s->workers[i]))) {
            task_replace(t, task_due(t));
            due--;
        }
        if (due > 0 && is_stuck(s->workers[i]))
            give_up(s->workers[i]);
        s->due += due;
    }
}

/* --- scaling ------------------------------------------------------------------------------------------------------ */

/* What was stopped or drained as a whole stays down, however many tasks it has. */
enum kept { KEPT_UP, KEPT_DOWN, KEPT_DRAINED };

static enum kept kept_of(const struct worker *w)
{
    enum kept kept = KEPT_DRAINED;
    for (size_t i = 0; i < w->count; i++) {
        if (task_spawned(w->tasks[i]) || task_retired(w->tasks[i]))
            continue;
        if (task_wanted(w->tasks[i]))
            return KEPT_UP;
        if (!task_drained(w->tasks[i]))
            kept = KEPT_DOWN;
    }
    return crew_replicas(w) > 0 ? kept : KEPT_UP;
}

static void join(struct task *t, enum kept kept)
{
    if (kept == KEPT_UP)
        task_start(t);
    else
        task_set_drained(t, kept == KEPT_DRAINED);
}

static int add_tasks(struct supervisor *s, struct worker *w, size_t count, enum kept kept)
{
    while (count-- > 0) {
        struct task *t = crew_add_task(s, w, w->definition, false, NULL);
        if (!t)
            return -ENOMEM;
        join(t, kept);
    }
    crew_order(s);
    return 0;
}

/* Down before idle, idle before busy; of equals the last. */
static int rank(const struct task *t)
{
    return !fsm_alive(task_state(t)) ? 0 : !task_in_unit(t) ? 1 : 2;
}

static struct task *first_to_go(const struct worker *w)
{
    struct task *best = NULL;
    for (size_t i = w->count; i-- > 0;) {
        struct task *t = w->tasks[i];
        if (!task_spawned(t) && !task_retired(t) && (!best || rank(t) < rank(best)))
            best = t;
    }
    return best;
}

static bool pick_leaving(const struct task *t, const void *worker)
{
    return worker_of(t) == worker && task_retired(t) && task_wanted(t);
}

static bool revive(struct worker *w, enum kept kept)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!task_retired(w->tasks[i]) || task_spawned(w->tasks[i]))
            continue;
        task_retire(w->tasks[i], false);
        join(w->tasks[i], kept);
        return true;
    }
    return false;
}

int rollout_scale(struct supervisor *s, struct worker *w, size_t replicas, enum stop_reason reason)
{
    struct stop_request req = {.reason = reason, .grace_ms = -1, .after_units = true};
    size_t have = crew_replicas(w);
    enum kept kept = kept_of(w);
    /* Those that are still on their way out come back before new ones are made. */
    while (have < replicas && revive(w, kept))
        have++;
    if (have < replicas)
        return add_tasks(s, w, replicas - have, kept);
    s->leaving = true;
    for (; have > replicas; have--)
        task_retire(first_to_go(w), true);
    requests_stop(s, &req, pick_leaving, w);
    return 0;
}
