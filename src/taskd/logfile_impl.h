/* The inside of a log file, for its own files: logfile.c (writing), logfile_rotate.c (older ones). */
#pragma once
#include "taskd/logfile.h"

struct gzip;

struct logfile {
    struct event_base *base;
    char *path;
    int fd; /* -1: it could not be opened again */
    bool regular, complained;
    int64_t size;
    struct logfile_policy policy;
    struct logfile_lost lost, gap; /* gap: since the last line that could be written */
    int gap_error;
    int64_t retry_ms;
    struct gzip *gzip;
    int64_t gzip_index; /* which one is being compressed: FILE.3 is 3; it moves with each rotation */
};

/* logfile_rotate.c */
int logfile_rotate(struct logfile *);         /* moves FILE to FILE.1, and so on. 0 or -errno, told once */
void logfile_compress_next(struct logfile *); /* the oldest one that is not compressed, if it should be */
