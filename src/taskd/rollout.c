/* Replacing lives one after another, and more or fewer tasks: what is idle goes first. */
#include <errno.h>

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

static struct task *next_due(const struct worker *w)
{
    struct task *busy = NULL;
    for (size_t i = 0; i < w->count; i++) {
        struct task *t = w->tasks[i];
        if (task_due(t) == STOP_NONE || !is_free_to_go(w, t))
            continue;
        if (!task_in_unit(t))
            return t;
        busy = busy ? busy : t;
    }
    return busy;
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
        s->due += due;
    }
}

/* --- scaling ------------------------------------------------------------------------------------------------------ */

static int add_tasks(struct supervisor *s, struct worker *w, size_t count)
{
    while (count-- > 0) {
        struct task *t = crew_add_task(s, w, w->definition, false, NULL);
        if (!t)
            return -ENOMEM;
        task_start(t);
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

static bool revive(struct worker *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!task_retired(w->tasks[i]) || task_spawned(w->tasks[i]))
            continue;
        task_retire(w->tasks[i], false);
        task_start(w->tasks[i]);
        return true;
    }
    return false;
}

int rollout_scale(struct supervisor *s, struct worker *w, size_t replicas, enum stop_reason reason)
{
    struct stop_request req = {.reason = reason, .grace_ms = -1};
    size_t have = crew_replicas(w);
    /* Those that are still on their way out come back before new ones are made. */
    while (have < replicas && revive(w))
        have++;
    if (have < replicas)
        return add_tasks(s, w, replicas - have);
    s->leaving = true;
    for (; have > replicas; have--)
        task_retire(first_to_go(w), true);
    requests_stop(s, &req, pick_leaving, w);
    return 0;
}
