/* Times as crontab(5) writes them: what an expression means, and when it comes next.
 *
 * PURE but for the files of the time zone database. Calls common/text. Debian packages no C library for this; libc's
 * own localtime_r() is all that is asked of a time zone.
 *
 * Five fields: minute (0-59), hour (0-23), day of month (1-31), month (1-12 or jan-dec), day of week (0-7 or sun-sat; 0
 * and 7 are Sunday). Each is a list of "*", values and ranges "a-b"; "*" and ranges may have a step, "/n". Or one of
 * @hourly @daily @midnight @weekly @monthly @yearly @annually. Names are read in either case.
 *
 * A day must fit both day fields where one of them begins with "*"; where neither does, either of them is enough.
 *
 * When the clocks change:
 *   - "*" or a step in the hour field makes an expression periodic: it follows the clock on the wall wherever that
 * goes, through the repeated hour twice, and past the skipped one.
 *   - every other expression names times of a day. One that the clocks skip comes once, at the first moment after the
 * gap; one that the clocks show twice comes once, the first time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Filled by cron_parse alone. Plain data: a copy is a copy. Bit n of a set stands for the value n. */
struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool either_day; /* one of the two day fields is enough */
    bool periodic;
};

/* 0; -EINVAL with a sentence in `why` ("minute 61 is not from 0 to 59"); -ENOMEM. A day that never comes ("30 feb") is
 * an error, too. *ret is untouched on failure. */
int cron_parse(const char *text, struct cron *ret, char *why, size_t why_size);

/* The first due time that is strictly later than `after`, in *ret. `zone` is a name out of the time zone database,
 * NULL stands for the zone of the process. 0; -EINVAL: there is no such zone; -ERANGE: `after` is not between 1970 and
 * 9999; -ENOMEM. Sets TZ for a moment and puts it back, so no second thread may look at clocks or at the environment.
 */
int cron_next(const struct cron *, const char *zone, time_t after, time_t *ret);

/* The time zone database has this name. libc would take an unknown one for UTC without a word. */
bool cron_zone_ok(const char *zone);
