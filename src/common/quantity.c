#include "common/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t us; /* in microseconds, so that half a millisecond can be rounded up */
};

static const struct unit time_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"sec", 1000000},
    {"secs", 1000000},
    {"second", 1000000},
    {"seconds", 1000000},
    {"m", 60000000},
    {"min", 60000000},
    {"mins", 60000000},
    {"minute", 60000000},
    {"minutes", 60000000},
    {"h", 3600000000},
    {"hr", 3600000000},
    {"hour", 3600000000},
    {"hours", 3600000000},
    {"d", 86400000000},
    {"day", 86400000000},
    {"days", 86400000000},
    {"w", 604800000000},
    {"week", 604800000000},
    {"weeks", 604800000000},
};

static const char *skip_space(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

static bool times(int64_t a, int64_t b, int64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static bool plus(int64_t a, int64_t b, int64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

/* "12" or "1.5": whole part, and the digits behind the point as a numerator over *ret_scale. */
static int number(const char **s, int64_t *ret_whole, int64_t *ret_part, int64_t *ret_scale)
{
    int64_t whole = 0, part = 0, scale = 1;
    const char *p = *s;
    if (!isdigit((unsigned char)*p))
        return -EINVAL;
    for (; isdigit((unsigned char)*p); p++)
        if (!times(whole, 10, &whole) || !plus(whole, *p - '0', &whole))
            return -ERANGE;
    if (*p == '.') {
        if (!isdigit((unsigned char)*++p))
            return -EINVAL;
        for (; isdigit((unsigned char)*p); p++) {
            if (scale >= 1000000)
                continue; /* finer than any unit can show */
            part = part * 10 + (*p - '0');
            scale *= 10;
        }
    }
    *s = p;
    *ret_whole = whole;
    *ret_part = part;
    *ret_scale = scale;
    return 0;
}

static const struct unit *time_unit(const char **s)
{
    size_t len = 0;
    while (isalpha((unsigned char)(*s)[len]))
        len++;
    for (size_t i = 0; i < sizeof time_units / sizeof *time_units; i++) {
        if (strlen(time_units[i].name) == len && strncmp(time_units[i].name, *s, len) == 0) {
            *s += len;
            return &time_units[i];
        }
    }
    return NULL;
}

/* One "5min" of "5min 20s", added to *us. */
static int one_part(const char **s, int64_t *us)
{
    int64_t whole, part, scale, add, more;
    int r = number(s, &whole, &part, &scale);
    if (r < 0)
        return r;
    *s = skip_space(*s);
    const struct unit *u = time_unit(s);
    if (!u)
        return -EINVAL;
    if (!times(whole, u->us, &add) || !times(part, u->us, &more) || !plus(add, (more + scale - 1) / scale, &add) ||
        !plus(*us, add, us))
        return -ERANGE;
    *s = skip_space(*s);
    return 0;
}

int duration_parse(const char *s, int64_t *ret_ms)
{
    int64_t us = 0;
    s = skip_space(s);
    if (strcmp(s, "infinity") == 0) {
        *ret_ms = DURATION_INFINITY;
        return 0;
    }
    if (strcmp(s, "0") == 0) {
        *ret_ms = 0;
        return 0;
    }
    do {
        int r = one_part(&s, &us);
        if (r < 0)
            return r;
    } while (*s);
    *ret_ms = us / 1000 + (us % 1000 != 0);
    return 0;
}

static const struct {
    const char *name;
    int64_t ms;
} shown[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};

/* At most `most` parts, the largest first. */
static char *write_parts(int64_t ms, int most, char *out, size_t out_size)
{
    size_t at = 0;
    for (size_t i = 0; i < sizeof shown / sizeof *shown && ms > 0 && most > 0; i++) {
        if (ms < shown[i].ms)
            continue;
        int n = snprintf(out + at, out_size - at, "%s%" PRId64 "%s", at ? " " : "", ms / shown[i].ms, shown[i].name);
        if (n < 0 || (size_t)n >= out_size - at)
            break;
        at += (size_t)n;
        ms %= shown[i].ms;
        most--;
    }
    return out;
}

char *duration_format(int64_t ms, char *out, size_t out_size)
{
    if (ms == DURATION_INFINITY)
        snprintf(out, out_size, "infinity");
    else if (ms <= 0)
        snprintf(out, out_size, "0s");
    else
        write_parts(ms, 5, out, out_size);
    return out;
}

char *duration_brief(int64_t ms, char *out, size_t out_size)
{
    if (ms == DURATION_INFINITY || ms <= 0)
        return duration_format(ms, out, out_size);
    if (ms < 60000)
        snprintf(out, out_size, "%" PRId64 ".%ds", ms / 1000, (int)(ms % 1000 / 100));
    else
        write_parts(ms - ms % 1000, 2, out, out_size);
    return out;
}

static const struct {
    char letter;
    int shift;
} size_units[] = {{'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}};

/* "", "B", "K", "KB", "KiB" and so on; -1 for anything else. */
static int size_shift(const char *s)
{
    if (strcmp(s, "") == 0 || strcmp(s, "B") == 0)
        return 0;
    for (size_t i = 0; i < sizeof size_units / sizeof *size_units; i++)
        if (*s == size_units[i].letter && (!s[1] || strcmp(s + 1, "B") == 0 || strcmp(s + 1, "iB") == 0))
            return size_units[i].shift;
    return -1;
}

int size_parse(const char *s, int64_t *ret_bytes)
{
    int64_t whole, part, scale, bytes, more;
    s = skip_space(s);
    if (strcmp(s, "infinity") == 0) {
        *ret_bytes = SIZE_INFINITY;
        return 0;
    }
    int r = number(&s, &whole, &part, &scale);
    if (r < 0)
        return r;
    int shift = size_shift(skip_space(s));
    if (shift < 0 || (shift == 0 && scale > 1))
        return -EINVAL;
    if (!times(whole, (int64_t)1 << shift, &bytes) || !times(part, (int64_t)1 << shift, &more) ||
        !plus(bytes, more / scale, &bytes))
        return -ERANGE;
    *ret_bytes = bytes;
    return 0;
}

char *size_format(int64_t bytes, char *out, size_t out_size)
{
    if (bytes == SIZE_INFINITY) {
        snprintf(out, out_size, "infinity");
        return out;
    }
    int best = -1;
    for (size_t i = 0; i < sizeof size_units / sizeof *size_units; i++)
        if (bytes > 0 && bytes % ((int64_t)1 << size_units[i].shift) == 0)
            best = (int)i;
    if (best < 0)
        snprintf(out, out_size, "%" PRId64, bytes);
    else
        snprintf(out, out_size, "%" PRId64 "%c", bytes >> size_units[best].shift, size_units[best].letter);
    return out;
}

char *moment_format(const struct timespec *ts, char *out, size_t out_size)
{
    struct tm tm;
    size_t n = gmtime_r(&ts->tv_sec, &tm) ? strftime(out, out_size, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

    out[n] = '\0';
    if (n > 0)
        snprintf(out + n, out_size - n, ".%03ldZ", ts->tv_nsec / 1000000);
    return out;
}

int moment_parse(const char *s, int64_t *ret_ms)
{
    struct tm tm = {0};
    const char *fraction = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
    char *end;
    if (!fraction || *fraction != '.')
        return -EINVAL;
    long millis = strtol(fraction + 1, &end, 10);
    if (end != fraction + 4 || strcmp(end, "Z") != 0)
        return -EINVAL;
    *ret_ms = (int64_t)timegm(&tm) * 1000 + millis;
    return 0;
}
