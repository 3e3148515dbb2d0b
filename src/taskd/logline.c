#include "taskd/logline.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/jsonout.h"
#include "common/quantity.h"
#include "common/text.h"

enum { TIME_TEXT = sizeof((struct logtext *)0)->time, UNIT_TEXT = 4 * LOGLINE_UNIT_MAX };

static const struct {
    const char *name;
    int level;
} levels[] = {
    {"emerg", LOG_EMERG},
    {"alert", LOG_ALERT},
    {"crit", LOG_CRIT},
    {"err", LOG_ERR},
    {"warning", LOG_WARNING},
    {"notice", LOG_NOTICE},
    {"info", LOG_INFO},
    {"debug", LOG_DEBUG},
    /* What libraries for logging call them, too. */
    {"error", LOG_ERR},
    {"warn", LOG_WARNING},
    {"fatal", LOG_CRIT},
    {"critical", LOG_CRIT},
    {"panic", LOG_EMERG},
    {"trace", LOG_DEBUG},
};

int logline_level(const char *name)
{
    if (name[0] >= '0' && name[0] <= '7' && !name[1])
        return name[0] - '0';
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcasecmp(name, levels[i].name) == 0)
            return levels[i].level;
    return LOGLINE_LEVEL_NONE;
}

const char *logline_level_name(int level)
{
    return level >= LOG_EMERG && level <= LOG_DEBUG ? levels[level].name : "";
}

void logline_take_prefix(struct logline *l)
{
    if (l->len < 3 || l->text[0] != '<' || l->text[1] < '0' || l->text[1] > '7' || l->text[2] != '>')
        return;
    l->level = l->text[1] - '0';
    l->text += 3;
    l->len -= 3;
}

/* --- gathering --------------------------------------------------------------------------------------------------- */

void logtext_free(struct logtext *t)
{
    free(t->data);
    *t = (struct logtext){0};
}

static char *room(struct logtext *t, size_t more)
{
    size_t cap = t->cap ? t->cap : 4096;
    char *data;

    while (cap < t->len + more)
        cap *= 2;
    if (cap != t->cap) {
        data = t->failed ? NULL : realloc(t->data, cap);
        if (!data) {
            t->failed = true;
            return NULL;
        }
        t->data = data;
        t->cap = cap;
    }
    return t->data + t->len;
}

static char *put(char *at, const char *s, size_t len)
{
    memcpy(at, s, len);
    return at + len;
}

static char *put_string(char *at, const char *s)
{
    return put(at, s, strlen(s));
}

/* --- the forms --------------------------------------------------------------------------------------------------- */

static const char *time_text(struct logtext *t, int64_t ms)
{
    struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    if (ms != t->time_ms || !*t->time)
        moment_format(&ts, t->time, sizeof t->time);
    t->time_ms = ms;
    return t->time;
}

static void format_unit(const char *unit, char *out)
{
    text_printable(unit, strnlen(unit, LOGLINE_UNIT_MAX), out, UNIT_TEXT);
    for (char *at = out; (at = strchr(at, ']'));)
        *at = ')';
}

void logline_put_text(struct logtext *t, const struct logline *l)
{
    const char *level = logline_level_name(l->level);
    size_t fields = l->fields ? strlen(l->fields) + 1 : 0;
    char *at = room(t, TIME_TEXT + UNIT_TEXT + strlen(l->task) + l->len + fields + 32);

    if (!at)
        return;
    at = put_string(at, time_text(t, l->time_ms));
    *at++ = ' ';
    at = put_string(at, l->task);
    at = put(at, " [", 2);
    if (l->unit) {
        format_unit(l->unit, at);
        at += strlen(at);
    }
    at = l->more ? put(at, "]+ ", 3) : put(at, "] ", 2);
    if (*level) {
        at = put_string(at, level);
        at = put(at, ": ", 2);
    }
    at = put(at, l->text, l->len);
    if (fields) {
        *at++ = ' ';
        at = put(at, l->fields, fields - 1);
    }
    *at++ = '\n';
    t->len = (size_t)(at - t->data);
}

void logline_put_json(struct logtext *t, struct jsonout *o, const struct logline *l)
{
    const char *line;
    size_t len;
    char *at;

    jsonout_begin(o);
    jsonout_string(o, "time", time_text(t, l->time_ms));
    jsonout_string(o, "task", l->task);
    jsonout_string(o, "handle", l->handle);
    if (l->unit)
        jsonout_string(o, "unit", l->unit);
    if (l->level != LOGLINE_LEVEL_NONE)
        jsonout_string(o, "level", logline_level_name(l->level));
    jsonout_bytes(o, "msg", l->text, l->len);
    if (l->fields)
        jsonout_raw(o, "fields", l->fields);
    if (l->more)
        jsonout_bool(o, "more", true);
    line = jsonout_line(o, &len);
    at = line ? room(t, len) : NULL;
    if (!at) {
        t->failed = true;
        return;
    }
    put(at, line, len);
    t->len += len;
}
