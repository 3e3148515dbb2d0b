/* Who comes after whom: a task starts when those that its worker comes after are up, and is stopped when those that
 * come after it are down. */
#include <errno.h>
#include <stdlib.h>

#include "taskd/supervisor_impl.h"

/* --- the graph ---------------------------------------------------------------------------------------------------- */

static int link_worker(struct supervisor *s, struct worker *w)
{
    char **names = w->configured ? w->definition->config.after : NULL;
    size_t n = 0;
    while (names && names[n])
        n++;
    free(w->after);
    w->after_count = 0;
    w->after = calloc(n + 1, sizeof *w->after);
    if (!w->after)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct worker *before = crew_find(s, names[i]);
        if (before && before->configured)
            w->after[w->after_count++] = before;
    }
    s->ordered = s->ordered || w->after_count > 0;
    return 0;
}

int order_link(struct supervisor *s)
{
    int r = 0;
    s->ordered = false;
    for (size_t i = 0; i < s->workers_count && r == 0; i++)
        r = link_worker(s, s->workers[i]);
    return r;
}

/* Does `w` come after `before`, directly or through others? Each worker is walked once. */
static bool walk(struct worker *w, const struct worker *before)
{
    w->walked = true;
    for (size_t i = 0; i < w->after_count; i++)
        if (w->after[i] == before || (!w->after[i]->walked && walk(w->after[i], before)))
            return true;
    return false;
}

static bool comes_after(const struct supervisor *s, struct worker *w, const struct worker *before)
{
    for (size_t i = 0; i < s->workers_count; i++)
        s->workers[i]->walked = false;
    return walk(w, before);
}

/* --- up, in order ------------------------------------------------------------------------------------------------- */

static bool task_is_up(const struct task *t)
{
    enum task_state state = task_state(t);
    return state == TASK_RUNNING || state == TASK_DONE || (state == TASK_WAITING && task_periodic(t));
}

static bool worker_is_up(const struct worker *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!task_spawned(w->tasks[i]) && !task_retired(w->tasks[i]) && !task_is_up(w->tasks[i]))
            return false;
    return true;
}

static bool worker_is_blocked(const struct worker *);

/* Is there somebody in whose place nothing will happen? */
static bool worker_stays_away(const struct worker *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct task *t = w->tasks[i];
        if (task_spawned(t) || task_retired(t) || task_is_up(t))
            continue;
        if (fsm_over(task_state(t)) || (task_state(t) == TASK_WAITING && worker_is_blocked(w)))
            return true;
    }
    return false;
}

static bool worker_is_blocked(const struct worker *w)
{
    for (size_t i = 0; i < w->after_count; i++)
        if (worker_stays_away(w->after[i]))
            return true;
    return false;
}

/* One that worked without somebody who is down may go on so in its next life. */
bool order_may_start(const struct supervisor *s, const struct task *t)
{
    const struct worker *w = worker_of(t);
    if (s->state != SUP_RUNNING)
        return false;
    if (task_spawned(t))
        return true;
    for (size_t i = 0; i < w->after_count; i++)
        if (!worker_is_up(w->after[i]) && !(task_returns(t) && worker_stays_away(w->after[i])))
            return false;
    return !w->regrouping;
}

bool order_blocks(const struct supervisor *s, const struct task *t)
{
    (void)s;
    return task_state(t) == TASK_WAITING && !task_settled(t) && worker_is_blocked(worker_of(t));
}

json_t *order_waits_for(const struct supervisor *s, const struct task *t)
{
    const struct worker *w = worker_of(t);
    json_t *names = json_array();
    (void)s;
    for (size_t i = 0; i < w->after_count; i++)
        if (!worker_is_up(w->after[i]))
            json_array_append_new(names, json_string(w->after[i]->name));
    return names;
}

/* --- down, in reverse --------------------------------------------------------------------------------------------- */

/* A task that is to go down, and has not. */
static bool worker_is_leaving(const struct worker *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!task_wanted(w->tasks[i]) && !fsm_over(task_state(w->tasks[i])))
            return true;
    return false;
}

static bool is_held_by(const struct supervisor *s, const struct task *t, struct worker *other)
{
    return other != worker_of(t) && worker_is_leaving(other) && comes_after(s, other, worker_of(t));
}

bool order_holds(const struct supervisor *s, const struct task *t)
{
    for (size_t i = 0; s->ordered && i < s->workers_count; i++)
        if (is_held_by(s, t, s->workers[i]))
            return true;
    return false;
}

json_t *order_held_by(const struct supervisor *s, const struct task *t)
{
    json_t *names = json_array();
    for (size_t i = 0; s->ordered && i < s->workers_count; i++)
        if (is_held_by(s, t, s->workers[i]))
            json_array_append_new(names, json_string(s->workers[i]->name));
    return names;
}

static void release(struct supervisor *s, struct task *t)
{
    const struct stop_request *held = task_held_stop(t);
    if (held && !order_holds(s, t)) {
        struct stop_request req = *held;
        task_stop(t, &req);
    } else if (!held) {
        task_resume(t);
    }
}

void order_release(struct supervisor *s)
{
    size_t n;
    if (s->waiting == 0 && s->held == 0)
        return;
    struct task *const *tasks = crew_tasks(s, &n);
    s->held = 0;
    for (size_t i = 0; i < n; i++) {
        release(s, tasks[i]);
        s->held += task_held_stop(tasks[i]) != NULL;
    }
}
