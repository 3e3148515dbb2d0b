/* taskd's own words, on standard error: one line each, "taskd: what: which: why".
 *
 * Under systemd (JOURNAL_STREAM) with "<N>" priorities, at a terminal through the view so that the live lines stay
 * whole. */
#pragma once
#include <stdbool.h>
#include <syslog.h>

enum log_level { LOG_L_ERROR = LOG_ERR, LOG_L_WARN = LOG_WARNING, LOG_L_INFO = LOG_INFO, LOG_L_DEBUG = LOG_DEBUG };

void log_init(enum log_level max);
/* Where lines go instead of standard error; NULL: back again. */
void log_set_sink(void (*sink)(void *arg, const char *line), void *arg);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "taskd: …" and exit(125). Only before the loop starts, and in CLI commands. */
_Noreturn void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
