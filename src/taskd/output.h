/* What a worker prints, where taskd reads it itself: a pipe, cut into lines or moved on as it is.
 *
 * Owner: task.c. A worker that prints faster than its lines are taken waits for the pipe; taskd never does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct output;

enum { OUTPUT_LINE_MAX = 16 * 1024 };

struct output_hooks {
    /* Without its newline. `more`: it is longer than OUTPUT_LINE_MAX and goes on in the next one. */
    void (*on_line)(void *arg, const char *line, size_t len, bool more);
    void (*on_pause)(void *arg); /* that was all for now */
    /* Something has been printed, and is about to be taken: what else has the worker said? NULL ok. */
    void (*before)(void *arg);
    /* May lines be handed over now? If not, the pipe is left alone for a moment, and the worker waits. */
    bool (*may)(void *arg);
    /* In place of on_line: takes what is in the pipe, as read(2) would. NULL: lines. */
    ssize_t (*move)(void *arg, int pipe);
    void *arg;
};

/* Makes the pipe; *ret_child_fd is the worker's end (the caller closes it after the start), which also reads, so that
 * the worker is not cut by SIGPIPE when taskd dies. 0 or -errno. */
int output_new(struct event_base *, const struct output_hooks *, struct output **ret, int *ret_child_fd);
/* Takes what is there now: the worker is about to say something that belongs behind it. */
void output_poll(struct output *);
/* Takes what is left, without waiting: the worker is dead. */
void output_drain(struct output *);
void output_free(struct output *); /* NULL ok */
