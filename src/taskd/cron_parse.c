#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "taskd/cron.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

#define BLANKS "\t\n\r "
#define DIGITS "0123456789"

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field {
    const char *name;
    unsigned min, max, step_max;
    const char *const *names; /* of the values from `min` on */
} fields[FIELDS] = {
    [MINUTE] = {"minute", 0, 59, 60, NULL},
    [HOUR] = {"hour", 0, 23, 24, NULL},
    [DAY] = {"day of month", 1, 31, 31, NULL},
    [MONTH] = {"month", 1, 12, 12, month_names},
    [WEEKDAY] = {"day of week", 0, 7, 7, weekday_names},
};

static const char *const nicknames[] = {"@hourly",  "@daily",  "@midnight", "@weekly",
                                        "@monthly", "@yearly", "@annually", NULL};
static const char *const meanings[] = {"0 * * * *", "0 0 * * *", "0 0 * * *", "0 0 * * 0",
                                       "0 0 1 * *", "0 0 1 1 *", "0 0 1 1 *"};

static const unsigned char longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* Where a sentence about what is wrong goes. */
struct complaint {
    char *why;
    size_t size;
    const char *field; /* its first words, or NULL */
};

__attribute__((format(printf, 2, 3))) static int complain(const struct complaint *c, const char *fmt, ...)
{
    va_list args;
    char rest[256];
    va_start(args, fmt);
    vsnprintf(rest, sizeof rest, fmt, args);
    va_end(args);
    snprintf(c->why, c->size, "%s%s%s", c->field ? c->field : "", c->field ? " " : "", rest);
    return -EINVAL;
}

static int name_find(const char *const *names, const char *word)
{
    for (int i = 0; names && names[i]; i++)
        if (strcasecmp(names[i], word) == 0)
            return i;
    return -1;
}

static int parse_value(const struct field *f, const char *word, unsigned *ret, const struct complaint *c)
{
    int name = name_find(f->names, word);
    if (name >= 0) {
        *ret = f->min + (unsigned)name;
        return 0;
    }
    if (!*word || word[strspn(word, DIGITS)])
        return complain(c, "\"%s\" is no number%s", word, f->names ? " and no name" : "");
    unsigned long n = strtoul(word, NULL, 10);
    if (n < f->min || n > f->max)
        return complain(c, "%s is not from %u to %u", word, f->min, f->max);
    *ret = (unsigned)n;
    return 0;
}

/* "a-b". Sunday is 7 where a range ends with it: "sat-sun". */
static int parse_range(const struct field *f, char *text, char *dash, unsigned *ret_from, unsigned *ret_to,
                       const struct complaint *c)
{
    *dash = '\0';
    int r = parse_value(f, text, ret_from, c);
    if (r == 0)
        r = parse_value(f, dash + 1, ret_to, c);
    if (r < 0)
        return r;
    if (f == &fields[WEEKDAY] && *ret_to == 0 && *ret_from > 0)
        *ret_to = 7;
    return *ret_from > *ret_to ? complain(c, "%s-%s goes backwards", text, dash + 1) : 0;
}

static int parse_step(const struct field *f, const char *text, unsigned *ret, const struct complaint *c)
{
    unsigned long n = *text && !text[strspn(text, DIGITS)] ? strtoul(text, NULL, 10) : 0;
    if (n < 1 || n > f->step_max)
        return complain(c, "step \"%s\" is not from 1 to %u", text, f->step_max);
    *ret = (unsigned)n;
    return 0;
}

/* One part of a list. */
static int parse_part(const struct field *f, char *part, uint64_t *set, const struct complaint *c)
{
    unsigned from = f->min, to = f->max, step = 1;
    char *slash = strchr(part, '/'), *dash;
    int r = slash ? parse_step(f, slash + 1, &step, c) : 0;
    if (r < 0)
        return r;
    if (slash)
        *slash = '\0';
    if (strcmp(part, "*") == 0)
        r = 0;
    else if ((dash = strchr(part, '-')))
        r = parse_range(f, part, dash, &from, &to, c);
    else if (slash)
        r = complain(c, "%s/%u has a step without a range", part, step);
    else if ((r = parse_value(f, part, &from, c)) == 0)
        to = from;
    for (unsigned n = from; r == 0 && n <= to; n += step)
        *set |= UINT64_C(1) << n;
    return r;
}

static int parse_field(const struct field *f, char *text, uint64_t *ret, struct complaint *c)
{
    char *part;
    c->field = f->name;
    *ret = 0;
    while ((part = strsep(&text, ","))) {
        int r = *part ? parse_part(f, part, ret, c) : complain(c, "has an empty place in its list");
        if (r < 0)
            return r;
    }
    c->field = NULL;
    return 0;
}

static int split(char *text, char *ret[FIELDS], const struct complaint *c)
{
    size_t n = 0;
    char *rest, *word = strtok_r(text, BLANKS, &rest);
    for (; word; word = strtok_r(NULL, BLANKS, &rest), n++)
        if (n < FIELDS)
            ret[n] = word;
    if (n == FIELDS)
        return 0;
    complain(c, "%zu field%s instead of five: minute, hour, day of month, month, day of week", n, n == 1 ? "" : "s");
    return -EINVAL;
}

static bool ever_comes(const struct cron *cron)
{
    if (cron->either_day)
        return true;
    for (unsigned month = 1; month <= 12; month++)
        if (cron->months >> month & 1 && cron->days & ((UINT64_C(2) << longest[month]) - 1))
            return true;
    return false;
}

static int parse_fields(char *text[FIELDS], struct cron *ret, struct complaint *c)
{
    struct cron cron = {
        .either_day = *text[DAY] != '*' && *text[WEEKDAY] != '*',
        .periodic = strpbrk(text[HOUR], "*/") != NULL,
    };
    uint64_t sets[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
        int r = parse_field(&fields[i], text[i], &sets[i], c);
        if (r < 0)
            return r;
    }
    cron.minutes = sets[MINUTE];
    cron.hours = (uint32_t)sets[HOUR];
    cron.days = (uint32_t)sets[DAY];
    cron.months = (uint32_t)sets[MONTH];
    cron.weekdays = (uint32_t)(sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7f;
    if (!ever_comes(&cron))
        return complain(c, "that day never comes: no month that is named has it");
    *ret = cron;
    return 0;
}

/* "@daily" -> "0 0 * * *"; what is no nickname stays. */
static int expand(const char **text, const struct complaint *c)
{
    char word[16];
    size_t len = strcspn(*text, BLANKS);
    if (**text != '@')
        return 0;
    snprintf(word, sizeof word, "%.*s", (int)len, *text);
    int i = (*text)[len + strspn(*text + len, BLANKS)] ? -1 : name_find(nicknames, word);
    if (i >= 0) {
        *text = meanings[i];
        return 0;
    }
    const char *near = text_nearest(word, nicknames);
    return complain(c, "\"%s\" is not known%s%s%s", *text, near ? " (did you mean \"" : "", near ? near : "",
                    near ? "\"?)" : "");
}

int cron_parse(const char *text, struct cron *ret, char *why, size_t why_size)
{
    struct complaint c = {.why = why, .size = why_size};
    text += strspn(text, BLANKS);
    int r = expand(&text, &c);
    if (r < 0)
        return r;
    char *words[FIELDS], *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    r = split(copy, words, &c);
    if (r == 0)
        r = parse_fields(words, ret, &c);
    free(copy);
    return r;
}
