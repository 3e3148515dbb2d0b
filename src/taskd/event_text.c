#include "taskd/event_text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/status_text.h"

enum { TEXT = 2048, DURATION_TEXT = 48 };

struct words {
    char text[TEXT];
    size_t len;
};

static void add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->text + w->len, sizeof w->text - w->len, fmt, ap);
    va_end(ap);
    w->len += strlen(w->text + w->len);
}

static void add_field(struct words *w, const char *before, const json_t *object, const char *key)
{
    const char *text = status_string(object, key);

    if (*text)
        add(w, "%s%s", before, text);
}

static void add_json(struct words *w, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text)
        add(w, "%s", text);
    free(text);
}

/* --- one function a type ----------------------------------------------------------------------------------------- */

static void say_daemon(struct words *w, const json_t *event)
{
    add(w, "%s, version %s, pid %" JSON_INTEGER_FORMAT, status_string(event, "state"), status_string(event, "version"),
        status_number(event, "pid"));
}

static void say_snapshot(struct words *w, const json_t *event)
{
    const json_t *status = json_object_get(event, "status"), *daemon = json_object_get(status, "daemon");
    size_t count = json_array_size(json_object_get(status, "tasks"));

    add(w, "%s, version %s, pid %" JSON_INTEGER_FORMAT ", %zu task%s", status_string(daemon, "state"),
        status_string(daemon, "version"), status_number(daemon, "pid"), count, count == 1 ? "" : "s");
}

static void say_state(struct words *w, const json_t *event)
{
    char text[DURATION_TEXT];

    add(w, "%s -> %s", status_string(event, "from"), status_string(event, "to"));
    add_field(w, ", ", event, "reason");
    add_field(w, ", ", event, "cause");
    if (json_object_get(event, "backoff_ms"))
        add(w, ", again in %s", duration_brief(status_number(event, "backoff_ms"), text, sizeof text));
    if (json_is_true(json_object_get(event, "restart_limited")))
        add(w, ", started too often");
}

static void say_started(struct words *w, const json_t *event)
{
    add(w, "%s started, pid %" JSON_INTEGER_FORMAT, status_string(event, "handle"), status_number(event, "pid"));
}

static void say_ended(struct words *w, const json_t *event)
{
    json_int_t done = status_number(json_object_get(event, "units"), "done");

    add(w, "%s %s", status_string(event, "handle"), status_string(event, "outcome"));
    add_field(w, ", ", event, "how");
    add_field(w, ", ", event, "cause");
    add_field(w, ": ", event, "error");
    if (done > 0)
        add(w, ", %" JSON_INTEGER_FORMAT " unit%s done", done, done == 1 ? "" : "s");
}

static void say_lost(struct words *w, const json_t *event)
{
    add(w, "%s was in the middle of %s", status_string(event, "handle"), status_string(event, "unit"));
}

static void say_unit_begin(struct words *w, const json_t *event)
{
    add(w, "begins %s", status_string(event, "unit"));
}

static void say_unit_end(struct words *w, const json_t *event)
{
    add(w, "%s %s", json_is_false(json_object_get(event, "ok")) ? "failed" : "done", status_string(event, "unit"));
}

static void say_poison(struct words *w, const json_t *event)
{
    add(w, "unit %s has ended %" JSON_INTEGER_FORMAT " lives", status_string(event, "unit"),
        status_number(event, "deaths"));
}

static void say_names(struct words *w, const json_t *names, char mark)
{
    json_t *name;
    size_t i;

    json_array_foreach (names, i, name) {
        const char *worker = json_is_string(name) ? json_string_value(name) : status_string(name, "worker");

        add(w, " %c%s", mark, worker);
    }
}

/* As `taskd reload` prints it, without what is as it was. */
static void say_reload(struct words *w, const json_t *event)
{
    const json_t *diff = json_object_get(event, "diff"), *error = json_object_get(event, "error");

    if (error) {
        add(w, "reload refused: %s", status_string(error, "message"));
        return;
    }
    add(w, "configuration read again:");
    say_names(w, json_object_get(diff, "added"), '+');
    say_names(w, json_object_get(diff, "removed"), '-');
    say_names(w, json_object_get(diff, "changed"), '~');
    add(w, " (%zu unchanged)", json_array_size(json_object_get(diff, "unchanged")));
}

static void say_lagged(struct words *w, const json_t *event)
{
    add(w, "events after %" JSON_INTEGER_FORMAT " came faster than they were read", status_number(event, "seq"));
}

/* --- colours ----------------------------------------------------------------------------------------------------- */

static enum table_colour outcome_colour(const json_t *event)
{
    const char *outcome = status_string(event, "outcome");

    if (strcmp(outcome, "ok") == 0)
        return TABLE_GREEN;
    return strcmp(outcome, "cancelled") == 0 ? TABLE_YELLOW : TABLE_RED;
}

static enum table_colour unit_colour(const json_t *event)
{
    return json_is_false(json_object_get(event, "ok")) ? TABLE_RED : TABLE_DIM;
}

static enum table_colour bad(const json_t *event)
{
    (void)event;
    return TABLE_RED;
}

static enum table_colour bold(const json_t *event)
{
    (void)event;
    return TABLE_BOLD;
}

static const struct {
    const char *type;
    void (*say)(struct words *, const json_t *event);
    enum table_colour (*colour)(const json_t *event); /* NULL: plain */
} types[] = {
    {"daemon", say_daemon, bold},
    {"snapshot", say_snapshot, bold},
    {"state", say_state, NULL},
    {"started", say_started, NULL},
    {"ended", say_ended, outcome_colour},
    {"lost", say_lost, bad},
    {"unit_begin", say_unit_begin, unit_colour},
    {"unit_end", say_unit_end, unit_colour},
    {"poison", say_poison, bad},
    {"reload", say_reload, bold},
    {"lagged", say_lagged, bad},
};

enum { TYPES = sizeof types / sizeof *types };

static size_t find_type(const json_t *event)
{
    size_t i = 0;

    while (i < TYPES && strcmp(types[i].type, status_string(event, "type")) != 0)
        i++;
    return i;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

char *event_who(const json_t *event, char *out, size_t out_size)
{
    static const char *const keys[] = {"task", "worker"};
    const char *who = "";

    for (size_t i = 0; i < sizeof keys / sizeof *keys && !*who; i++)
        who = status_string(event, keys[i]);
    if (!*who)
        who = "taskd";
    return text_printable(who, strlen(who), out, out_size);
}

char *event_text(const json_t *event, char *out, size_t out_size)
{
    struct words w = {.len = 0};
    size_t type = find_type(event);

    if (type < TYPES)
        types[type].say(&w, event);
    else
        add_json(&w, event);
    return text_printable(w.text, w.len, out, out_size);
}

enum table_colour event_colour(const json_t *event)
{
    size_t type = find_type(event);

    return type < TYPES && types[type].colour ? types[type].colour(event) : TABLE_PLAIN;
}

/* --- when -------------------------------------------------------------------------------------------------------- */

char *event_time(const char *time, char *out, size_t out_size)
{
    struct tm tm;
    time_t seconds;
    int64_t ms;
    size_t len;

    snprintf(out, out_size, "-");
    if (moment_parse(time, &ms) < 0)
        return out;
    seconds = (time_t)(ms / 1000);
    len = localtime_r(&seconds, &tm) ? strftime(out, out_size, "%b %d %H:%M:%S", &tm) : 0;
    if (len > 0)
        snprintf(out + len, out_size - len, ".%03d", (int)(ms % 1000));
    return out;
}
