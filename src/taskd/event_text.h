/* PURE: one event of GET /v1/events in words. Owner: cmd_events.c. */
#pragma once
#include <jansson.h>
#include <stddef.h>

#include "taskd/table.h"

/* Whom it is about: a task, a worker, or "taskd". Printable; returns `out`. */
char *event_who(const json_t *event, char *out, size_t out_size);

/* "Nov 23 10:42:07.123", where the reader is, of a time in RFC 3339; "-" for anything else. Returns `out`; 64 bytes are
 * enough. */
char *event_time(const char *time, char *out, size_t out_size);

/* "running -> stopping, cli", "resize@2#17 failed: exit status 3". Printable; returns `out`. An event of a type that is
 * not known is shown as it is. */
char *event_text(const json_t *event, char *out, size_t out_size);

enum table_colour event_colour(const json_t *event);
