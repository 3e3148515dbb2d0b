/* Compresses a file in a process of its own, so that the loop goes on. Needs zlib: a build without it says so.
 *
 * Owner: logfile.c. */
#pragma once
#include <stdbool.h>

struct event_base;
struct gzip;

/* Called once. `ok`: `to` is whole and on disk. The gzip is freed afterwards. */
typedef void gzip_done(void *arg, bool ok);

/* Writes `from`, compressed, to the new file `to`, with the owner and mode of `from`. 0 or -errno. */
int gzip_start(struct event_base *, const char *from, const char *to, gzip_done *done, void *arg, struct gzip **ret);
void gzip_free(struct gzip *); /* NULL ok; the process goes on, and nobody is told */
