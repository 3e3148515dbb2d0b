/* What the death of a task means for the others of its group: nothing, or that they begin anew together. */
#include <string.h>

#include "taskd/config.h"
#include "taskd/log.h"
#include "taskd/supervisor_impl.h"

static bool same_group(const struct worker *a, const struct worker *b)
{
    const char *x = a->configured ? a->definition->config.part_of : NULL;
    const char *y = b->configured ? b->definition->config.part_of : NULL;
    return x && y && strcmp(x, y) == 0;
}

/* one_for_all: everyone of the group; rest_for_one: who stands later in the configuration. Never spawned tasks. */
static bool is_affected(const struct task *t, const void *dead_task)
{
    const struct task *dead = dead_task;
    const struct worker *w = worker_of(t), *origin = worker_of(dead);
    if (t == dead || task_spawned(t) || task_spawned(dead) || !task_wanted(t) || !same_group(w, origin))
        return false;
    int strategy = origin->definition->config.strategy;
    return strategy == STRATEGY_ONE_FOR_ALL ||
           (strategy == STRATEGY_REST_FOR_ONE && (w == origin || w->index > origin->index));
}

static void regroup(struct supervisor *s, const struct task *dead)
{
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_affected(tasks[i], dead))
            continue;
        worker_of(tasks[i])->regrouping = worker_of(dead)->regrouping = true;
        task_replace(tasks[i], STOP_DEPS);
    }
}

void strategy_death(struct supervisor *s, struct task *dead, bool failed)
{
    static const struct stop_request req = {.reason = STOP_DEPS, .grace_ms = -1};
    const struct worker *w = worker_of(dead);
    if (!w->configured || w->definition->config.strategy == STRATEGY_ONE_FOR_ONE || s->state != SUP_RUNNING)
        return;
    if (failed)
        requests_stop(s, &req, is_affected, dead);
    else
        regroup(s, dead);
}

static bool still_there(const struct supervisor *s, const struct worker *group)
{
    for (size_t i = 0; i < s->workers_count; i++) {
        const struct worker *w = s->workers[i];
        if (!w->regrouping || (w != group && !same_group(w, group)))
            continue;
        for (size_t j = 0; j < w->count; j++)
            if (!task_spawned(w->tasks[j]) && fsm_ending(task_state(w->tasks[j])))
                return true;
    }
    return false;
}

/* All that were to go down are down: they may come up again, in their order. */
void strategy_settle(struct supervisor *s)
{
    for (size_t i = 0; i < s->workers_count; i++)
        if (s->workers[i]->regrouping && !still_there(s, s->workers[i]))
            s->workers[i]->regrouping = false;
}
