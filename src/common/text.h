/* Bytes from strangers made fit for JSON (UTF-8) and for terminals and logs (no control characters). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

bool text_is_utf8(const char *s, size_t len);

/* A NUL-terminated copy (caller frees; NULL when memory is out) in which every byte that is not part of valid UTF-8,
 * and every NUL, is U+FFFD. */
char *text_to_utf8(const char *s, size_t len);

/* Writes a printable form of s[0..len) to out (always NUL-terminated; cut with "..." when it does not fit): control
 * characters as \n, \t, \xNN, C1 controls and bidirectional overrides as \u{NNNN}, bad UTF-8 as \xNN, a backslash
 * stays. Returns `out`. */
char *text_printable(const char *s, size_t len, char *out, size_t out_size);

/* Columns a terminal needs for UTF-8 text; combining marks count 0, wide characters 2. Never needs a locale. */
size_t text_width(const char *s);

/* The entry of `known` (NULL-terminated) most like `word`, or NULL when none is near: "did you mean". */
const char *text_nearest(const char *word, const char *const *known);
