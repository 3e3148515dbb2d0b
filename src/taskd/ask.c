/* Questions about the supervisor's tasks: which belong to a scope, how they are, what it all came to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autoconf.h"
#include "taskd/config.h"
#include "taskd/ledger.h"
#include "taskd/poison.h"
#include "taskd/supervisor_impl.h"
#include "taskd/sys.h"

static const char *const state_names[] = {
    [SUP_RUNNING] = "running", [SUP_STOPPING] = "stopping", [SUP_ENDED] = "ended"};

const char *supervisor_state_name(enum supervisor_state state)
{
    return state_names[state];
}

static bool in_group(const struct worker *w, const char *scope)
{
    const char *group = w->configured ? w->definition->config.part_of : NULL;
    return group && strcmp(group, scope) == 0;
}

/* "batch", "resize", "resize@2" or "resize@2#17". */
bool supervisor_in_scope(const struct task *t, const char *scope)
{
    const struct worker *w = worker_of(t);
    if (!scope || strcmp(scope, w->name) == 0 || strcmp(scope, task_id(t)) == 0 || in_group(w, scope))
        return true;
    return strchr(scope, '#') && strcmp(scope, task_life(t)->handle) == 0;
}

/* Also a worker that has been scaled to nothing. */
bool supervisor_scope_known(const struct supervisor *s, const char *scope)
{
    for (size_t i = 0; i < s->workers_count; i++) {
        const struct worker *w = s->workers[i];
        if (strcmp(scope, w->name) == 0 || in_group(w, scope))
            return true;
        for (size_t j = 0; j < w->count; j++)
            if (supervisor_in_scope(w->tasks[j], scope))
                return true;
    }
    return false;
}

struct logs *supervisor_logs(const struct supervisor *s)
{
    return s->shared.logs;
}

void supervisor_each_log(const struct supervisor *s, void (*each)(void *arg, const char *task, const struct logring *),
                         void *arg)
{
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    for (size_t i = 0; i < n; i++)
        each(arg, task_id(tasks[i]), task_log(tasks[i]));
}

static json_t *daemon_json(const struct supervisor *s)
{
    return json_pack("{si ss ss sI so}", "pid", (int)getpid(), "version", PACKAGE_VERSION, "state",
                     supervisor_state_name(s->state), "uptime_ms", (json_int_t)(sys->now_ms() - s->started_ms),
                     "socket", s->socket ? json_string(s->socket) : json_null());
}

/* What a task does not know of itself. */
static json_t *whole_task_json(const struct supervisor *s, const struct task *t)
{
    json_t *json = task_json(t), *avoid = poison_list(s->poison, worker_of(t)->name, task_config(t)->poison_limit);
    int64_t next = task_periodic(t) && task_wanted(t) ? timetable_next(s, worker_of(t)) : -1;
    if (task_state(t) == TASK_WAITING && !task_periodic(t))
        json_object_set_new(json, "waiting_for", order_waits_for(s, t));
    if (task_held_stop(t))
        json_object_set_new(json_object_get(json, "stop"), "held_by", order_held_by(s, t));
    if (task_spawned(t))
        json_object_set_new(json, "spawned", json_true());
    if (task_config(t)->part_of)
        json_object_set_new(json, "part_of", json_string(task_config(t)->part_of));
    if (next >= 0)
        json_object_set_new(json, "next_run", life_timestamp(next));
    if (avoid)
        json_object_set_new(json, "avoid", avoid);
    return json;
}

static json_t *tasks_json(const struct supervisor *s, const char *scope)
{
    json_t *tasks = json_array();
    for (size_t i = 0; i < s->workers_count; i++)
        for (size_t j = 0; j < s->workers[i]->count; j++)
            if (supervisor_in_scope(s->workers[i]->tasks[j], scope))
                json_array_append_new(tasks, whole_task_json(s, s->workers[i]->tasks[j]));
    return tasks;
}

json_t *supervisor_status(const struct supervisor *s, const char *scope)
{
    if (scope && !supervisor_scope_known(s, scope)) {
        errno = ENOENT;
        return NULL;
    }
    errno = ENOMEM;
    return json_pack("{si so so}", "v", 1, "daemon", daemon_json(s), "tasks", tasks_json(s, scope));
}

enum supervisor_state supervisor_state(const struct supervisor *s)
{
    return s->state;
}

/* A task that has its time, or has been spawned, is nothing that anybody waits for. */
static bool is_coming_up(const struct task *t)
{
    enum task_state state = task_state(t);
    bool waits = task_spawned(t) || (state == TASK_WAITING && task_periodic(t));
    return task_wanted(t) && !waits && state != TASK_RUNNING && state != TASK_DONE;
}

bool supervisor_ready(const struct supervisor *s)
{
    if (s->state != SUP_RUNNING)
        return false;
    for (size_t i = 0; i < s->workers_count; i++)
        for (size_t j = 0; j < s->workers[i]->count; j++)
            if (is_coming_up(s->workers[i]->tasks[j]))
                return false;
    return true;
}

size_t supervisor_task_count(const struct supervisor *s)
{
    return s->count;
}

struct task *supervisor_task(const struct supervisor *s, size_t index)
{
    return s->tasks[index];
}

static bool ended_badly(const struct task *t)
{
    const json_t *last = task_last(t);
    const char *outcome = json_string_value(json_object_get(last, "outcome"));
    const char *how = json_string_value(json_object_get(json_object_get(last, "stop"), "how"));
    if (!outcome)
        return false;
    if (strcmp(outcome, outcome_name(OUTCOME_CANCELLED)) == 0)
        return !how || strcmp(how, stop_how_name(HOW_COOPERATIVE)) != 0;
    return strcmp(outcome, outcome_name(OUTCOME_OK)) != 0;
}

void supervisor_totals(const struct supervisor *s, struct supervisor_totals *ret)
{
    *ret = (struct supervisor_totals){
        .lives = s->lives,
        .units_done = s->units_done,
        .units_failed = s->units_failed,
        .killed = s->killed,
        .unsure = s->unsure,
        .spoken = s->spoken,
        .lost = ledger_json(s->ledger),
    };
    for (size_t i = 0; i < s->workers_count; i++)
        for (size_t j = 0; j < s->workers[i]->count; j++)
            ret->not_ok += ended_badly(s->workers[i]->tasks[j]);
}

/* Workers have other working directories: what they are given begins at the root. NULL when memory is out. */
static char *notify_folder(const char *socket)
{
    char *cwd = *socket == '/' ? strdup("") : getcwd(NULL, 0), *path = NULL;
    if (cwd && asprintf(&path, "%s%s%s.notify", cwd, *cwd ? "/" : "", socket) < 0)
        path = NULL;
    free(cwd);
    return path;
}

void supervisor_set_socket(struct supervisor *s, const char *path)
{
    free(s->socket);
    s->socket = strdup(path);
    free(s->notify_folder);
    s->shared.notify_folder = s->notify_folder = notify_folder(path);
}
