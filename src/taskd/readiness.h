/* Readiness by a descriptor: the worker has the writing end of a pipe, and a line feed on it says that it is ready.
 * What else it writes means nothing, and so does closing it without.
 *
 * Owner: task. */
#pragma once

struct event_base;
struct readiness;

typedef void readiness_cb(void *arg);

/* Makes the pipe; *ret_child_fd is the worker's end (the caller closes it after the start). on_ready is called once,
 * and may not free it. 0 or -errno. */
int readiness_new(struct event_base *, readiness_cb *on_ready, void *arg, struct readiness **ret, int *ret_child_fd);
/* Reads what has come by now: a decision about the worker is about to be made. NULL ok. */
void readiness_poll(struct readiness *);
void readiness_free(struct readiness *); /* NULL ok */
