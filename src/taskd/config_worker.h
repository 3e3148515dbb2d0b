/* One worker's definition from its making to its end, and what its keys say together.
 *
 * Owner: config. Calls config_keys. */
#pragma once
#include <stdbool.h>

#include "taskd/config.h"

/* A definition with every key at its default; it owns nothing yet, so it may be copied by assignment. 0 or -ENOMEM. */
int worker_init(struct worker_config *);
void worker_clear(struct worker_config *);

/* Defaults that follow other keys: a longer stop_timeout raises max_stop_timeout, log.file implies log.to. May be
 * called again after a change. `defaults` is a definition fresh from worker_init. */
void worker_derive(struct worker_config *, const struct worker_config *defaults);

/* Calls `report` for everything that keys say wrongly only together, or about this machine: `key` is where to point.
 * `alone`: the key is wrong by itself, whatever the worker's others say. */
typedef void worker_report(void *arg, const char *key, bool alone, const char *message);
void worker_check(const struct worker_config *, worker_report *report, void *arg);
