/* The daemon put together: loop, signals, journal, supervisor, socket, view and service manager, from the start to the
 * exit status.
 *
 * Owner: cmd_run.c. The one place that knows all the parts. */
#pragma once
#include <stdbool.h>

struct config;

struct daemon_request {
    struct config *config;
    bool one_shot; /* run -- CMD: ends with its one command, and does without a socket or journal where it has to */
    const char *result_path;        /* where the outcome record goes: a file, "-", or NULL */
    const char *socket, *state_dir; /* from the command line, or NULL */
};

/* Supervises until all is over and returns taskd's exit status. Errors before the loop starts are fatal(). */
int daemon_run(const struct daemon_request *);
