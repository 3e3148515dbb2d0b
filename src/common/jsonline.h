/* Strict decoding of one JSON text from a peer that is not trusted.
 *
 * Stricter than jansson alone: duplicate keys, NUL, a byte order mark and deep nesting are errors, and the depth is
 * checked before jansson sees the text, so its memory is bounded by the text's length. */
#pragma once
#include <jansson.h>
#include <stddef.h>

enum { JSONLINE_DEPTH = 16 };

/* Decodes text[0..len) into an object (*ret, new reference). Returns 0; -EINVAL with a sentence in `why` that names the
 * byte offset; -ENOMEM. `why` may be NULL; *ret is untouched on failure. */
int jsonline_decode(const char *text, size_t len, json_t **ret, char *why, size_t why_size);

/* The deepest nesting of text[0..len) is at most `max`. Strings are skipped; nothing else is validated. */
int jsonline_depth_ok(const char *text, size_t len, size_t max);
