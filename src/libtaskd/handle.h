/* The inside of a handle, shared by the library's files: handle.c (open, close), inbox.c (what taskd says), outbox.c
 * (what is said). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/jsonout.h"
#include "common/linebuf.h"
#include "libtaskd/taskd.h"

/* A unit that taskd has handed out. All NULL: none. */
struct dispatched {
    char *id, *data;
    int attempt;
    int64_t timeout_ms;
};

struct taskd {
    int fd; /* -1: run by hand */
    struct linebuf *lines;
    struct jsonout out;
    size_t max_message;
    char *id, *input, *resume;
    json_t *avoid;       /* units that were in flight at too many deaths, NULL: none */
    int64_t watchdog_ms; /* -1: none */
    bool greeted;        /* taskd's hello has come */
    bool garbled;        /* a line came that could not be read */
    bool stopping, acked, drained;
    int64_t deadline_ms;              /* CLOCK_MONOTONIC, INT64_MAX: none */
    int64_t grace_ms;                 /* what TASKD_GRACE_MS said, -1: none */
    char *current;                    /* the unit that was begun last and is still open */
    bool asked;                       /* a unit has been asked for and has not come */
    struct dispatched waiting, given; /* arrived; returned by taskd_next(), whose caller still reads it */
    bool owed;                        /* `given` has neither begun nor been given back */
};

/* handle.c */
void dispatched_clear(struct dispatched *);

/* inbox.c */
int64_t inbox_now_ms(void);
/* Reads once; wait: until there is something. 1: there may be more; 0: nothing (more) to read; -ENOMEM. Loss of taskd
 * latches the stop. */
int inbox_read(taskd *, bool wait);
void inbox_lost(taskd *); /* taskd is gone */

/* outbox.c */
void outbox_begin(taskd *, const char *type);
int outbox_send(taskd *);    /* what outbox_begin and jsonout_* have put together */
void outbox_settle(taskd *); /* after a stop: gives back what has not begun, and acknowledges */
void outbox_give_back(taskd *);
