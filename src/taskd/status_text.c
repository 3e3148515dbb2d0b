#include "taskd/status_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "common/quantity.h"

enum { DURATION_TEXT = 48 };

const char *status_string(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "";
}

json_int_t status_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void append(char *out, size_t out_size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void append(char *out, size_t out_size, const char *fmt, ...)
{
    size_t len = strlen(out);
    va_list ap;

    if (len > 0 && len + 3 < out_size) {
        memcpy(out + len, ", ", 3);
        len += 2;
    }
    va_start(ap, fmt);
    vsnprintf(out + len, out_size - len, fmt, ap);
    va_end(ap);
}

static bool is_down(const json_t *task)
{
    return !json_is_integer(json_object_get(task, "pid"));
}

bool status_is_stopping(const json_t *task)
{
    return json_is_object(json_object_get(task, "stop")) && !is_down(task);
}

/* "for db, cache" */
static void append_names(const json_t *names, const char *what, char *out, size_t out_size)
{
    json_t *name;
    size_t i;

    json_array_foreach (names, i, name) {
        if (i == 0)
            append(out, out_size, "%s %s", what, json_string_value(name));
        else
            append(out, out_size, "%s", json_string_value(name));
    }
}

/* "2026-01-02T03:04:05.678Z" in the reader's own time; by itself when it is not of that form. */
static void append_time(const char *timestamp, const char *what, char *out, size_t out_size)
{
    struct tm tm = {0};
    char text[DURATION_TEXT];
    time_t at;

    if (!strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm))
        return;
    at = timegm(&tm);
    if (localtime_r(&at, &tm) && strftime(text, sizeof text, "%a %H:%M:%S", &tm) > 0)
        append(out, out_size, "%s %s", what, text);
}

static void append_plans(const json_t *task, char *out, size_t out_size)
{
    const char *next = status_string(task, "next_run"), *due = status_string(task, "due");

    append_names(json_object_get(task, "waiting_for"), "for", out, out_size);
    if (is_down(task) && *next)
        append_time(next, "next", out, out_size);
    if (*due)
        append(out, out_size, "due: %s", due);
    if (json_is_true(json_object_get(task, "drained")))
        append(out, out_size, "drained");
    if (json_is_true(json_object_get(task, "restart_limited")))
        append(out, out_size, "restart_limit");
}

char *status_state(const json_t *task, char *out, size_t out_size)
{
    const json_t *stop = json_object_get(task, "stop"), *remaining = json_object_get(stop, "remaining_ms");
    char text[DURATION_TEXT];

    out[0] = '\0';
    append(out, out_size, "%s", status_string(task, "state"));
    append_plans(task, out, out_size);
    if (!status_is_stopping(task))
        return out;
    append_names(json_object_get(stop, "held_by"), "stops after", out, out_size);
    if (json_is_true(json_object_get(stop, "unresponsive")))
        append(out, out_size, "unresponsive");
    if (json_is_integer(remaining) && json_integer_value(remaining) >= 0)
        append(out, out_size, "%s left", duration_brief(json_integer_value(remaining), text, sizeof text));
    return out;
}

enum table_colour status_colour(const json_t *task)
{
    static const struct {
        const char *state;
        enum table_colour colour;
    } colours[] = {
        {"running", TABLE_GREEN},   {"done", TABLE_DIM},        {"stopped", TABLE_DIM},    {"starting", TABLE_YELLOW},
        {"pre-stop", TABLE_YELLOW}, {"stopping", TABLE_YELLOW}, {"backoff", TABLE_YELLOW}, {"failed", TABLE_RED},
        {"terminating", TABLE_RED}, {"killing", TABLE_RED},     {"dumping", TABLE_RED},    {"waiting", TABLE_DIM},
    };

    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        if (strcmp(colours[i].state, status_string(task, "state")) == 0)
            return colours[i].colour;
    return TABLE_PLAIN;
}

char *status_unit(const json_t *task, char *out, size_t out_size)
{
    const json_t *unit = json_object_get(task, "unit"), *done = json_object_get(unit, "done");
    json_int_t total = status_number(unit, "total");
    char age[DURATION_TEXT];

    out[0] = '\0';
    if (!json_is_object(unit))
        return out;
    append(out, out_size, "%s", status_string(unit, "id"));
    if (total > 0)
        append(out, out_size, "%.0f %%", 100.0 * (double)json_integer_value(done) / (double)total);
    else if (json_is_integer(done))
        append(out, out_size, "%" JSON_INTEGER_FORMAT " done", json_integer_value(done));
    append(out, out_size, "%s", duration_brief(status_number(unit, "age_ms"), age, sizeof age));
    if (*status_string(unit, "msg"))
        append(out, out_size, "%s", status_string(unit, "msg"));
    return out;
}

char *status_waits_for(const json_t *task, char *out, size_t out_size)
{
    status_unit(task, out, out_size);
    return *out ? out : status_state(task, out, out_size);
}
