#include "taskd/control_calls.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "autoconf.h"
#include "common/proto.h"
#include "common/text.h"
#include "taskd/http_parse.h"
#include "taskd/journal.h"
#include "taskd/supervisor.h"

enum { NAME_MAX_BYTES = 512, NUMBER_MAX = 24, RESULTS_DEFAULT = 100, RESULTS_MAX = 1000, STATUS_FAILED = 503 };

static const struct {
    int rc, status;
    const char *code, *message; /* NULL: what the system says */
} failures[] = {
    {-ENOMEM, STATUS_FAILED, "memory", "out of memory"},
    {-ESHUTDOWN, 409, "stopping", "taskd is stopping, and the stop wins"},
    {-EOPNOTSUPP, 400, "bad_parameter", "a worker without a channel can be given no input"},
    {-EAGAIN, 429, "too_many", "there are as many tasks as there may be"},
    {0, STATUS_FAILED, "failed", NULL},
};

void control_failed(struct control_call *call, int rc)
{
    size_t i = 0;

    if (rc == -ENOENT && call->name) {
        control_unknown(call);
        return;
    }
    while (failures[i].rc && failures[i].rc != rc)
        i++;
    control_error(call, failures[i].status, failures[i].code, "%s",
                  failures[i].message ? failures[i].message : strerror(-rc));
}

static void reply_status(struct control_call *call, const char *scope)
{
    json_t *status;

    errno = 0;
    status = supervisor_status(call->control->sup, scope);
    if (status)
        control_reply(call, 200, status);
    else
        control_failed(call, scope && errno == ENOENT ? -ENOENT : -ENOMEM);
}

/* The scope that the query names becomes the name of the call. False: answered already. */
static bool take_scope(struct control_call *call, char *scope, size_t scope_size)
{
    if (http_query_get(call->request->query, "scope", scope, scope_size))
        call->name = scope;
    else if (call->request->query && strstr(call->request->query, "scope=")) {
        control_error(call, 400, "bad_parameter", "scope is not the name of a task");
        return false;
    }
    return true;
}

void control_get_status(struct control_call *call)
{
    char scope[NAME_MAX_BYTES];

    if (take_scope(call, scope, sizeof scope))
        reply_status(call, call->name);
    call->name = NULL;
}

void control_get_task(struct control_call *call)
{
    reply_status(call, call->name);
}

/* A parameter that is a whole number from 0 to max. `*value` keeps its default when it is absent; false: answered
 * already. */
static bool take_number(struct control_call *call, const char *key, long max, long *value)
{
    char text[NUMBER_MAX], *end;
    long n;

    if (!call->request->query || !strstr(call->request->query, key))
        return true;
    if (http_query_get(call->request->query, key, text, sizeof text) && text[0] >= '0' && text[0] <= '9') {
        errno = 0;
        n = strtol(text, &end, 10);
        if (!*end && !errno && n <= max) {
            *value = n;
            return true;
        }
    }
    control_error(call, 400, "bad_parameter", "%s is not a number from 0 to %ld", key, max);
    return false;
}

/* A life that ended long ago is no longer in memory: its record is. */
static void reply_from_journal(struct control_call *call)
{
    json_t *record;
    int rc = strchr(call->name, '#') ? journal_find(call->control->state_dir, call->name, &record) : -ENOENT;

    if (rc == 0)
        control_reply(call, 200, json_pack("{s:i, s:[o]}", "v", 1, "results", record));
    else
        control_failed(call, rc);
}

void control_get_wait(struct control_call *call)
{
    long timeout_ms = -1;
    int rc;

    if (!take_number(call, "timeout", INT_MAX, &timeout_ms) || !control_may_stay(call))
        return;
    rc = control_wait_begin(call, call->name, REPLY_LIFE, (int)timeout_ms, NULL);
    if (rc == -ENOENT)
        reply_from_journal(call);
    else if (rc < 0)
        control_failed(call, rc);
}

static bool asks_for(const struct control_call *call, const char *what)
{
    char value[NUMBER_MAX];

    return http_query_get(call->request->query, what, value, sizeof value) && strcmp(value, "1") == 0;
}

static void wait_for_scope(struct control_call *call, enum wait_reply reply, int timeout_ms)
{
    struct control_wait *waiting;
    int rc = control_wait_begin(call, call->name, reply, timeout_ms, &waiting);

    if (rc == 0 && reply == REPLY_READY && (rc = control_wait_reached(waiting, 0)) < 0)
        control_wait_cancel(waiting);
    if (rc < 0)
        control_failed(call, rc);
}

/* What a deploy waits for: that nobody is in the middle of anything, or that everybody has got where he was sent. */
void control_get_gate(struct control_call *call)
{
    char scope[NAME_MAX_BYTES];
    bool idle = asks_for(call, "idle");
    long timeout_ms = -1;

    if (idle == asks_for(call, "ready")) {
        control_error(call, 400, "bad_parameter", "idle=1 or ready=1 is what can be waited for here");
        return;
    }
    if (!take_number(call, "timeout", INT_MAX, &timeout_ms) || !take_scope(call, scope, sizeof scope))
        return;
    if (control_may_stay(call))
        wait_for_scope(call, idle ? REPLY_IDLE : REPLY_READY, (int)timeout_ms);
    call->name = NULL;
}

struct results_query {
    const char *since; /* records after this handle only; NULL: all */
    bool past;         /* it has been seen */
    long limit;
    json_t *out;
};

static bool on_result(void *arg, json_t *record)
{
    struct results_query *q = arg;
    const char *handle = json_string_value(json_object_get(record, "handle"));

    if (q->past) {
        json_array_append(q->out, record);
        if ((long)json_array_size(q->out) > q->limit)
            json_array_remove(q->out, 0);
    } else
        q->past = handle && strcmp(handle, q->since) == 0;
    return true;
}

void control_get_results(struct control_call *call)
{
    char since[NAME_MAX_BYTES] = "";
    bool has_since = http_query_get(call->request->query, "since_handle", since, sizeof since);
    struct results_query q = {.since = since, .past = !has_since, .limit = RESULTS_DEFAULT};
    int rc;

    if (!take_number(call, "limit", RESULTS_MAX, &q.limit))
        return;
    q.out = json_array();
    rc = journal_read(call->control->state_dir, on_result, &q, NULL);
    if (rc < 0 && rc != -ENOENT) {
        json_decref(q.out);
        control_failed(call, rc);
    } else
        control_reply(call, 200, json_pack("{s:i, s:o}", "v", 1, "results", q.out));
}

void control_get_version(struct control_call *call)
{
    control_reply(call, 200,
                  json_pack("{s:i, s:s, s:s, s:i}", "v", 1, "name", "taskd", "version", PACKAGE_VERSION, "protocol",
                            PROTO_VERSION));
}

void control_get_health(struct control_call *call)
{
    control_reply(call, 200, json_pack("{s:b}", "ok", 1));
}

void control_get_ready(struct control_call *call)
{
    bool ready = supervisor_ready(call->control->sup);

    control_reply(call, ready ? 200 : 503, json_pack("{s:b}", "ready", ready));
}
