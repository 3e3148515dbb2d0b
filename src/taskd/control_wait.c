/* Requests whose reply comes later, when lives have ended. Each is ended by exactly one of: its records, its timeout,
 * its client's leaving, the end of taskd. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/control_calls.h"
#include "taskd/record_status.h"
#include "taskd/supervisor.h"

struct control_wait {
    struct list link;
    struct http_client *client;
    struct supervisor_waiter *waiter; /* NULL once it has called back */
    struct event *timer;              /* NULL: for ever */
    enum wait_reply reply;
};

void control_wait_cancel(struct control_wait *w)
{
    list_remove(&w->link);
    if (w->waiter)
        supervisor_wait_cancel(w->waiter);
    if (w->timer)
        event_free(w->timer);
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

static json_t *down_body(json_t *records)
{
    struct lost_list lost = {.units = json_array()};
    json_t *record;
    json_int_t killed = 0;
    size_t i;

    json_array_foreach (records, i, record) {
        killed += was_killed(record);
        lost.worker = json_object_get(record, "worker");
        record_each_lost(record, on_lost, &lost);
    }
    return json_pack("{s:i, s:O, s:I, s:o}", "v", 1, "results", records, "killed", killed, "lost", lost.units);
}

static json_t *life_body(json_t *records)
{
    return json_pack("{s:i, s:O}", "v", 1, "results", records);
}

static void on_done(void *arg, json_t *records)
{
    struct control_wait *w = arg;

    w->waiter = NULL;
    wait_answer(w, 200, w->reply == REPLY_DOWN ? down_body(records) : life_body(records));
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    wait_answer(arg, 504, control_error_body("timeout", "it has not ended in this time; it runs on"));
}

static void on_gone(void *arg, struct http_client *client)
{
    (void)client;
    control_wait_cancel(arg);
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
    int rc;

    if (!w)
        return -ENOMEM;
    w->client = call->client;
    w->reply = reply;
    list_append(&call->control->waits, &w->link);
    rc =
        supervisor_wait(call->control->sup, scope, reply == REPLY_DOWN ? WAIT_DOWN : WAIT_LIFE, on_done, w, &w->waiter);
    if (rc == 0)
        rc = arm(w, call->control->base, timeout_ms);
    if (rc < 0) {
        control_wait_cancel(w);
        return rc;
    }
    http_wait(call->client, on_gone, w);
    if (ret)
        *ret = w;
    return 0;
}

void control_wait_end_all(struct control *c)
{
    struct control_wait *w;

    while ((w = list_first(&c->waits)))
        wait_answer(w, 503, control_error_body("ended", "taskd has ended"));
}
