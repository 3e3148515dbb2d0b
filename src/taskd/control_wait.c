/* Requests whose reply comes later, when lives have ended or tasks have settled. Each is ended by exactly one of: its
 * records, its timeout, its client's leaving, the end of taskd. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/control_calls.h"
#include "taskd/record_status.h"
#include "taskd/supervisor.h"

struct control_wait {
    struct list link;
    struct control *control;
    struct http_client *client;
    struct supervisor *sup;
    struct supervisor_waiter *waiter; /* NULL once it has called back */
    struct event *timer;              /* NULL: for ever */
    enum wait_reply reply;
    char *scope;
    int tasks; /* that the request has reached */
};

/* Who waits for somebody else's end may do so for ever; what a request has set going ends by itself. */
static bool stays(enum wait_reply reply)
{
    return reply == REPLY_LIFE || reply == REPLY_IDLE || reply == REPLY_READY || reply == REPLY_ATTACHED;
}

void control_wait_cancel(struct control_wait *w)
{
    list_remove(&w->link);
    w->control->waits_count -= stays(w->reply);
    if (w->waiter)
        supervisor_wait_cancel(w->waiter);
    if (w->timer)
        event_free(w->timer);
    free(w->scope);
    free(w);
}

static void wait_answer(struct control_wait *w, int status, json_t *body)
{
    struct http_client *client = w->client;

    control_wait_cancel(w);
    http_reply(client, status, body, NULL);
}

static bool was_killed(const json_t *record)
{
    const char *how = json_string_value(json_object_get(json_object_get(record, "stop"), "how"));

    return how && (strcmp(how, "killed") == 0 || strcmp(how, "aborted") == 0);
}

struct lost_list {
    json_t *worker, *units;
};

static void on_lost(void *arg, const char *unit)
{
    struct lost_list *l = arg;

    json_array_append_new(l->units, json_pack("{s:O, s:s}", "worker", l->worker, "unit", unit));
}

static json_t *life_body(const struct control_wait *w, const struct wait_result *r)
{
    (void)w;
    return json_pack("{s:i, s:O}", "v", 1, "results", r->records);
}

static json_t *down_body(const struct control_wait *w, const struct wait_result *r)
{
    struct lost_list lost = {.units = json_array()};
    json_t *record;
    json_int_t killed = 0;
    size_t i;

    (void)w;
    json_array_foreach (r->records, i, record) {
        killed += was_killed(record);
        lost.worker = json_object_get(record, "worker");
        record_each_lost(record, on_lost, &lost);
    }
    return json_pack("{s:i, s:O, s:I, s:o, s:O}", "v", 1, "results", r->records, "killed", killed, "lost", lost.units,
                     "overtaken", r->overtaken);
}

/* The ids of the tasks that are in state "failed". */
static json_t *failed_ids(const struct control_wait *w)
{
    json_t *status = supervisor_status(w->sup, w->scope), *ids = json_array(), *task;
    size_t i;

    json_array_foreach (json_object_get(status, "tasks"), i, task) {
        const char *state = json_string_value(json_object_get(task, "state"));

        if (state && strcmp(state, "failed") == 0)
            json_array_append(ids, json_object_get(task, "id"));
    }
    json_decref(status);
    return ids;
}

static json_t *up_body(const struct control_wait *w, const struct wait_result *r)
{
    return json_pack("{s:i, s:i, s:o, s:O, s:O, s:O}", "v", 1, "tasks", w->tasks, "failed", failed_ids(w), "overtaken",
                     r->overtaken, "left", r->left, "blocked", r->blocked);
}

static json_t *ready_body(const struct control_wait *w, const struct wait_result *r)
{
    return json_pack("{s:i, s:o, s:O, s:O, s:O}", "v", 1, "failed", failed_ids(w), "overtaken", r->overtaken, "left",
                     r->left, "blocked", r->blocked);
}

static json_t *drained_body(const struct control_wait *w, const struct wait_result *r)
{
    json_t *body = down_body(w, r), *more = up_body(w, r);

    if (body && more)
        json_object_update(body, more);
    json_decref(more);
    return body;
}

static json_t *idle_body(const struct control_wait *w, const struct wait_result *r)
{
    (void)w;
    (void)r;
    return json_pack("{s:i, s:b}", "v", 1, "idle", 1);
}

static const struct {
    enum wait_kind kind;
    json_t *(*body)(const struct control_wait *, const struct wait_result *);
    const char *too_late;
} replies[] = {
    [REPLY_LIFE] = {WAIT_LIFE, life_body, "it has not ended in this time; it runs on"},
    [REPLY_DOWN] = {WAIT_DOWN, down_body, ""},
    [REPLY_DRAINED] = {WAIT_DOWN, drained_body, ""},
    [REPLY_UP] = {WAIT_UP, up_body, ""},
    [REPLY_IDLE] = {WAIT_IDLE, idle_body, "units have been under way all this time"},
    [REPLY_READY] = {WAIT_UP, ready_body, "some are still on their way"},
    [REPLY_ATTACHED] = {WAIT_LIFE, life_body, ""},
};

static void answer_no_life(struct control_wait *w)
{
    char text[512];

    snprintf(text, sizeof text, "%s has not run, and is down: there is no outcome to wait for", w->scope);
    wait_answer(w, 409, control_error_body("no_life", text));
}

static void on_done(void *arg, const struct wait_result *r)
{
    struct control_wait *w = arg;

    w->waiter = NULL;
    if (replies[w->reply].kind == WAIT_LIFE && json_array_size(r->records) == 0)
        answer_no_life(w);
    else
        wait_answer(w, 200, replies[w->reply].body(w, r));
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct control_wait *w = arg;

    (void)fd;
    (void)what;
    wait_answer(w, 504, control_error_body("timeout", replies[w->reply].too_late));
}

static void let_go(const struct control_wait *w)
{
    struct stop_request request = {.reason = STOP_CLIENT_LOST, .grace_ms = -1};

    if (w->reply == REPLY_ATTACHED)
        supervisor_stop(w->sup, w->scope, &request);
}

static void on_gone(void *arg, struct http_client *client)
{
    (void)client;
    let_go(arg);
    control_wait_cancel(arg);
}

/* It has had enough, and still wants to hear how it ended. */
static void on_half(void *arg, struct http_client *client)
{
    (void)client;
    let_go(arg);
}

static int arm(struct control_wait *w, struct event_base *base, int timeout_ms)
{
    struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000L};

    if (timeout_ms < 0)
        return 0;
    w->timer = evtimer_new(base, on_timeout, w);
    return w->timer && event_add(w->timer, &tv) == 0 ? 0 : -ENOMEM;
}

int control_wait_begin(struct control_call *call, const char *scope, enum wait_reply reply, int timeout_ms,
                       struct control_wait **ret)
{
    struct control_wait *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (!w)
        return -ENOMEM;
    call->control->waits_count += stays(reply);
    *w = (struct control_wait){
        .control = call->control, .client = call->client, .sup = call->control->sup, .reply = reply};
    list_append(&call->control->waits, &w->link);
    w->scope = scope ? strdup(scope) : NULL;
    if (w->scope || !scope)
        rc = supervisor_wait(w->sup, scope, replies[reply].kind, on_done, w, &w->waiter);
    if (rc == 0)
        rc = arm(w, call->control->base, timeout_ms);
    if (rc < 0) {
        control_wait_cancel(w);
        return rc;
    }
    http_wait(call->client, on_gone, reply == REPLY_ATTACHED ? on_half : NULL, w);
    if (ret)
        *ret = w;
    return 0;
}

int control_wait_reached(struct control_wait *w, int tasks)
{
    w->tasks = tasks;
    return supervisor_wait_begin(w->waiter);
}

void control_wait_end_all(struct control *c)
{
    struct control_wait *w;

    while ((w = list_first(&c->waits)))
        wait_answer(w, 503, control_error_body("ended", "taskd has ended"));
}
