#include "taskd/status_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "common/quantity.h"

enum { DURATION_TEXT = 48, NAMES_TEXT = 128 };

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

/* "14:05:00", or "2026-11-24 14:05:00" on another day; "" for what is no moment. */
static char *format_moment(const char *rfc3339, char *out, size_t out_size)
{
    time_t now = time(NULL), at;
    struct tm utc = {0}, there, here;

    out[0] = '\0';
    if (!strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc))
        return out;
    at = timegm(&utc);
    if (localtime_r(&at, &there) && localtime_r(&now, &here))
        strftime(out, out_size,
                 there.tm_yday == here.tm_yday && there.tm_year == here.tm_year ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S",
                 &there);
    return out;
}

char *status_names(const json_t *names, char *out, size_t out_size)
{
    json_t *name;
    size_t i;

    out[0] = '\0';
    json_array_foreach (names, i, name) {
        append(out, out_size, "%s", json_string_value(name) ? json_string_value(name) : "");
    }
    return out;
}

/* What it does when it does nothing: waits for others, for a time, for a person. */
static bool append_rest(const json_t *task, char *out, size_t out_size)
{
    char text[NAMES_TEXT];

    if (*status_names(json_object_get(task, "waiting_for"), text, sizeof text))
        append(out, out_size, "waiting for %s", text);
    else if (is_down(task) && *format_moment(status_string(task, "next_run"), text, sizeof text))
        append(out, out_size, "next %s", text);
    else if (is_down(task) && json_is_true(json_object_get(task, "drained")))
        append(out, out_size, "drained");
    return *out;
}

static void append_stop(const json_t *stop, char *out, size_t out_size)
{
    const json_t *remaining = json_object_get(stop, "remaining_ms");
    char text[NAMES_TEXT];

    if (json_is_true(json_object_get(stop, "unresponsive")))
        append(out, out_size, "unresponsive");
    if (json_is_integer(remaining) && json_integer_value(remaining) >= 0)
        append(out, out_size, "%s left", duration_brief(json_integer_value(remaining), text, sizeof text));
    if (*status_names(json_object_get(stop, "held_by"), text, sizeof text))
        append(out, out_size, "stops after %s", text);
}

char *status_state(const json_t *task, char *out, size_t out_size)
{
    out[0] = '\0';
    if (!append_rest(task, out, out_size))
        append(out, out_size, "%s", status_string(task, "state"));
    if (status_is_stopping(task))
        append_stop(json_object_get(task, "stop"), out, out_size);
    if (*status_string(task, "due"))
        append(out, out_size, "due (%s)", status_string(task, "due"));
    if (json_is_true(json_object_get(task, "restart_limited")))
        append(out, out_size, "restart_limit");
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

bool status_is_in_unit(const json_t *task)
{
    return json_is_object(json_object_get(task, "unit"));
}

bool status_is_on_its_way(const json_t *task)
{
    static const char *const states[] = {"starting",    "backoff", "pre-stop", "stopping",
                                         "terminating", "dumping", "killing"};

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i], status_string(task, "state")) == 0)
            return true;
    return *status_string(task, "due") || json_array_size(json_object_get(task, "waiting_for")) > 0;
}

bool status_is_called(const json_t *task, const char *name)
{
    static const char *const keys[] = {"id", "worker", "part_of", "handle"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(status_string(task, keys[i]), name) == 0)
            return true;
    return false;
}
