/* A file of lines that taskd writes: rotated by size, opened anew when asked to, and honest about what it had to leave
 * out.
 *
 * What cannot be written (a full disk, a reader of a FIFO that does not read) is counted, to the line and the byte; it
 * is tried again a second later, and then the gap is said in the file and in taskd's log. Nothing here waits for
 * anybody but the disk itself. The tasks that name one path share one of these. Owner: logs.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "taskd/config.h"

struct event_base;
struct logfile;

struct logfile_policy {
    enum log_format format;
    int64_t max_size; /* bytes; SIZE_INFINITY: never rotated */
    int64_t keep;     /* how many older ones are kept: FILE.1 is the youngest */
    bool gzip;
};

struct logfile_lost {
    uint64_t lines, bytes; /* since it was opened; of raw output bytes alone are counted */
};

/* 0 or -errno. The path is copied. */
int logfile_new(struct event_base *, const char *path, const struct logfile_policy *, struct logfile **ret);
void logfile_free(struct logfile *); /* NULL ok; says what was lost */

const char *logfile_path(const struct logfile *);
void logfile_set_policy(struct logfile *, const struct logfile_policy *); /* but for the format, which stays */
const struct logfile_policy *logfile_policy(const struct logfile *);
struct logfile_lost logfile_lost(const struct logfile *);

void logfile_reopen(struct logfile *); /* somebody has moved it away */

void logfile_write(struct logfile *, const char *lines, size_t len); /* whole lines */

/* Moves what is in a pipe to the file, without looking at it. The number of bytes, also if they were lost; 0 at the end
 * of the stream; -EAGAIN when there is nothing now; -errno. */
ssize_t logfile_splice(struct logfile *, int pipe);
