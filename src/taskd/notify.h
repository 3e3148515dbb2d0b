/* Words to the service manager: sd_notify(3)'s datagrams, without its library.
 *
 * Nothing here blocks or fails: a manager that does not listen costs a log line, once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

bool notify_wanted(void); /* NOTIFY_SOCKET is set */

/* Sends "READY=1\nSTATUS=…" and the like; control characters but '\n' must not be in it. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often the manager wants to hear WATCHDOG=1, in milliseconds; 0: not at all (or not from this process). */
int64_t notify_watchdog_ms(void);
