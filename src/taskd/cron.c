#include "taskd/cron.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MINUTES_A_DAY = 24 * 60, SECONDS_A_DAY = MINUTES_A_DAY * 60 };

static const int64_t AFTER_MAX = 253402300799; /* the end of the year 9999 */

/* --- the wall: seconds of a calendar without zones, in which every day has 24 hours --- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool day_fits(const struct cron *c, int64_t day)
{
    /* Noon: the leap seconds of a "right/" zone move it, but never to another day. */
    time_t noon = day * SECONDS_A_DAY + SECONDS_A_DAY / 2;
    struct tm tm;
    gmtime_r(&noon, &tm);
    bool of_month = c->days >> tm.tm_mday & 1, of_week = c->weekdays >> tm.tm_wday & 1;
    return c->months >> (tm.tm_mon + 1) & 1 && (c->either_day ? of_month || of_week : of_month && of_week);
}

/* The first minute of a day that fits and is not before `minute`, or -1. */
static int minute_that_fits(const struct cron *c, int minute)
{
    for (; minute < MINUTES_A_DAY; minute++)
        if (c->hours >> minute / 60 & 1 && c->minutes >> minute % 60 & 1)
            return minute;
    return -1;
}

/* The first time that fits and is not before `wall`. cron_parse has seen to it that there is one. */
static int64_t wall_next(const struct cron *c, int64_t wall)
{
    int64_t minutes = floor_div(wall + 59, 60), day = floor_div(minutes, MINUTES_A_DAY);
    int from = (int)(minutes - day * MINUTES_A_DAY);
    for (;; day++, from = 0) {
        int minute = day_fits(c, day) ? minute_that_fits(c, from) : -1;
        if (minute >= 0)
            return (day * MINUTES_A_DAY + minute) * 60;
    }
}

/* --- the zone of the process: where the clocks change --- */

static int64_t offset_at(int64_t t)
{
    time_t when = t;
    struct tm tm;
    return localtime_r(&when, &tm) ? tm.tm_gmtoff : 0;
}

/* The first moment of another offset in (from, until], or 0 where the clocks do not change. libc does not tell where
 * they do, so it is looked for; no zone changes there and back within the day that `until` may be away. */
static int64_t change_between(int64_t from, int64_t until)
{
    int64_t offset = offset_at(from);
    if (from >= until || offset_at(until) == offset)
        return 0;
    while (until - from > 1) {
        int64_t middle = from + (until - from) / 2;
        if (offset_at(middle) == offset)
            from = middle;
        else
            until = middle;
    }
    return until;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where to begin on the wall: after what the clocks have shown already, for a periodic expression after what they show.
 */
static int64_t wall_after(const struct cron *c, int64_t after)
{
    int64_t shown = after + offset_at(after) + 1;
    int64_t change = c->periodic ? 0 : change_between(after - SECONDS_A_DAY, after);
    int64_t highest = change ? change + offset_at(change - 1) : shown;
    return highest > shown ? highest : shown;
}

/* From one change of the clocks to the next: between them the wall and real time run side by side. */
static int64_t first_after(const struct cron *c, int64_t after)
{
    int64_t t = after, offset = offset_at(t), wall = wall_next(c, wall_after(c, after));
    for (;;) {
        int64_t due = wall - offset, until = earlier(due, t + SECONDS_A_DAY), change = change_between(t, until);
        if (!change && until == due)
            return due;
        t = change ? change : until;
        if (!change)
            continue;
        offset = offset_at(change);
        if (c->periodic)
            wall = wall_next(c, change + offset);
        else if (wall < change + offset)
            return change;
    }
}

/* --- the zone of the expression --- */

struct zone {
    bool switched;
    char *before; /* what TZ was, or NULL */
};

static bool holds_zone(const char *path)
{
    char magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, magic, sizeof magic);
    close(fd);
    return n == (ssize_t)sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

static bool plain_name(const char *name)
{
    size_t i = 0;
    while (isalnum((unsigned char)name[i]) || (name[i] && strchr("_-+/", name[i])))
        i++;
    return i > 0 && !name[i] && name[0] != '/';
}

/* TZ's value for a zone: the file's whole path, so that libc reads the one that was looked at. False: no such zone. */
static bool zone_find(const char *name, char *value, size_t value_size)
{
    const char *dirs[] = {getenv("TZDIR"), "/usr/share/zoneinfo", "/share/zoneinfo", "/etc/zoneinfo"};
    if (!plain_name(name))
        return false;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        int n = dirs[i] ? snprintf(value, value_size, ":%s/%s", dirs[i], name) : -1;
        if (n > 0 && (size_t)n < value_size && holds_zone(value + 1))
            return true;
    }
    return false;
}

static void zone_leave(struct zone *z)
{
    if (!z->switched)
        return;
    if (z->before)
        setenv("TZ", z->before, 1);
    else
        unsetenv("TZ");
    free(z->before);
    tzset();
}

static int zone_enter(const char *name, struct zone *ret)
{
    char value[PATH_MAX];
    const char *before = getenv("TZ");
    *ret = (struct zone){.switched = name != NULL};
    if (name && !zone_find(name, value, sizeof value))
        return -EINVAL;
    if (name && before && !(ret->before = strdup(before)))
        return -ENOMEM;
    if (name && setenv("TZ", value, 1) < 0) {
        free(ret->before);
        return -ENOMEM;
    }
    tzset();
    return 0;
}

bool cron_zone_ok(const char *zone_name)
{
    char value[PATH_MAX];
    return zone_find(zone_name, value, sizeof value);
}

int cron_next(const struct cron *c, const char *zone_name, time_t after, time_t *ret)
{
    struct zone zone;
    if (after < 0 || after > AFTER_MAX)
        return -ERANGE;
    int r = zone_enter(zone_name, &zone);
    if (r < 0)
        return r;
    *ret = first_after(c, after);
    zone_leave(&zone);
    return 0;
}
