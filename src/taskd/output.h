/* What a worker prints, where taskd reads it itself: a pipe whose lines go to a terminal behind the task's name.
 *
 * Owner: task.c. A worker that prints faster than the terminal takes it waits for the pipe; taskd never does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct output;

typedef void output_cb(void *arg, const char *line, size_t len);
/* May a line be handed over now? If not, the pipe is left alone for a moment, and the worker waits. */
typedef bool output_may_cb(void *arg);

/* Makes the pipe; *ret_child_fd is the worker's end (the caller closes it after the start). 0 or -errno. */
int output_new(struct event_base *, output_cb *on_line, output_may_cb *may, void *arg, struct output **ret,
               int *ret_child_fd);
/* Reads what is left, without waiting. */
void output_drain(struct output *);
void output_free(struct output *); /* NULL ok */
