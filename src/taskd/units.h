/* PURE: the units of one life: what is in flight, what was done, how fast. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit {
    char *id;
    int64_t began_ms, timeout_ms; /* timeout_ms: DURATION_INFINITY for none */
    int64_t done, total;          /* -1: not said */
    char *msg;                    /* NULL: not said */
};

/* Zeroed is empty. */
struct units {
    struct unit *open; /* in flight, oldest first */
    size_t open_count, open_cap;
    uint64_t done, failed;
    double rate; /* decayed count, see units_per_s */
    int64_t rate_at_ms, first_ms;
};

enum { UNITS_OPEN_MAX = 1024 }; /* a worker that leaks units is at fault, not taskd's memory */

void units_clear(struct units *);

/* 0; -EEXIST when that unit is already in flight; -ENOSPC; -ENOMEM. */
int units_begin(struct units *, const char *id, int64_t now_ms, int64_t timeout_ms);
/* 0 or -ENOENT. An end without a begin counts, as some workers only report what is done. */
int units_end(struct units *, const char *id, bool ok, int64_t now_ms);
int units_release(struct units *, const char *id); /* given back, never begun; 0 or -ENOENT */
/* done/total -1 and msg NULL leave what was said before. 0, -ENOENT, -ENOMEM. */
int units_progress(struct units *, const char *id, int64_t done, int64_t total, const char *msg);

/* The one that has been in flight longest, or NULL. Borrowed, until the next change. */
const struct unit *units_oldest(const struct units *);
const struct unit *units_newest(const struct units *); /* the one that began last, the same */
/* When the first of the open units runs out of time, or DURATION_INFINITY. */
int64_t units_deadline(const struct units *);
const struct unit *units_overdue(const struct units *, int64_t now_ms);
/* Those that would be overdue before `until_ms` are so no sooner than then. */
void units_postpone(struct units *, int64_t until_ms);

/* Units ended a second, over about the last ten seconds. */
double units_per_s(const struct units *, int64_t now_ms);
