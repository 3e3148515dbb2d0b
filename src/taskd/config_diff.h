/* What differs between two definitions, key by key, through the table of keys.
 *
 * Owner: the supervisor's reload and the daemon. Calls config_keys. */
#pragma once
#include <stdbool.h>

#include "taskd/config.h"

/* Calls `each` (NULL ok) for every key that differs in what it means, in the table's order; `live`: it takes effect
 * without a new process. Names are not compared. What env_file says is part of env: a file that has changed is told as
 * "env", and a file of another name that says the same as "env_file", which is live. */
typedef void config_difference(void *arg, const char *key, bool live);
bool worker_config_differs(const struct worker_config *, const struct worker_config *, config_difference *each,
                           void *arg);
bool daemon_config_differs(const struct daemon_config *, const struct daemon_config *, config_difference *each,
                           void *arg);
