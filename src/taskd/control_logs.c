/* GET /v1/logs: the last lines of what workers print, and what comes. What a slow reader has no room for is left out
 * and counted; taskd waits for nobody. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/jsonout.h"
#include "common/quantity.h"
#include "taskd/control_calls.h"
#include "taskd/control_query.h"
#include "taskd/events.h"
#include "taskd/logs.h"
#include "taskd/supervisor.h"

/* Streams may not take all the places there are for clients. Of many tasks fewer lines are shown, so that the answer
 * stays within bounds. */
enum { LINES_ALL = 10000, LINES_LEAST = 10 };

struct wish {
    char scope[QUERY_SCOPE_MAX], unit[LOGLINE_UNIT_MAX];
    long long lines;  /* of each task, -1: what is kept */
    int64_t since_ms; /* since 1970 */
    int level;
    bool follow;
};

struct log_stream {
    struct list link;
    struct control *control;
    struct http_client *client;
    struct logs_reader *reader; /* NULL: nothing is to come */
    struct wish wish;
    struct logtext text;
    struct jsonout scratch;
    unsigned long long left_out;
};

/* --- what is wished for ------------------------------------------------------------------------------------------ */

static bool wish_scope(void *wish, const char *text)
{
    struct wish *w = wish;
    memcpy(w->scope, text, strlen(text) + 1);
    return *text;
}

static bool wish_unit(void *wish, const char *text)
{
    struct wish *w = wish;
    if (strlen(text) >= sizeof w->unit)
        return false;
    memcpy(w->unit, text, strlen(text) + 1);
    return *text;
}

static bool wish_lines(void *wish, const char *text)
{
    struct wish *w = wish;
    return query_whole(text, &w->lines);
}

static bool wish_since(void *wish, const char *text)
{
    struct wish *w = wish;
    long long ms;

    if (moment_parse(text, &w->since_ms) == 0)
        return true;
    if (!query_whole(text, &ms))
        return false;
    w->since_ms = ms;
    return true;
}

static bool wish_level(void *wish, const char *text)
{
    struct wish *w = wish;
    w->level = logline_level(text);
    return w->level != LOGLINE_LEVEL_NONE;
}

static bool wish_follow(void *wish, const char *text)
{
    struct wish *w = wish;
    return query_flag(text, &w->follow);
}

static const struct query_key wishes[] = {
    {"scope", "names with commas between them", wish_scope},
    {"unit", "the name of a unit", wish_unit},
    {"lines", "a number", wish_lines},
    {"since", "a time as in RFC 3339, in UTC, or milliseconds since 1970", wish_since},
    {"level", "a level of syslog(3)", wish_level},
    {"follow", "0 or 1", wish_follow},
    {NULL},
};

/* A worker that has not said how much a line matters is not hidden by "info". */
static int level_of(const struct logline *l)
{
    return l->level == LOGLINE_LEVEL_NONE ? LOG_INFO : l->level;
}

static bool is_wanted(void *arg, const struct logline *l)
{
    const struct wish *w = arg;

    return l->time_ms >= w->since_ms && level_of(l) <= w->level &&
           (!*w->unit || (l->unit && strcmp(l->unit, w->unit) == 0));
}

/* "resize" of "resize@2". */
static bool in_scope(const struct wish *w, const char *task, const char *handle)
{
    const char *at = strrchr(task, '@');
    char worker[QUERY_SCOPE_MAX];

    snprintf(worker, sizeof worker, "%.*s", at ? (int)(at - task) : (int)strlen(task), task);
    return !*w->scope ||
           events_in_scope(w->scope, &(struct events_whose){.worker = worker, .task = task, .handle = handle});
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

struct place {
    int64_t time_ms;
    size_t at, len;
};

struct history {
    struct log_stream *stream;
    const char *task;
    size_t lines; /* of each task */
    struct place *places;
    size_t count, cap;
};

static bool is_wanted_of_task(void *arg, const struct logline *l)
{
    const struct history *h = arg;
    return is_wanted(&h->stream->wish, l) && in_scope(&h->stream->wish, h->task, l->handle);
}

static void add_line(void *arg, const struct logline *line)
{
    struct history *h = arg;
    struct logline l = *line;
    struct logtext *text = &h->stream->text;
    size_t at = text->len;

    if (h->count == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        struct place *places = realloc(h->places, cap * sizeof *places);
        if (!places)
            return;
        h->places = places;
        h->cap = cap;
    }
    l.task = h->task;
    logline_put_json(text, &h->stream->scratch, &l);
    h->places[h->count++] = (struct place){l.time_ms, at, text->len - at};
}

static void add_task(void *arg, const char *task, const struct logring *ring)
{
    struct history *h = arg;

    h->task = task;
    logring_last(ring, h->lines, is_wanted_of_task, add_line, h);
}

static void count_task(void *arg, const char *task, const struct logring *ring)
{
    struct history *h = arg;
    (void)ring;
    h->count += in_scope(&h->stream->wish, task, NULL);
}

static size_t lines_of_each(struct log_stream *s)
{
    struct history h = {.stream = s};

    if (s->wish.lines >= 0)
        return (size_t)s->wish.lines;
    supervisor_each_log(s->control->sup, count_task, &h);
    size_t each = LINES_ALL / (h.count ? h.count : 1);
    return each > LINES_LEAST ? each : LINES_LEAST;
}

/* What one task said in one millisecond stays in its order. */
static int by_time(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static void write_history(struct log_stream *s)
{
    struct history h = {.stream = s, .lines = lines_of_each(s)};

    supervisor_each_log(s->control->sup, add_task, &h);
    if (h.count > 0)
        qsort(h.places, h.count, sizeof *h.places, by_time);
    for (size_t i = 0; i < h.count; i++)
        http_stream_write(s->client, s->text.data + h.places[i].at, h.places[i].len);
    free(h.places);
    logtext_free(&s->text);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

static void log_stream_free(struct log_stream *s)
{
    if (s->reader) {
        list_remove(&s->link);
        s->control->followers_count--;
        logs_unsubscribe(s->reader);
    }
    logtext_free(&s->text);
    jsonout_free(&s->scratch);
    free(s);
}

static void write_left_out(struct log_stream *s)
{
    char line[64];

    if (!s->left_out)
        return;
    snprintf(line, sizeof line, "{\"left_out\":%llu}\n", s->left_out);
    http_stream_write(s->client, line, strlen(line));
    s->left_out = 0;
}

static void on_line(void *arg, const struct logline *l)
{
    struct log_stream *s = arg;

    if (!is_wanted(&s->wish, l) || !in_scope(&s->wish, l->task, l->handle))
        return;
    if (!http_stream_room(s->client)) {
        s->left_out++;
        return;
    }
    write_left_out(s);
    s->text.len = 0;
    logline_put_json(&s->text, &s->scratch, l);
    if (!s->text.failed)
        http_stream_write(s->client, s->text.data, s->text.len);
}

static void on_room(void *arg, struct http_client *client)
{
    (void)client;
    write_left_out(arg);
}

static void on_gone(void *arg, struct http_client *client)
{
    (void)client;
    log_stream_free(arg);
}

static void end(struct log_stream *s)
{
    struct http_client *client = s->client;

    log_stream_free(s);
    http_stream_end(client, NULL);
}

static void begin(struct control_call *call, struct log_stream *s)
{
    struct http_stream_hooks hooks = {.on_gone = on_gone, .on_room = on_room, .arg = s};

    http_stream_begin(call->client, 200, "application/x-ndjson", &hooks);
    write_history(s);
    if (s->wish.follow)
        s->reader = logs_subscribe(supervisor_logs(s->control->sup), on_line, s);
    if (!s->reader) {
        end(s);
        return;
    }
    list_append(&s->control->followers, &s->link);
    s->control->followers_count++;
}

void control_get_logs(struct control_call *call)
{
    struct log_stream *s = calloc(1, sizeof *s);

    if (!s) {
        control_error(call, 503, "memory", "out of memory");
        return;
    }
    *s = (struct log_stream){
        .control = call->control, .client = call->client, .wish = {.lines = -1, .level = LOG_DEBUG}};
    bool ok = control_take_query(call, wishes, &s->wish) && control_names_known(call, s->wish.scope);
    ok = ok && (!s->wish.follow || control_may_stay(call));
    if (ok)
        begin(call, s);
    else
        log_stream_free(s);
}

void control_logs_end_all(struct control *c)
{
    struct log_stream *s;

    while ((s = list_first(&c->followers)))
        end(s);
}
