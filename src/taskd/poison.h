/* PURE: the units that were in flight when lives of a worker died, and how often. One that was `limit` times is named,
 * and handed to further lives of the worker as `avoid`. */
#pragma once
#include <jansson.h>
#include <stdint.h>

struct poison;

struct poison *poison_new(void); /* NULL when memory is out */
void poison_free(struct poison *);

/* A worker has so many suspects at most; the first ones are kept. */
enum { POISON_MAX = 1000 };

/* Returns at how many deaths this unit has been in flight by now, -ENOSPC or -ENOMEM. */
int64_t poison_death(struct poison *, const char *worker, const char *unit);
void poison_cleared(struct poison *, const char *worker, const char *unit); /* it has ended: it is harmless */
/* Those with `limit` deaths or more, new reference; NULL: none, or no memory. */
json_t *poison_list(const struct poison *, const char *worker, int64_t limit);
