/* From one configuration to the next: what differs, and how the running tasks get there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_diff.h"
#include "taskd/supervisor_impl.h"

/* One worker of the new configuration beside the one that runs. */
struct change {
    struct worker *old; /* NULL: it is new */
    struct definition *definition;
    json_t *keys;  /* names of the keys that differ */
    bool process;  /* one of them is of a kind that a process sees */
    bool replicas; /* one of them is `replicas`; else a scale by hand stays */
};

struct plan {
    struct supervisor *sup;
    struct change *changes; /* in the new configuration's order */
    size_t count;
};

/* --- what differs --------------------------------------------------------------------------------------------------
 */

static void on_key(void *arg, const char *key, bool live)
{
    struct change *c = arg;
    json_array_append_new(c->keys, json_string(key));
    c->process = c->process || !live;
    c->replicas = c->replicas || strcmp(key, "replicas") == 0;
}

static bool is_new(const struct change *c)
{
    return !c->old || !c->old->configured;
}

static bool is_told(const json_t *keys, const char *key)
{
    size_t i;
    json_t *one;
    json_array_foreach (keys, i, one)
        if (strcmp(json_string_value(one), key) == 0)
            return true;
    return false;
}

/* The same names may stand for other addresses now. */
static void compare_sockets(struct change *c)
{
    if (!endpoint_bundle_equal(&c->old->definition->sockets, &c->definition->sockets) && !is_told(c->keys, "sockets"))
        on_key(c, "sockets", false);
}

static int compare(struct plan *p, struct config *config, const struct endpoints *endpoints)
{
    p->changes = calloc(config->workers_count + 1, sizeof *p->changes);
    if (!p->changes)
        return -ENOMEM;
    for (size_t i = 0; i < config->workers_count; i++) {
        struct worker_config *new = &config->workers[i];
        struct change *c = &p->changes[p->count++];
        c->old = crew_find(p->sup, new->name);
        c->keys = json_array();
        if (!c->keys)
            return -ENOMEM;
        if (is_new(c))
            c->process = c->replicas = true;
        else
            worker_config_differs(&c->old->definition->config, new, on_key, c);
        int r = definition_new(new, endpoints, &c->definition);
        if (r < 0)
            return r;
        if (!is_new(c))
            compare_sockets(c);
    }
    return 0;
}

static void plan_clear(struct plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        json_decref(p->changes[i].keys);
        definition_unref(p->changes[i].definition);
    }
    free(p->changes);
}

static const char *name_of(const struct change *c)
{
    return c->definition->config.name;
}

static bool is_kept(const struct plan *p, const struct worker *w)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->changes[i].old == w)
            return true;
    return !w->configured;
}

static json_t *plan_json(const struct plan *p, bool dry_run)
{
    json_t *added = json_array(), *removed = json_array(), *changed = json_array(), *unchanged = json_array();
    for (size_t i = 0; i < p->count; i++) {
        const struct change *c = &p->changes[i];
        if (is_new(c))
            json_array_append_new(added, json_string(name_of(c)));
        else if (json_array_size(c->keys) == 0)
            json_array_append_new(unchanged, json_string(name_of(c)));
        else
            json_array_append_new(
                changed, json_pack("{ss sO sb}", "worker", name_of(c), "keys", c->keys, "replaced", c->process));
    }
    for (size_t i = 0; i < p->sup->workers_count; i++)
        if (!is_kept(p, p->sup->workers[i]))
            json_array_append_new(removed, json_string(p->sup->workers[i]->name));
    return json_pack("{si sb so so so so}", "v", 1, "dry_run", dry_run, "added", added, "removed", removed, "changed",
                     changed, "unchanged", unchanged);
}

/* --- going over ----------------------------------------------------------------------------------------------------
 */

/* Where a task was stopped, drained or has failed, it stays so: a reload starts nothing that somebody has stopped. */
static void redefine_tasks(struct supervisor *s, struct worker *w, bool process)
{
    for (size_t i = 0; i < w->count; i++) {
        struct task *t = w->tasks[i];
        if (task_spawned(t))
            continue;
        task_redefine(t, w->definition, !process);
        if (process && !task_retired(t) && fsm_alive(task_state(t)) && task_wanted(t)) {
            w->max_unavailable = 1;
            task_set_due(t, STOP_RELOAD);
            s->due++;
        } else if (task_state(t) == TASK_FAILED) {
            task_start(t); /* perhaps this is what was wrong */
        }
    }
}

static int apply_change(struct supervisor *s, struct change *c, size_t index)
{
    struct worker *w = c->old ? c->old : crew_add_worker(s, name_of(c));
    if (!w)
        return -ENOMEM;
    bool added = is_new(c), differs = json_array_size(c->keys) > 0;
    w->configured = true;
    w->index = index;
    if (!added && !differs)
        return 0;
    crew_define(w, definition_ref(c->definition));
    timetable_set(s, w);
    redefine_tasks(s, w, c->process);
    return 0;
}

static int scale(struct supervisor *s, struct change *c)
{
    struct worker *w = crew_find(s, name_of(c));
    if (!c->replicas)
        return 0;
    size_t replicas = (size_t)w->definition->config.replicas;
    return rollout_scale(s, w, replicas, STOP_RELOAD);
}

static bool pick_removed(const struct task *t, const void *arg)
{
    (void)arg;
    return task_retired(t) && !worker_of(t)->configured && task_wanted(t);
}

static void remove_others(struct plan *p)
{
    static const struct stop_request req = {.reason = STOP_RELOAD, .grace_ms = -1};
    struct supervisor *s = p->sup;
    for (size_t i = 0; i < s->workers_count; i++) {
        struct worker *w = s->workers[i];
        if (is_kept(p, w))
            continue;
        timetable_remove(s, w);
        s->leaving = true;
        for (size_t j = 0; j < w->count; j++)
            task_retire(w->tasks[j], true);
        w->configured = false;
    }
    requests_stop(s, &req, pick_removed, NULL);
}

static int by_index(const void *a, const void *b)
{
    const struct worker *x = *(struct worker *const *)a, *y = *(struct worker *const *)b;
    if (x->configured != y->configured)
        return x->configured ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Everything that can fail for a reason of the configuration has been tried before. */
static int apply(struct plan *p)
{
    struct supervisor *s = p->sup;
    int r = 0;
    remove_others(p);
    for (size_t i = 0; i < p->count && r == 0; i++)
        r = apply_change(s, &p->changes[i], i);
    qsort(s->workers, s->workers_count, sizeof(struct worker *), by_index);
    if (r == 0)
        r = order_link(s);
    for (size_t i = 0; i < p->count && r == 0; i++)
        r = scale(s, &p->changes[i]);
    crew_order(s);
    supervisor_settle(s);
    return r;
}

json_t *supervisor_reload(struct supervisor *s, struct config *config, const struct endpoints *endpoints, bool dry_run)
{
    struct plan p = {.sup = s};
    json_t *diff = NULL;
    int r = s->state == SUP_RUNNING ? compare(&p, config, endpoints) : -ESHUTDOWN;
    if (r == 0 && !(diff = plan_json(&p, dry_run)))
        r = -ENOMEM;
    if (r == 0 && !dry_run) {
        s->on_failed = config->daemon.on_failed;
        r = apply(&p);
        news_reload(s, json_incref(diff));
    }
    plan_clear(&p);
    config_free(config);
    if (r == 0)
        return diff;
    json_decref(diff);
    errno = -r;
    return NULL;
}
