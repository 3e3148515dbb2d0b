#include "taskd/control_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/control_calls.h"
#include "taskd/http_parse.h"
#include "taskd/supervisor.h"

bool query_whole(const char *text, long long *ret)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return !*end && !errno;
}

bool query_flag(const char *text, bool *ret)
{
    *ret = strcmp(text, "1") == 0;
    return *ret || strcmp(text, "0") == 0;
}

bool control_take_query(struct control_call *call, const struct query_key *keys, void *wish)
{
    const char *query = call->request->query;
    char text[QUERY_SCOPE_MAX];

    for (; keys->key; keys++) {
        if (!http_query_has(query, keys->key) ||
            (http_query_get(query, keys->key, text, sizeof text) && keys->take(wish, text)))
            continue;
        control_error(call, 400, "bad_parameter", "%s must be %s", keys->key, keys->values);
        return false;
    }
    return true;
}

/* --- names ------------------------------------------------------------------------------------------------------- */

struct events_whose control_whose(const json_t *task)
{
    return (struct events_whose){
        .worker = json_string_value(json_object_get(task, "worker")),
        .task = json_string_value(json_object_get(task, "id")),
        .handle = json_string_value(json_object_get(task, "handle")),
    };
}

static bool is_known(const json_t *tasks, const char *name)
{
    json_t *task;
    size_t i;

    json_array_foreach (tasks, i, task) {
        struct events_whose w = control_whose(task);

        if (events_in_scope(name, &w))
            return true;
    }
    return false;
}

static bool all_known(struct control_call *call, const char *scope, const json_t *tasks)
{
    char names[QUERY_SCOPE_MAX], *rest = names, *name;

    memcpy(names, scope, strlen(scope) + 1);
    while ((name = strtok_r(rest, ",", &rest))) {
        name[strcspn(name, "#")] = '\0';
        if (is_known(tasks, name))
            continue;
        call->name = name;
        control_unknown(call);
        call->name = NULL;
        return false;
    }
    return true;
}

bool control_names_known(struct control_call *call, const char *scope)
{
    json_t *status = *scope ? supervisor_status(call->control->sup, NULL) : NULL;
    bool ok = !*scope || (status && all_known(call, scope, json_object_get(status, "tasks")));

    if (*scope && !status)
        control_error(call, 503, "memory", "out of memory");
    json_decref(status);
    return ok;
}
