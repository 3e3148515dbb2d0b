/* Those who wait for lives to end: before, during and after. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/supervisor_impl.h"

struct awaited {
    struct task *task;
    unsigned due; /* the number of its life, where that was to be replaced; else 0 */
};

struct supervisor_waiter {
    struct supervisor *owner;
    struct supervisor_waiter *next;
    enum wait_kind kind;
    char *scope;             /* NULL: everything */
    bool begun;              /* what is waited for has been asked for */
    struct awaited *pending; /* unused by WAIT_IDLE */
    size_t pending_count;
    struct wait_result result;
    supervisor_wait_cb *on_done;
    void *arg;
};

static void unlink_waiter(struct supervisor_waiter *w)
{
    struct supervisor_waiter **at = &w->owner->waiters;
    while (*at && *at != w)
        at = &(*at)->next;
    if (*at)
        *at = w->next;
}

static void waiter_free(struct supervisor_waiter *w)
{
    free(w->scope);
    free(w->pending);
    json_decref(w->result.records);
    json_decref(w->result.overtaken);
    json_decref(w->result.left);
    json_decref(w->result.blocked);
    free(w);
}

static bool is_down(const struct task *t)
{
    return fsm_over(task_state(t));
}

static void give_last(struct supervisor_waiter *w, const struct task *t)
{
    if (task_last(t))
        json_array_append(w->result.records, task_last(t));
}

static bool concerns_life(struct supervisor_waiter *w, const struct task *t)
{
    (void)w;
    (void)t;
    return true;
}

static bool concerns_down(struct supervisor_waiter *w, const struct task *t)
{
    (void)w;
    return !is_down(t);
}

static bool concerns_up(struct supervisor_waiter *w, const struct task *t)
{
    (void)w;
    return !task_spawned(t) && (task_wanted(t) || task_retired(t));
}

int supervisor_wait_begin(struct supervisor_waiter *w)
{
    static bool (*const concerns[])(struct supervisor_waiter *, const struct task *) = {
        [WAIT_LIFE] = concerns_life, [WAIT_DOWN] = concerns_down, [WAIT_UP] = concerns_up, [WAIT_IDLE] = NULL};
    size_t n;
    struct task *const *tasks = crew_tasks(w->owner, &n);
    w->pending = calloc(n + 1, sizeof *w->pending);
    if (!w->pending)
        return -ENOMEM;
    for (size_t i = 0; concerns[w->kind] && i < n; i++)
        if (supervisor_in_scope(tasks[i], w->scope) && concerns[w->kind](w, tasks[i]))
            w->pending[w->pending_count++] =
                (struct awaited){tasks[i], task_due(tasks[i]) == STOP_NONE ? 0 : task_life(tasks[i])->attempt};
    w->begun = true;
    supervisor_settle(w->owner);
    return 0;
}

static struct supervisor_waiter *waiter_new(const char *scope)
{
    struct supervisor_waiter *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->scope = scope ? strdup(scope) : NULL;
    w->result = (struct wait_result){json_array(), json_array(), json_array(), json_array()};
    if (w->result.records && w->result.overtaken && w->result.left && w->result.blocked && (w->scope || !scope))
        return w;
    waiter_free(w);
    return NULL;
}

int supervisor_wait(struct supervisor *s, const char *scope, enum wait_kind kind, supervisor_wait_cb *on_done,
                    void *arg, struct supervisor_waiter **ret)
{
    if (scope && !supervisor_scope_known(s, scope))
        return -ENOENT;
    struct supervisor_waiter *w = waiter_new(scope);
    if (!w)
        return -ENOMEM;
    w->owner = s;
    w->kind = kind;
    w->on_done = on_done;
    w->arg = arg;
    if ((kind == WAIT_LIFE || kind == WAIT_IDLE) && supervisor_wait_begin(w) < 0) {
        waiter_free(w);
        return -ENOMEM;
    }
    w->next = s->waiters;
    s->waiters = w;
    *ret = w;
    return 0;
}

void supervisor_wait_cancel(struct supervisor_waiter *w)
{
    unlink_waiter(w);
    waiter_free(w);
}

static void no_longer_pending(struct supervisor_waiter *w, const struct task *t)
{
    for (size_t i = 0; i < w->pending_count; i++) {
        if (w->pending[i].task != t)
            continue;
        w->pending[i] = w->pending[--w->pending_count];
        return;
    }
}

static bool pending(const struct supervisor_waiter *w, const struct task *t)
{
    for (size_t i = 0; i < w->pending_count; i++)
        if (w->pending[i].task == t)
            return true;
    return false;
}

/* Until a WAIT_DOWN has begun nobody knows whom it concerns: whoever ends then ends by the request. */
static bool wants_record(const struct supervisor_waiter *w, const struct task *t)
{
    if (w->kind == WAIT_DOWN && !w->begun)
        return supervisor_in_scope(t, w->scope);
    return (w->kind == WAIT_LIFE || w->kind == WAIT_DOWN) && pending(w, t);
}

void supervisor_waiters_record(struct supervisor *s, const struct task *t, json_t *record)
{
    for (struct supervisor_waiter *w = s->waiters; w; w = w->next) {
        if (!wants_record(w, t))
            continue;
        json_array_append(w->result.records, record);
        no_longer_pending(w, t);
    }
}

void supervisor_waiters_forget(struct supervisor *s, const struct task *t)
{
    for (struct supervisor_waiter *w = s->waiters; w; w = w->next) {
        if (w->kind == WAIT_LIFE && pending(w, t))
            give_last(w, t);
        no_longer_pending(w, t);
    }
}

/* --- how far each of them is -------------------------------------------------------------------------------------- */

enum progress { ON_ITS_WAY, THERE, OVERTAKEN, LEFT, BLOCKED };

/* A stop that was taken back before it reached the life: the task runs on. */
static enum progress look_down(const struct supervisor *s, const struct awaited *a)
{
    (void)s;
    if (is_down(a->task))
        return THERE;
    return task_wanted(a->task) && !fsm_ending(task_state(a->task)) ? OVERTAKEN : ON_ITS_WAY;
}

static enum progress look_up(const struct supervisor *s, const struct awaited *a)
{
    const struct task *t = a->task;
    if (task_retired(t))
        return ON_ITS_WAY;
    if (!task_wanted(t))
        return OVERTAKEN;
    if (order_blocks(s, t))
        return BLOCKED;
    if (!task_settled(t))
        return ON_ITS_WAY;
    return a->due && a->due == task_life(t)->attempt ? LEFT : THERE;
}

/* One that is down without an end that came while it was waited for gives the record that it has. */
static enum progress look_life(const struct supervisor *s, const struct awaited *a)
{
    (void)s;
    return is_down(a->task) ? THERE : ON_ITS_WAY;
}

static void look_at_all(struct supervisor_waiter *w,
                        enum progress (*look)(const struct supervisor *, const struct awaited *))
{
    json_t *const lists[] = {[OVERTAKEN] = w->result.overtaken, [LEFT] = w->result.left, [BLOCKED] = w->result.blocked};
    for (size_t i = w->pending_count; i-- > 0;) {
        struct awaited a = w->pending[i];
        enum progress progress = look(w->owner, &a);
        if (progress == ON_ITS_WAY)
            continue;
        if (w->kind == WAIT_LIFE)
            give_last(w, a.task);
        if (progress != THERE)
            json_array_append_new(lists[progress], json_string(task_id(a.task)));
        no_longer_pending(w, a.task);
    }
}

static bool all_idle(const struct supervisor_waiter *w)
{
    size_t n;
    struct task *const *tasks = crew_tasks(w->owner, &n);
    for (size_t i = 0; i < n; i++)
        if (supervisor_in_scope(tasks[i], w->scope) && task_in_unit(tasks[i]))
            return false;
    return true;
}

static bool satisfied(struct supervisor_waiter *w)
{
    static enum progress (*const looks[])(const struct supervisor *, const struct awaited *) = {
        [WAIT_LIFE] = look_life, [WAIT_DOWN] = look_down, [WAIT_UP] = look_up, [WAIT_IDLE] = NULL};
    if (!w->begun)
        return false;
    if (looks[w->kind])
        look_at_all(w, looks[w->kind]);
    return w->kind == WAIT_IDLE ? all_idle(w) : w->pending_count == 0;
}

static struct supervisor_waiter *take_satisfied(struct supervisor *s)
{
    for (struct supervisor_waiter **at = &s->waiters; *at; at = &(*at)->next) {
        struct supervisor_waiter *w = *at;
        if (!satisfied(w))
            continue;
        *at = w->next;
        return w;
    }
    return NULL;
}

/* A callback may add or cancel waiters, so the list is read anew after each. */
void supervisor_waiters_check(struct supervisor *s)
{
    struct supervisor_waiter *w;
    while ((w = take_satisfied(s))) {
        w->on_done(w->arg, &w->result);
        waiter_free(w);
    }
}

void supervisor_waiters_free(struct supervisor *s)
{
    struct supervisor_waiter *w;
    while ((w = s->waiters)) {
        s->waiters = w->next;
        waiter_free(w);
    }
}
