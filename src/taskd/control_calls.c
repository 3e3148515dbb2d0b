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

static void reply_failed(struct control_call *call, int error)
{
    control_error(call, STATUS_FAILED, error == ENOMEM ? "memory" : "failed", "%s", strerror(error));
}

static void reply_status(struct control_call *call, const char *scope)
{
    json_t *status;

    errno = 0;
    status = supervisor_status(call->control->sup, scope);
    if (status)
        control_reply(call, 200, status);
    else if (scope && errno == ENOENT)
        control_unknown(call);
    else
        reply_failed(call, ENOMEM);
}

void control_get_status(struct control_call *call)
{
    char scope[NAME_MAX_BYTES];

    if (http_query_get(call->request->query, "scope", scope, sizeof scope)) {
        call->name = scope;
        reply_status(call, scope);
        call->name = NULL;
    } else if (call->request->query && strstr(call->request->query, "scope="))
        control_error(call, 400, "bad_parameter", "scope is not the name of a task");
    else
        reply_status(call, NULL);
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
    else if (rc == -ENOENT)
        control_unknown(call);
    else
        reply_failed(call, -rc);
}

void control_get_wait(struct control_call *call)
{
    long timeout_ms = -1;
    int rc;

    if (!take_number(call, "timeout", INT_MAX, &timeout_ms))
        return;
    rc = control_wait_begin(call, call->name, REPLY_LIFE, (int)timeout_ms, NULL);
    if (rc == -ENOENT)
        reply_from_journal(call);
    else if (rc < 0)
        reply_failed(call, -rc);
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
        reply_failed(call, -rc);
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

/* What a client may say about a stop. */
struct stop_wish {
    int64_t timeout_ms; /* -1: as configured */
    bool now, wait;
};

static bool wish_timeout(struct stop_wish *w, const json_t *value)
{
    w->timeout_ms = json_integer_value(value);
    return json_is_integer(value) && w->timeout_ms >= 0;
}

static bool wish_now(struct stop_wish *w, const json_t *value)
{
    w->now = json_is_true(value);
    return json_is_boolean(value);
}

static bool wish_wait(struct stop_wish *w, const json_t *value)
{
    w->wait = json_is_true(value);
    return json_is_boolean(value);
}

static const struct {
    const char *key, *type;
    bool (*take)(struct stop_wish *, const json_t *);
} wishes[] = {
    {"timeout_ms", "a number of milliseconds", wish_timeout},
    {"now", "true or false", wish_now},
    {"wait", "true or false", wish_wait},
};

static bool take_wish(struct control_call *call, struct stop_wish *w, const char *key, const json_t *value)
{
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        if (strcmp(wishes[i].key, key) != 0)
            continue;
        if (wishes[i].take(w, value))
            return true;
        control_error(call, 400, "bad_parameter", "%s must be %s", key, wishes[i].type);
        return false;
    }
    control_error(call, 400, "bad_parameter", "unknown key \"%s\": there are timeout_ms, now and wait", key);
    return false;
}

static bool take_wishes(struct control_call *call, struct stop_wish *ret)
{
    struct stop_wish w = {.timeout_ms = -1};
    const char *key;
    json_t *value;

    json_object_foreach (call->body, key, value) {
        if (!take_wish(call, &w, key, value))
            return false;
    }
    *ret = w;
    return true;
}

typedef int stop_verb(struct control *, const char *scope, const struct stop_wish *);

static int verb_stop(struct control *c, const char *scope, const struct stop_wish *w)
{
    struct stop_request request = {.reason = STOP_CLI, .grace_ms = w->timeout_ms, .now = w->now};

    return supervisor_stop(c->sup, scope, &request);
}

static int verb_abort(struct control *c, const char *scope, const struct stop_wish *w)
{
    (void)w;
    return supervisor_abort(c->sup, scope);
}

static int verb_shutdown(struct control *c, const char *scope, const struct stop_wish *w)
{
    int reached = verb_stop(c, scope, w);

    if (reached >= 0 && c->hooks.on_shutdown)
        c->hooks.on_shutdown(c->hooks.arg, w->now);
    return reached;
}

/* The waiter is there before the stop, so that a life which ends at once is among the results. */
static void stop_scope(struct control_call *call, stop_verb *verb)
{
    struct control_wait *waiting = NULL;
    struct stop_wish wish;
    int rc = 0;

    if (!take_wishes(call, &wish))
        return;
    if (wish.wait)
        rc = control_wait_begin(call, call->name, REPLY_DOWN, -1, &waiting);
    if (rc == 0)
        rc = verb(call->control, call->name, &wish);
    if (rc < 0 && waiting)
        control_wait_cancel(waiting);
    if (rc == -ENOENT && call->name)
        control_unknown(call);
    else if (rc < 0)
        reply_failed(call, -rc);
    else if (!wish.wait)
        control_reply(call, 202, json_pack("{s:i, s:i}", "v", 1, "stopping", rc));
}

void control_post_stop(struct control_call *call)
{
    stop_scope(call, verb_stop);
}

void control_post_abort(struct control_call *call)
{
    stop_scope(call, verb_abort);
}

void control_post_shutdown(struct control_call *call)
{
    stop_scope(call, verb_shutdown);
}
