/* The last lines of a task, within a bound: what `taskd logs` and the status of a failed task show.
 *
 * Two halves are filled in turn, and the older one is forgotten as a whole: a flood costs one copy of each line, and at
 * least half of the bound is always there. Memory is taken when there is something to keep. Owner: logs.c. Calls
 * logline. */
#pragma once
#include "taskd/logline.h"

struct logring;

/* Bytes kept at most, and of one line. */
enum { LOGRING_SIZE = 64 * 1024, LOGRING_LINE_MAX = 4096 };

struct logring *logring_new(void);   /* NULL when memory is out */
void logring_free(struct logring *); /* NULL ok */

/* What is longer than LOGRING_LINE_MAX is cut and says that it goes on. Lost when memory is out. `task` is not kept. */
void logring_put(struct logring *, const struct logline *);

/* Calls `each` with the last `count` lines that `want` (NULL ok) says yes to, oldest first; `task` is NULL in them. */
typedef bool logring_want(void *arg, const struct logline *);
typedef void logring_each(void *arg, const struct logline *);
void logring_last(const struct logring *, size_t count, logring_want *want, logring_each *each, void *arg);
