/* Who is due when: periods, and times of the clock on the wall.
 *
 * Owner: whoever runs periodic tasks. Calls cron, log and libevent. News goes up through `on_due`. Two timerfds serve
 * all entries, one a clock; the timer of a clock without entries is not armed.
 *
 * What was missed (a suspended machine, a stopped process, a clock set forward) is made up for by one run, and the next
 * follows as if it had been in time: periods stay on their grid, cron expressions count from now on.
 *
 * A period counts on CLOCK_BOOTTIME, which nobody sets and which goes on while the machine is suspended. A cron
 * expression follows CLOCK_REALTIME. When that is set back, a time that has been run is not run again until the clock
 * has passed it, as in the hour that summer time repeats; but when the clock is more than three hours before that time,
 * it had been wrong, and the expression begins anew at what it says now. A periodic expression (see cron.h) follows the
 * clock at once; for it the three hours are one minute, so that small corrections repeat nothing. */
#pragma once
#include <stdint.h>
#include <time.h>

#include "taskd/cron.h"

struct agenda;
struct event_base;

enum { AGENDA_REPEAT_FIXED_MS = 3 * 60 * 60 * 1000, AGENDA_REPEAT_PERIODIC_MS = 60 * 1000 };

/* When the time of a cron entry cannot be told (no memory, the zone's file is gone), it is asked for again after this.
 */
enum { AGENDA_RETRY_MS = 60 * 1000 };

#define AGENDA_PERIOD_MAX_MS (INT64_C(1) << 53)
#define AGENDA_NEVER         INT64_MAX

/* The seam to the kernel: production code calls through `agenda_clocks`; a test points it at a table of its own. */
struct agenda_clock_ops {
    int64_t (*now_ms)(clockid_t);
    /* A descriptor of that clock's, readable (8 bytes) when its time has come or the clock was set; or -errno. */
    int (*open)(clockid_t);
    /* At that time of its clock; AGENDA_NEVER: not at all. 0 or -errno; -ECANCELED: done, and the clock had been set.
     */
    int (*arm)(int fd, int64_t at_ms);
};

extern const struct agenda_clock_ops agenda_kernel;
extern const struct agenda_clock_ops *agenda_clocks;

/* `who` is due now. May add and remove entries, this one, too; may not free the agenda. */
typedef void agenda_cb(void *arg, void *who);

int agenda_new(struct event_base *, agenda_cb *on_due, void *arg, struct agenda **ret); /* 0 or -errno */
void agenda_free(struct agenda *);                                                      /* NULL ok */

/* Each replaces what `who` had; after an error that stays. `who` is only compared, never looked at. */

/* One period from now and then every period. 0; -EINVAL: not from 1 to AGENDA_PERIOD_MAX_MS; -ENOMEM. */
int agenda_set_every(struct agenda *, void *who, int64_t period_ms);
/* The expression and the name of the zone (NULL: the process's own) are copied. 0 or cron_next's errors. */
int agenda_set_cron(struct agenda *, void *who, const struct cron *, const char *zone);

void agenda_remove(struct agenda *, void *who); /* who has no entry: nothing happens */

/* The next run of `who` in milliseconds since 1970 as the clock stands now, -1: none. */
int64_t agenda_next_unix_ms(const struct agenda *, const void *who);
