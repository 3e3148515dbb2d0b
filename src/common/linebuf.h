/* A stream of bytes cut into lines, with a bound.
 *
 * Owner: whoever reads a stream (a worker's channel, the library, a log pipe). Calls nothing above it.
 * Bytes are held only while a line is incomplete, so an idle stream costs a few words. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct linebuf;

/* One line, without its newline and not NUL-terminated; valid during the call only. `cut` says that the line was longer
 * than the bound: the first `max` bytes are here, the rest up to the newline is thrown away. */
typedef void linebuf_cb(void *arg, const char *line, size_t len, bool cut);

/* NULL when memory is out. `max` is the longest line in bytes, newline not counted. */
struct linebuf *linebuf_new(size_t max);
void linebuf_free(struct linebuf *); /* NULL ok */

/* Hands every line that is complete with these bytes to `on_line`, in order, and keeps the rest.
 * `on_line` must not feed or free this linebuf. Returns 0, or -ENOMEM: then the incomplete line is lost and counted as
 * cut. */
int linebuf_feed(struct linebuf *, const char *data, size_t len, linebuf_cb *on_line, void *arg);

/* Hands over an incomplete last line, if there is one: the stream has ended. */
void linebuf_finish(struct linebuf *, linebuf_cb *on_line, void *arg);

/* Bytes of the line that is not complete yet. */
size_t linebuf_pending(const struct linebuf *);
