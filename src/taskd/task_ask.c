/* What others may ask of a task, and marks that they put on it. */
#include <stddef.h>

#include "taskd/logs.h"
#include "taskd/task_impl.h"

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

const struct logring *task_log(const struct task *t)
{
    return tasklog_ring(t->log);
}

const struct life *task_life(const struct task *t)
{
    return &t->life;
}

void task_count_killed(struct task *t, size_t in_cgroup)
{
    if (in_cgroup > t->life.tree_killed)
        t->life.tree_killed = in_cgroup;
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

unsigned task_number(const struct task *t)
{
    return t->number;
}

void *task_owner(const struct task *t)
{
    return t->owner;
}

enum stop_reason task_due(const struct task *t)
{
    return t->due;
}

int64_t task_due_since(const struct task *t)
{
    return t->due_ms;
}

bool task_returns(const struct task *t)
{
    return t->returns;
}

bool task_wanted(const struct task *t)
{
    return t->wanted;
}

bool task_spawned(const struct task *t)
{
    return t->spawned;
}

bool task_drained(const struct task *t)
{
    return t->drained;
}

bool task_retired(const struct task *t)
{
    return t->retired;
}

bool task_settled(const struct task *t)
{
    if (t->retired || t->due != STOP_NONE)
        return false;
    if (t->state == TASK_WAITING)
        return !t->queued;
    return t->state == TASK_RUNNING || fsm_over(t->state);
}

bool task_periodic(const struct task *t)
{
    return !t->spawned && (t->config->every > 0 || t->config->schedule);
}

bool task_in_unit(const struct task *t)
{
    return t->life.pid > 0 && t->life.units.open_count > 0;
}
