/* What start, restart, drain, resume and scale have in common: their options, a request for each name, the wait with
 * its display, and what is said at the end.
 *
 * Owner: the commands. Calls verb, stop_report. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskd/command.h"
#include "taskd/verb.h"

struct lifecycle {
    const char *action; /* "restart": the last word of the request's path */
    const char *done;   /* "restarted" */
    int64_t timeout_ms; /* -1: none */
    bool no_wait, json;
    struct task_watch *watch; /* private, as is what follows */
    struct verb *verb;
};
#define LIFECYCLE(verb_, past)                              \
    {                                                       \
        .action = (verb_), .done = (past), .timeout_ms = -1 \
    }

/* --timeout, --no-wait and --json, for `more_options` of a command; lifecycle_take reads one of them. */
const struct option_spec *lifecycle_options(void);
void lifecycle_take(struct lifecycle *, const struct options *, const char *name, const char *value);

/* First the one, for each name (NULL: everything) the second with what the request says beside "wait" (taken, NULL:
 * nothing), then the third, which waits, reports and returns the exit status: 0; 1 when a task has failed; 124 when the
 * time is over, 125 when something was refused, 130 when the person has left. */
void lifecycle_begin(struct lifecycle *);
void lifecycle_ask(struct lifecycle *, const char *name, json_t *body);
int lifecycle_end(struct lifecycle *);

/* All of it, for a command that has no other options and says the same of every operand. */
int lifecycle_main(struct lifecycle *, const struct command *, int argc, char **argv);
