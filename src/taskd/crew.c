/* The workers and their tasks: how they come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/supervisor_impl.h"

struct worker *crew_find(const struct supervisor *s, const char *name)
{
    for (size_t i = 0; i < s->workers_count; i++)
        if (strcmp(s->workers[i]->name, name) == 0)
            return s->workers[i];
    return NULL;
}

struct worker *worker_of(const struct task *t)
{
    return task_owner(t);
}

/* --- coming ------------------------------------------------------------------------------------------------------- */

struct worker *crew_add_worker(struct supervisor *s, const char *name)
{
    struct worker *w = calloc(1, sizeof *w);
    struct worker **grown = reallocarray(s->workers, s->workers_count + 1, sizeof *grown);
    if (grown)
        s->workers = grown;
    if (!w || !grown || !(w->name = strdup(name))) {
        free(w);
        return NULL;
    }
    w->max_unavailable = 1;
    w->index = s->workers_count;
    s->workers[s->workers_count++] = w;
    return w;
}

void crew_define(struct worker *w, struct definition *d)
{
    definition_unref(w->definition);
    w->definition = d;
}

/* Where the lowest free number belongs. */
static size_t free_slot(const struct worker *w, unsigned *ret_number)
{
    size_t at = 0;
    while (at < w->count && task_number(w->tasks[at]) == at + 1)
        at++;
    *ret_number = (unsigned)at + 1;
    return at;
}

/* Room for one more, so that what follows cannot fail half-way. */
static bool make_room(struct task ***list, size_t count)
{
    struct task **grown = reallocarray(*list, count + 1, sizeof(struct task *));
    if (grown)
        *list = grown;
    return grown != NULL;
}

struct task *crew_add_task(struct supervisor *s, struct worker *w, struct definition *d, bool spawned, json_t *input)
{
    struct task_plan plan = {.spawned = spawned, .input = input, .owner = w};
    size_t at = free_slot(w, &plan.number);
    bool room = make_room(&w->tasks, w->count) && make_room(&s->tasks, s->count);
    struct task *t = room ? task_new(&s->shared, d, &plan) : NULL;
    if (!t)
        return NULL;
    memmove(w->tasks + at + 1, w->tasks + at, (w->count - at) * sizeof(struct task *));
    w->tasks[at] = t;
    w->count++;
    s->tasks[s->count++] = t;
    s->over++;
    return t;
}

size_t crew_replicas(const struct worker *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += !task_spawned(w->tasks[i]) && !task_retired(w->tasks[i]);
    return n;
}

struct task *const *crew_tasks(const struct supervisor *s, size_t *ret_count)
{
    *ret_count = s->count;
    return s->tasks;
}

void crew_order(struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->workers_count; i++)
        for (size_t j = 0; j < s->workers[i]->count; j++)
            s->tasks[n++] = s->workers[i]->tasks[j];
    s->count = n;
}

/* --- going -------------------------------------------------------------------------------------------------------- */

static bool forgettable(const struct task *t)
{
    return fsm_over(task_state(t)) && (task_retired(t) || (task_spawned(t) && task_last(t)));
}

static void prune_tasks(struct supervisor *s, struct worker *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct task *t = w->tasks[i];
        if (!forgettable(t)) {
            w->tasks[kept++] = t;
            continue;
        }
        supervisor_waiters_forget(s, t);
        if (s->hooks.on_gone)
            s->hooks.on_gone(s->hooks.arg, t);
        task_free(t);
        s->over--;
    }
    w->count = kept;
}

static void worker_free(struct supervisor *s, struct worker *w)
{
    timetable_remove(s, w);
    for (size_t i = 0; i < w->count; i++)
        task_free(w->tasks[i]);
    definition_unref(w->definition);
    free(w->after);
    free(w->tasks);
    free(w->name);
    free(w);
}

static bool somebody_leaves(const struct supervisor *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (task_retired(s->tasks[i]) || task_spawned(s->tasks[i]))
            return true;
    return false;
}

void crew_prune(struct supervisor *s)
{
    size_t kept = 0, before = s->workers_count;
    /* run -- CMD shows what became of its only task. */
    if (s->one_shot || !s->leaving)
        return;
    for (size_t i = 0; i < before; i++) {
        struct worker *w = s->workers[i];
        prune_tasks(s, w);
        if (w->configured || w->count > 0)
            s->workers[kept++] = w;
        else
            worker_free(s, w);
    }
    s->workers_count = kept;
    crew_order(s);
    s->leaving = somebody_leaves(s);
    if (kept != before)
        order_link(s);
}

void crew_free(struct supervisor *s)
{
    for (size_t i = 0; i < s->workers_count; i++)
        worker_free(s, s->workers[i]);
    free(s->workers);
    free(s->tasks);
}
