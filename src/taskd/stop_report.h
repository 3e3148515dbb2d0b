/* What stops have come to, over several answers of the daemon: how many lives, who was killed, which units were cut.
 *
 * Owner: cmd_stop.c, cmd_abort.c. Zeroed to begin with. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct stop_report {
    json_t *answers; /* owned */
    size_t lives;
    json_int_t killed;
    size_t lost;
    size_t unsure; /* killed without ever having spoken */
};

void stop_report_add(struct stop_report *, json_t *answer); /* borrowed */
/* "stopped: 2 lives, nothing lost", or the answers themselves, one a line. `verb` is "stopped". */
void stop_report_print(const struct stop_report *, const char *verb, bool json);
void stop_report_clear(struct stop_report *);
