/* GET /v1/events: streams of what happens. Each is ended by exactly one of: its client's leaving, the end of what was
 * asked for, the ring's overtaking it, the end of taskd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/quantity.h"
#include "taskd/control_calls.h"
#include "taskd/control_query.h"
#include "taskd/events.h"
#include "taskd/http_parse.h"
#include "taskd/supervisor.h"

/* Streams may not take all the places there are for clients: somebody must still be able to say `stop`. */
enum { TIME_TEXT = 32 };

struct stream {
    struct list link;
    struct control *control;
    struct http_client *client;
    struct events_reader *reader;
    bool follow;
};

/* --- what is wished for ------------------------------------------------------------------------------------------ */

struct wish {
    struct events_wish events;
    char scope[QUERY_SCOPE_MAX];
    bool follow;
};

static bool wish_since(void *wish, const char *text)
{
    struct wish *w = wish;
    long long seq = EVENTS_FIRST;

    if (strcmp(text, "first") != 0 && !query_whole(text, &seq))
        return false;
    w->events.since = seq;
    return true;
}

static bool wish_units(void *wish, const char *text)
{
    struct wish *w = wish;
    long long every = strcmp(text, "all") == 0;

    if (strcmp(text, "all") != 0 && strcmp(text, "none") != 0 &&
        (!query_whole(text, &every) || every < 1 || every > UINT32_MAX))
        return false;
    w->events.units_every = (unsigned)every;
    return true;
}

static bool wish_scope(void *wish, const char *text)
{
    struct wish *w = wish;
    memcpy(w->scope, text, strlen(text) + 1);
    w->events.scope = w->scope;
    return *text;
}

static bool wish_follow(void *wish, const char *text)
{
    struct wish *w = wish;
    return query_flag(text, &w->follow);
}

static const struct query_key wishes[] = {
    {"since", "the seq of an event or \"first\"", wish_since},
    {"units", "\"none\", \"all\" or a number", wish_units},
    {"scope", "names with commas between them", wish_scope},
    {"follow", "0 or 1", wish_follow},
    {NULL},
};

static void keep_scope(json_t *tasks, const char *scope)
{
    for (size_t i = json_array_size(tasks); i-- > 0;) {
        struct events_whose w = control_whose(json_array_get(tasks, i));

        if (!events_in_scope(scope, &w))
            json_array_remove(tasks, i);
    }
}

/* --- the stream -------------------------------------------------------------------------------------------------- */

static void stream_free(struct stream *s)
{
    list_remove(&s->link);
    s->control->streams_count--;
    events_unsubscribe(s->reader);
    free(s);
}

/* A line of the stream's own, which stands in no ring; `more` is taken. NULL when memory is out. */
static char *make_line(int64_t seq, const char *type, const char *key, json_t *more)
{
    char now[TIME_TEXT], *text, *line = NULL;
    struct timespec ts;
    json_t *event;

    clock_gettime(CLOCK_REALTIME, &ts);
    event = json_pack("{sI ss ss so}", "seq", (json_int_t)seq, "time", moment_format(&ts, now, sizeof now), "type",
                      type, key, more);
    text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    json_decref(event);
    return line;
}

static void stream_end(struct stream *s, bool lagged)
{
    struct http_client *client = s->client;
    int64_t last = events_last(s->control->events);
    char *line = lagged ? make_line(events_told(s->reader), "lagged", "last", json_integer(last)) : NULL;

    stream_free(s);
    http_stream_end(client, line);
    free(line);
}

/* Writes what there is room for. False when that was the end of the stream. */
static bool pump(struct stream *s)
{
    while (http_stream_room(s->client)) {
        const char *line;
        size_t len;
        int rc = events_next(s->reader, &line, &len);

        if (rc > 0)
            http_stream_write(s->client, line, len);
        else if (rc < 0 || !s->follow) {
            stream_end(s, rc < 0);
            return false;
        } else
            return true;
    }
    return true;
}

static void on_news(void *arg)
{
    pump(arg);
}

/* A unit stands in no ring: who has no room for it now will never have it. */
static void on_unit(void *arg, const char *line, size_t len)
{
    struct stream *s = arg;

    if (!pump(s))
        return;
    if (http_stream_room(s->client))
        http_stream_write(s->client, line, len);
    else
        stream_end(s, true);
}

static void on_room(void *arg, struct http_client *client)
{
    (void)client;
    pump(arg);
}

static void on_gone(void *arg, struct http_client *client)
{
    (void)client;
    stream_free(arg);
}

static void write_snapshot(struct stream *s, const char *scope, json_t *status)
{
    char *line;

    keep_scope(json_object_get(status, "tasks"), scope);
    line = make_line(events_last(s->control->events), "snapshot", "status", json_incref(status));
    if (line)
        http_stream_write(s->client, line, strlen(line));
    free(line);
}

/* 0 or -errno, with nothing sent. */
static int stream_new(struct control_call *call, const struct wish *w, struct stream **ret)
{
    struct stream *s = calloc(1, sizeof *s);
    struct events_hooks hooks = {.on_news = on_news, .on_unit = on_unit, .arg = s};
    int rc;

    if (!s)
        return -ENOMEM;
    s->control = call->control;
    s->client = call->client;
    s->follow = w->follow;
    rc = events_subscribe(call->control->events, &w->events, &hooks, &s->reader);
    if (rc < 0) {
        free(s);
        return rc;
    }
    list_append(&call->control->streams, &s->link);
    call->control->streams_count++;
    *ret = s;
    return 0;
}

static void refuse(struct control_call *call, const struct wish *w, int rc)
{
    long long since = w->events.since;

    if (rc != -ESTALE)
        control_error(call, 503, "memory", "out of memory");
    else if (since > events_last(call->control->events))
        control_error(call, 410, "gone", "%lld is still to come: was that another taskd's?", since);
    else
        control_error(call, 410, "gone", "not all that came after %lld is still kept: \"first\" is what there is",
                      since);
}

static void begin(struct control_call *call, const struct wish *w, json_t *status)
{
    struct stream *s;
    struct http_stream_hooks hooks = {.on_gone = on_gone, .on_room = on_room};
    int rc = stream_new(call, w, &s);

    if (rc < 0) {
        refuse(call, w, rc);
        return;
    }
    hooks.arg = s;
    http_stream_begin(call->client, 200, "application/x-ndjson", &hooks);
    if (w->events.since == EVENTS_NOW)
        write_snapshot(s, w->events.scope, status);
    pump(s);
}

void control_get_events(struct control_call *call)
{
    struct wish w = {.events = {.since = EVENTS_NOW}, .follow = true};
    json_t *status;

    if (!control_take_query(call, wishes, &w))
        return;
    if (!control_may_stay(call))
        return;
    status = supervisor_status(call->control->sup, NULL);
    if (!status)
        control_error(call, 503, "memory", "out of memory");
    else if (control_names_known(call, w.scope))
        begin(call, &w, status);
    json_decref(status);
}

void control_events_end_all(struct control *c)
{
    struct stream *s;

    while ((s = list_first(&c->streams)))
        if (pump(s))
            stream_end(s, events_told(s->reader) < events_last(c->events));
}
