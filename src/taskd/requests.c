/* What can be asked of a scope: to start, stop, restart, drain, resume, scale. */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/supervisor_impl.h"

enum { REPLICAS_MAX = 10000 };

/* A scope that is known while no stop of taskd is under way. */
static int check_scope(const struct supervisor *s, const char *scope)
{
    if (scope && !supervisor_scope_known(s, scope))
        return -ENOENT;
    return s->state == SUP_RUNNING ? 0 : -ESHUTDOWN;
}

/* Calls `each` for every task of a scope; returns the sum of what it says. */
static int for_scope(struct supervisor *s, const char *scope, int (*each)(struct task *, void *arg), void *arg)
{
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    int reached = 0;
    for (size_t i = 0; i < n; i++)
        if (supervisor_in_scope(tasks[i], scope))
            reached += each(tasks[i], arg);
    supervisor_settle(s);
    return reached;
}

/* --- up ----------------------------------------------------------------------------------------------------------- */

static int start_one(struct task *t, void *arg)
{
    (void)arg;
    if (task_spawned(t) || task_retired(t))
        return 0;
    bool was_down = !task_wanted(t) || fsm_over(task_state(t));
    task_start(t);
    return was_down;
}

int supervisor_start(struct supervisor *s, const char *scope)
{
    int r = check_scope(s, scope);
    return r < 0 ? r : for_scope(s, scope, start_one, NULL);
}

static int resume_one(struct task *t, void *arg)
{
    return task_drained(t) ? start_one(t, arg) : 0;
}

int supervisor_resume(struct supervisor *s, const char *scope)
{
    int r = check_scope(s, scope);
    return r < 0 ? r : for_scope(s, scope, resume_one, NULL);
}

static int restart_one(struct task *t, void *arg)
{
    const unsigned *max_unavailable = arg;
    if (task_spawned(t) || task_retired(t) || (task_state(t) == TASK_WAITING && task_wanted(t)))
        return 0;
    if (task_held_stop(t))
        task_start(t);
    if (fsm_alive(task_state(t)) && task_wanted(t)) {
        worker_of(t)->max_unavailable = *max_unavailable ? *max_unavailable : 1;
        task_set_due(t, STOP_CLI);
    } else {
        task_start(t);
    }
    return 1;
}

int supervisor_restart(struct supervisor *s, const char *scope, unsigned max_unavailable)
{
    int r = check_scope(s, scope);
    if (r < 0)
        return r;
    r = for_scope(s, scope, restart_one, &max_unavailable);
    s->due += (size_t)r;
    return r;
}

/* --- down --------------------------------------------------------------------------------------------------------- */

/* First all of them are wanted down, so that each can see which others go before it. */
int requests_stop(struct supervisor *s, const struct stop_request *req, task_picker *wanted, const void *arg)
{
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    int reached = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wanted(tasks[i], arg))
            continue;
        reached += !fsm_over(task_state(tasks[i]));
        if (s->ordered && !req->now)
            task_hold_stop(tasks[i], req);
        else
            task_stop(tasks[i], req);
    }
    s->held += s->ordered ? n : 0;
    order_release(s);
    supervisor_settle(s);
    return reached;
}

/* A stop outlives a drain: resume is not for what was stopped. */
static int undrain(struct task *t, void *arg)
{
    (void)arg;
    task_set_drained(t, false);
    return 0;
}

static bool pick_scope(const struct task *t, const void *scope)
{
    return supervisor_in_scope(t, scope);
}

int supervisor_stop(struct supervisor *s, const char *scope, const struct stop_request *req)
{
    if (scope && !supervisor_scope_known(s, scope))
        return -ENOENT;
    bool first = !scope && s->state == SUP_RUNNING;
    if (first) {
        s->state = SUP_STOPPING;
        news_daemon(s, "stopping");
    }
    for_scope(s, scope, undrain, NULL);
    int reached = requests_stop(s, req, pick_scope, scope);
    if (first && s->hooks.on_state)
        s->hooks.on_state(s->hooks.arg, s->state);
    return reached;
}

int supervisor_abort(struct supervisor *s, const char *scope)
{
    struct stop_request req = {.reason = STOP_CLI, .grace_ms = -1, .now = true};
    return supervisor_stop(s, scope, &req);
}

static int mark_drained(struct task *t, void *arg)
{
    (void)arg;
    if (task_wanted(t) && !fsm_over(task_state(t)) && !task_spawned(t))
        task_set_drained(t, true);
    return 0;
}

int supervisor_drain(struct supervisor *s, const char *scope)
{
    static const struct stop_request req = {.reason = STOP_DRAIN, .grace_ms = DURATION_INFINITY};
    int r = check_scope(s, scope);
    if (r < 0)
        return r;
    for_scope(s, scope, mark_drained, NULL);
    return requests_stop(s, &req, pick_scope, scope);
}

void supervisor_told_by(struct supervisor *s, int signo)
{
    if (!s->shared.told_by)
        s->shared.told_by = signo;
}

/* --- more or fewer ------------------------------------------------------------------------------------------------ */

int supervisor_scale(struct supervisor *s, const char *name, int64_t replicas)
{
    int r = check_scope(s, NULL);
    struct worker *w = crew_find(s, name);
    if (r < 0)
        return r;
    if (!w)
        return -ENOENT;
    if (!w->configured || replicas < 0 || replicas > REPLICAS_MAX)
        return -EINVAL;
    size_t before = crew_replicas(w);
    r = rollout_scale(s, w, (size_t)replicas, STOP_SCALE);
    supervisor_settle(s);
    return r < 0 ? r : (int)((size_t)replicas > before ? (size_t)replicas - before : before - (size_t)replicas);
}
