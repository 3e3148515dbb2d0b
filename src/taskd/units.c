#include "taskd/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"

static const double RATE_WINDOW_MS = 10000;

static struct unit *find(const struct units *u, const char *id)
{
    for (size_t i = 0; i < u->open_count; i++)
        if (strcmp(u->open[i].id, id) == 0)
            return &u->open[i];
    return NULL;
}

static void unit_clear(struct unit *unit)
{
    free(unit->id);
    free(unit->msg);
}

/* Keeps the order, so that the oldest stays first. */
static void remove_open(struct units *u, struct unit *unit)
{
    unit_clear(unit);
    size_t after = u->open_count - (size_t)(unit - u->open) - 1;
    memmove(unit, unit + 1, after * sizeof *unit);
    u->open_count--;
}

void units_clear(struct units *u)
{
    for (size_t i = 0; i < u->open_count; i++)
        unit_clear(&u->open[i]);
    free(u->open);
    *u = (struct units){0};
}

static int grow(struct units *u)
{
    if (u->open_count < u->open_cap)
        return 0;
    if (u->open_count >= UNITS_OPEN_MAX)
        return -ENOSPC;
    size_t cap = u->open_cap ? u->open_cap * 2 : 2;
    struct unit *open = realloc(u->open, cap * sizeof *open);
    if (!open)
        return -ENOMEM;
    u->open = open;
    u->open_cap = cap;
    return 0;
}

int units_begin(struct units *u, const char *id, int64_t now_ms, int64_t timeout_ms)
{
    if (find(u, id))
        return -EEXIST;
    int r = grow(u);
    if (r < 0)
        return r;
    char *copy = strdup(id);
    if (!copy)
        return -ENOMEM;
    u->open[u->open_count++] =
        (struct unit){.id = copy, .began_ms = now_ms, .timeout_ms = timeout_ms, .done = -1, .total = -1};
    return 0;
}

static double decayed(const struct units *u, int64_t now_ms)
{
    return u->rate * exp(-(double)(now_ms - u->rate_at_ms) / RATE_WINDOW_MS);
}

static void count_end(struct units *u, bool ok, int64_t now_ms, int64_t began_ms)
{
    if (u->done + u->failed == 0)
        u->first_ms = u->rate_at_ms = began_ms;
    u->rate = decayed(u, now_ms) + 1;
    u->rate_at_ms = now_ms;
    if (ok)
        u->done++;
    else
        u->failed++;
}

int units_end(struct units *u, const char *id, bool ok, int64_t now_ms)
{
    struct unit *unit = find(u, id);
    count_end(u, ok, now_ms, unit ? unit->began_ms : now_ms);
    if (!unit)
        return -ENOENT;
    remove_open(u, unit);
    return 0;
}

int units_release(struct units *u, const char *id)
{
    struct unit *unit = find(u, id);
    if (!unit)
        return -ENOENT;
    remove_open(u, unit);
    return 0;
}

int units_progress(struct units *u, const char *id, int64_t done, int64_t total, const char *msg)
{
    struct unit *unit = find(u, id);
    if (!unit)
        return -ENOENT;
    if (msg) {
        char *copy = strdup(msg);
        if (!copy)
            return -ENOMEM;
        free(unit->msg);
        unit->msg = copy;
    }
    if (done >= 0)
        unit->done = done;
    if (total >= 0)
        unit->total = total;
    return 0;
}

const struct unit *units_oldest(const struct units *u)
{
    return u->open_count ? &u->open[0] : NULL;
}

const struct unit *units_newest(const struct units *u)
{
    return u->open_count ? &u->open[u->open_count - 1] : NULL;
}

static int64_t deadline(const struct unit *unit)
{
    if (unit->timeout_ms >= DURATION_INFINITY - unit->began_ms)
        return DURATION_INFINITY;
    return unit->began_ms + unit->timeout_ms;
}

int64_t units_deadline(const struct units *u)
{
    int64_t first = DURATION_INFINITY;
    for (size_t i = 0; i < u->open_count; i++)
        if (deadline(&u->open[i]) < first)
            first = deadline(&u->open[i]);
    return first;
}

const struct unit *units_overdue(const struct units *u, int64_t now_ms)
{
    for (size_t i = 0; i < u->open_count; i++)
        if (deadline(&u->open[i]) <= now_ms)
            return &u->open[i];
    return NULL;
}

void units_postpone(struct units *u, int64_t until_ms)
{
    for (size_t i = 0; i < u->open_count; i++)
        if (deadline(&u->open[i]) < until_ms)
            u->open[i].timeout_ms = until_ms - u->open[i].began_ms;
}

double units_per_s(const struct units *u, int64_t now_ms)
{
    if (u->done + u->failed == 0)
        return 0;
    /* While less than a window has passed, the sum stands for less than a window. */
    double share = 1 - exp(-(double)(now_ms - u->first_ms) / RATE_WINDOW_MS);
    return share < 0.001 ? 0 : decayed(u, now_ms) / (share * RATE_WINDOW_MS / 1000);
}
