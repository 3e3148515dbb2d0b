/* The inside of a handle, shared by the library's files: handle.c (open, close), inbox.c (what taskd says), outbox.c (what is said). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/jsonout.h"
#include "common/linebuf.h"
#include "libtaskd/taskd.h"

struct taskd {
    int fd; /* -1: run by hand */
    struct linebuf *lines;
    struct jsonout out;
    size_t max_message;
    char *id, *input, *resume;
    bool greeted; /* taskd's hello has come */
    bool garbled; /* a line came that could not be read */
    bool stopping, acked, drained;
    int64_t deadline_ms; /* CLOCK_MONOTONIC, INT64_MAX: none */
    int64_t grace_ms;    /* what TASKD_GRACE_MS said, -1: none */
    char *current;       /* the unit that was begun last and is still open */
    bool asked;          /* a unit has been asked for and has not come */
    char *unit_id, *unit_data;
    int unit_attempt;
    int64_t unit_timeout_ms;
    bool unit_waiting;
};

/* inbox.c */
int64_t inbox_now_ms(void);
/* Reads once; wait: until there is something. 1: there may be more; 0: nothing (more) to read; -ENOMEM. Loss of taskd latches the stop. */
int inbox_read(taskd *, bool wait);
void inbox_latch_stop(taskd *, int64_t deadline_ms);

/* outbox.c */
void outbox_begin(taskd *, const char *type);
int outbox_send(taskd *); /* what outbox_begin and jsonout_* have put together */
int outbox_acknowledge(taskd *);
int outbox_release(taskd *, const char *unit);
