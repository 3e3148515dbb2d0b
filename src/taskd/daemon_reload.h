/* Reading the configuration again while taskd runs.
 *
 * Owner: daemon.c. Calls config, endpoints, supervisor, log. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct config;
struct endpoint_pool;
struct supervisor;

/* Reads the file of `running` again and goes over to it, or, with `dry_run`, only says what would happen. Returns what
 * differs (see supervisor_reload; with "daemon": the keys that take effect when taskd is started again) or an error
 * body, new reference, and its HTTP status. An invalid file, or a
 * socket that cannot be opened, changes nothing. NULL: no memory. */
json_t *daemon_reload(struct supervisor *, struct endpoint_pool *, const struct config *running, bool dry_run,
                      int *ret_status);
