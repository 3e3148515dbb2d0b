/* PURE: one line of what a worker has to say, and its forms: in a file as text, and as JSON wherever JSON is.
 *
 * A line is what a worker printed or a message `log` of its channel. Owner: output.c and talk.c make them. Calls
 * common. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

struct jsonout;

enum { LOGLINE_UNIT_MAX = 256, LOGLINE_LEVEL_NONE = -1 };

struct logline {
    int64_t time_ms;           /* since 1970 */
    const char *task, *handle; /* resize@2, resize@2#17 */
    const char *unit;          /* in flight when it came; the one that began last, where several are; NULL: none */
    int level;                 /* as in syslog(3); LOGLINE_LEVEL_NONE: it did not say */
    bool more;                 /* the line goes on in the next one: it is longer than what is kept in one piece */
    const char *text;          /* any bytes but a newline */
    size_t len;
    const char *fields; /* JSON text of an object, NULL: none */
};

/* Bytes that are gathered. After a failed allocation every call does nothing; `failed` says so. Zeroed at first. */
struct logtext {
    char *data;
    size_t len, cap;
    bool failed;
    int64_t time_ms; /* whose text is in `time`: many lines come in one millisecond */
    char time[32];
};
void logtext_free(struct logtext *);

/* "2026-11-23T10:42:07.123Z resize@2 [img_17.jpg] warning: what it said {"a":1}\n". The unit is printable, and without
 * a "]"; "[]" where there is none; "]+" in place of "]" where the line goes on. The text itself is not changed. */
void logline_put_text(struct logtext *, const struct logline *);
/* {"time":"…","task":"…","handle":"…","unit":"…","level":"warning","msg":"…","fields":{…},"more":true}\n, without what
 * is not there. */
void logline_put_json(struct logtext *, struct jsonout *scratch, const struct logline *);

/* "warning" and its like, or "3"; LOGLINE_LEVEL_NONE for what is neither. */
int logline_level(const char *name);
const char *logline_level_name(int level); /* "" for none */

/* Takes the prefix "<N>" of sd-daemon(3) off the line. */
void logline_take_prefix(struct logline *);
