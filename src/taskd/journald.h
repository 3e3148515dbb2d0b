/* Lines for systemd's journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram a line, which
 * never waits. What journald does not take is counted, and said once it listens again.
 *
 * Owner: logs.c. */
#pragma once
#include <stdint.h>

#include "taskd/logline.h"

struct journald;

struct journald *journald_new(void);   /* NULL when memory is out */
void journald_free(struct journald *); /* NULL ok; says what was lost */

/* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER (the worker), TASKD_TASK, TASKD_HANDLE, TASKD_UNIT, TASKD_FIELDS. */
void journald_put(struct journald *, const char *worker, const struct logline *);
uint64_t journald_lost(const struct journald *); /* lines, since the beginning */
