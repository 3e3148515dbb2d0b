/* Those who wait for lives to end: before, during and after. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/supervisor_impl.h"

struct supervisor_waiter {
    struct supervisor *owner;
    struct supervisor_waiter *next;
    enum wait_kind kind;
    char *scope;           /* NULL: everything */
    struct task **pending; /* WAIT_LIFE: the tasks whose life is still awaited */
    size_t pending_count;
    json_t *records;
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
    json_decref(w->records);
    free(w);
}

/* A task that has ended and will not run by itself again gives the record that it has. */
static void expect(struct supervisor_waiter *w, struct task *t)
{
    if (fsm_over(task_state(t)) && task_last(t))
        json_array_append(w->records, task_last(t));
    else
        w->pending[w->pending_count++] = t;
}

int supervisor_wait(struct supervisor *s, const char *scope, enum wait_kind kind, supervisor_wait_cb *on_done,
                    void *arg, struct supervisor_waiter **ret)
{
    if (scope && !supervisor_scope_known(s, scope))
        return -ENOENT;
    struct supervisor_waiter *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    *w = (struct supervisor_waiter){.owner = s, .kind = kind, .on_done = on_done, .arg = arg, .records = json_array()};
    w->scope = scope ? strdup(scope) : NULL;
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    w->pending = calloc(n + 1, sizeof(struct task *));
    if (!w->records || !w->pending || (scope && !w->scope)) {
        waiter_free(w);
        return -ENOMEM;
    }
    for (size_t i = 0; kind == WAIT_LIFE && i < n; i++)
        if (supervisor_in_scope(tasks[i], scope))
            expect(w, tasks[i]);
    w->next = s->waiters;
    s->waiters = w;
    supervisor_settle(s);
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
        if (w->pending[i] != t)
            continue;
        w->pending[i] = w->pending[--w->pending_count];
        return;
    }
}

static bool pending(const struct supervisor_waiter *w, const struct task *t)
{
    for (size_t i = 0; i < w->pending_count; i++)
        if (w->pending[i] == t)
            return true;
    return false;
}

void supervisor_waiters_record(struct supervisor *s, const struct task *t, json_t *record)
{
    for (struct supervisor_waiter *w = s->waiters; w; w = w->next) {
        bool wanted = w->kind == WAIT_LIFE ? pending(w, t) : w->kind == WAIT_DOWN && supervisor_in_scope(t, w->scope);
        if (!wanted)
            continue;
        json_array_append(w->records, record);
        no_longer_pending(w, t);
    }
}

void supervisor_waiters_forget(struct supervisor *s, const struct task *t)
{
    for (struct supervisor_waiter *w = s->waiters; w; w = w->next)
        no_longer_pending(w, t);
}

static bool is_down(const struct task *t)
{
    return fsm_over(task_state(t));
}

static bool is_up(const struct task *t)
{
    return task_spawned(t) || task_settled(t);
}

static bool is_idle(const struct task *t)
{
    return !task_in_unit(t);
}

static bool whole_scope(const struct supervisor_waiter *w, bool (*holds)(const struct task *))
{
    size_t n;
    struct task *const *tasks = crew_tasks(w->owner, &n);
    for (size_t i = 0; i < n; i++)
        if (supervisor_in_scope(tasks[i], w->scope) && !holds(tasks[i]))
            return false;
    return true;
}

static bool satisfied(const struct supervisor_waiter *w)
{
    static bool (*const holds[])(const struct task *) = {
        [WAIT_DOWN] = is_down, [WAIT_UP] = is_up, [WAIT_IDLE] = is_idle};
    return w->kind == WAIT_LIFE ? w->pending_count == 0 : whole_scope(w, holds[w->kind]);
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
        w->on_done(w->arg, w->records);
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
