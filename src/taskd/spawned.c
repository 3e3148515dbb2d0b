/* Tasks for one life, that somebody asks for while taskd runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/supervisor_impl.h"

enum { NAME_SIZE = 96, SPAWNED_MAX = 10000 };

/* One more life of a worker that is known. */
static int spawn_task(struct supervisor *s, struct worker *w, struct definition *d, json_t *input,
                      const char **ret_handle)
{
    if (input && !worker_talks(&d->config))
        return -EOPNOTSUPP;
    struct task *t = s->count < SPAWNED_MAX ? crew_add_task(s, w, d, true, input) : NULL;
    if (!t)
        return s->count < SPAWNED_MAX ? -ENOMEM : -EAGAIN;
    s->leaving = true;
    crew_order(s);
    task_start(t);
    *ret_handle = task_life(t)->handle;
    supervisor_settle(s);
    return 0;
}

/* A command's own name belongs to it unless a configured worker has it; then it is counted on: "resize-2". */
static struct worker *worker_for(struct supervisor *s, const char *wanted)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s", wanted);
    for (unsigned n = 2;; n++) {
        struct worker *w = crew_find(s, name);
        if (!w)
            return crew_add_worker(s, name);
        if (!w->configured)
            return w;
        snprintf(name, sizeof name, "%.*s-%u", (int)sizeof name - 16, wanted, n);
    }
}

static int spawn_command(struct supervisor *s, struct config *config, json_t *input, const char **ret_handle)
{
    struct worker *w = worker_for(s, config->workers[0].name);
    struct definition *d = NULL;
    if (!w)
        return -ENOMEM;
    char *name = strdup(w->name);
    if (!name)
        return -ENOMEM;
    free(config->workers[0].name);
    config->workers[0].name = name;
    int r = definition_new(&config->workers[0], NULL, &d);
    if (r < 0) {
        supervisor_settle(s);
        return r;
    }
    crew_define(w, definition_ref(d));
    r = spawn_task(s, w, d, input, ret_handle);
    definition_unref(d);
    return r;
}

int supervisor_spawn(struct supervisor *s, const struct spawn_order *order, const char **ret_handle)
{
    int r = -ESHUTDOWN;
    struct worker *w = order->worker ? crew_find(s, order->worker) : NULL;
    if (s->state == SUP_RUNNING && order->definition)
        r = spawn_command(s, order->definition, order->input, ret_handle);
    else if (s->state == SUP_RUNNING)
        r = w ? spawn_task(s, w, w->definition, order->input, ret_handle) : -ENOENT;
    config_free(order->definition);
    return r;
}
