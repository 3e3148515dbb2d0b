/* Questions about the supervisor's tasks: which belong to a scope, how they are, what it all came to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autoconf.h"
#include "taskd/config.h"
#include "taskd/ledger.h"
#include "taskd/supervisor_impl.h"
#include "taskd/sys.h"

static const char *const state_names[] = {
    [SUP_RUNNING] = "running", [SUP_STOPPING] = "stopping", [SUP_ENDED] = "ended"};

const char *supervisor_state_name(enum supervisor_state state)
{
    return state_names[state];
}

/* "resize", "resize@2" or "resize@2#17". */
bool supervisor_in_scope(const struct task *t, const char *scope)
{
    if (!scope || strcmp(scope, task_config(t)->name) == 0 || strcmp(scope, task_id(t)) == 0)
        return true;
    return strchr(scope, '#') && strcmp(scope, task_life(t)->handle) == 0;
}

bool supervisor_scope_known(const struct supervisor *s, const char *scope)
{
    for (size_t i = 0; i < s->count; i++)
        if (supervisor_in_scope(s->tasks[i], scope))
            return true;
    return false;
}

static json_t *daemon_json(const struct supervisor *s)
{
    return json_pack("{si ss ss sI so}", "pid", (int)getpid(), "version", PACKAGE_VERSION, "state",
                     supervisor_state_name(s->state), "uptime_ms", (json_int_t)(sys->now_ms() - s->started_ms),
                     "socket", s->socket ? json_string(s->socket) : json_null());
}

json_t *supervisor_status(const struct supervisor *s, const char *scope)
{
    if (scope && !supervisor_scope_known(s, scope)) {
        errno = ENOENT;
        return NULL;
    }
    json_t *tasks = json_array();
    for (size_t i = 0; i < s->count; i++)
        if (supervisor_in_scope(s->tasks[i], scope))
            json_array_append_new(tasks, task_json(s->tasks[i]));
    errno = ENOMEM;
    return json_pack("{si so so}", "v", 1, "daemon", daemon_json(s), "tasks", tasks);
}

enum supervisor_state supervisor_state(const struct supervisor *s)
{
    return s->state;
}

bool supervisor_ready(const struct supervisor *s)
{
    if (s->state != SUP_RUNNING)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (task_wanted(s->tasks[i]) && task_state(s->tasks[i]) != TASK_RUNNING && task_state(s->tasks[i]) != TASK_DONE)
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
    for (size_t i = 0; i < s->count; i++)
        ret->not_ok += ended_badly(s->tasks[i]);
}

void supervisor_set_socket(struct supervisor *s, const char *path)
{
    free(s->socket);
    s->socket = strdup(path);
}
