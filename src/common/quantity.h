/* Durations, sizes and moments as people write them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DURATION_INFINITY INT64_MAX

/* "30s", "5min 20s", "500ms", "1.5h", "infinity" -> milliseconds, rounded up to a whole one. Units: us ms s sec min m h
 * hr d day w week, singular or plural. A bare number is refused but for "0". Returns 0, -EINVAL, -ERANGE; *ret_ms
 * untouched on failure. */
int duration_parse(const char *s, int64_t *ret_ms);

/* The shortest exact form that duration_parse reads back: "1min 30s". Returns `out`; 48 bytes are always enough. */
char *duration_format(int64_t ms, char *out, size_t out_size);

/* For people in a hurry: at most two units, "12.3s", "4min 5s", "2d 3h". */
char *duration_brief(int64_t ms, char *out, size_t out_size);

#define SIZE_INFINITY INT64_MAX

/* "64M", "512KiB", "10 MB", "1024", "infinity" -> bytes; K M G T are powers of 1024 as in systemd. */
int size_parse(const char *s, int64_t *ret_bytes);
char *size_format(int64_t bytes, char *out, size_t out_size);

/* RFC 3339 in UTC, to the millisecond: "2026-11-23T10:42:07.123Z"; "" for a moment that has no date. Returns `out`; 32
 * bytes are enough for eight thousand years. */
char *moment_format(const struct timespec *, char *out, size_t out_size);
/* The same read back: milliseconds since 1970. 0 or -EINVAL; *ret_ms untouched on failure. */
int moment_parse(const char *s, int64_t *ret_ms);
