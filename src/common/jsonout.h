/* Writes one JSON object on one line without a document tree: the hot messages of the channel in both directions.
 *
 * Strings may hold any bytes: what is not UTF-8 becomes U+FFFD, control characters are escaped, so a line never breaks.
 * Errors latch: after a failed allocation every call does nothing and jsonout_line() returns NULL. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonout {
    char *data;
    size_t len, cap;
    bool failed;
};

/* Starts an object; reuses what memory `o` has. `o` must be zeroed before its first use. */
void jsonout_begin(struct jsonout *o);
void jsonout_string(struct jsonout *o, const char *key, const char *value);            /* NULL value: null */
void jsonout_bytes(struct jsonout *o, const char *key, const char *value, size_t len); /* NUL becomes U+FFFD, too */
void jsonout_int(struct jsonout *o, const char *key, int64_t value);
void jsonout_bool(struct jsonout *o, const char *key, bool value);
void jsonout_raw(struct jsonout *o, const char *key, const char *json); /* `json` is a valid JSON text on one line */
void jsonout_open(struct jsonout *o, const char *key);                  /* a nested object */
void jsonout_close(struct jsonout *o);
/* Ends the object and the line ("}\n"). Borrowed until the next jsonout_begin or jsonout_free; NULL after a failure. */
const char *jsonout_line(struct jsonout *o, size_t *ret_len);
void jsonout_free(struct jsonout *o);
