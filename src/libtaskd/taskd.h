/* libtaskd: makes a program a cooperative worker of taskd(1). The whole public interface; see libtaskd(3).
 *
 *     taskd *t;
 *     taskd_open(&t);
 *     taskd_ready(t);
 *     for (size_t i = 0; i < n && !taskd_should_stop(t); i++) {       // a stop wins here ...
 *         if (taskd_begin(t, path[i]) < 0)
 *             break;
 *         int error = resize_and_commit(path[i]);                     // ... and never in here
 *         error ? taskd_fail(t, path[i], "resize", strerror(error), false) : taskd_end(t, path[i]);
 *     }
 *     taskd_result(t, NULL, !taskd_should_stop(t));
 *     taskd_close(t);
 *
 * Run by hand (no TASKD_FD in the environment) the same program works alone: every call succeeds and does nothing.
 *
 * Errors are returned as a negative errno; nothing is printed, no signal handler is installed, no thread is made,
 * nothing aborts. Losing taskd is a stop, not a crash: SIGPIPE is never raised.
 *
 * Threads: a handle is not locked. Calls on one handle from several threads need a lock of the caller's.
 * Signals: no function here is async-signal-safe; a handler sets a flag, the loop calls.
 * Fork: the descriptor is close-on-exec; a child that goes on without exec must not use the handle.
 * Strings: any bytes, NUL-terminated; what is not UTF-8 arrives as U+FFFD. Borrowed during the call only. */
#ifndef TASKD_H
#define TASKD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct taskd taskd;

/* Begins the conversation. Takes the descriptor that TASKD_FD names, makes it close-on-exec and unsets the variable, so
 * that no child holds the channel open; says hello and waits for the answer, for as long as that takes: until taskd
 * knows that this program speaks, it would also send a signal to stop it, and no unit may have begun by then. A stop
 * may come instead of the answer: then taskd_should_stop() is true at once. Returns 1 when supervised, 0 when run by
 * hand (the handle is valid all the same), -EBADF or -ENOTSOCK when TASKD_FD does not name a socket, -EPROTO when what
 * answers does not speak the protocol, -ENOMEM, or another -errno; *ret is untouched on failure. Free with
 * taskd_close(). */
int taskd_open(taskd **ret);

/* Ends the conversation and frees the handle. NULL is allowed. Units still open count as cut. */
void taskd_close(taskd *);

/* The channel, for poll(2), epoll(7) or an event loop: when it is readable, call taskd_dispatch(). -1 when run by hand.
 * It stays the library's: do not read, write or close it. Stop watching it once TASKD_STOP has been returned: where
 * taskd is gone, it stays readable for ever. */
int taskd_fd(const taskd *);

enum {
    TASKD_STOP = 1,  /* finish the current units, begin no more, leave */
    TASKD_UNIT = 2,  /* a unit is waiting: taskd_next() returns it at once */
    TASKD_DRAIN = 4, /* no more units will be handed out */
};

/* Reads what is there, without waiting. Returns the TASKD_ bits that hold now (a stop never goes away), or -ENOMEM. */
int taskd_dispatch(taskd *);

/* Has a stop been asked for? Once true, always true. Costs one non-blocking recv(2) until then and no system call
 * afterwards; where even that is too much, poll taskd_fd() together with whatever the loop waits for, and call this
 * only when it is readable. The first time it is true, the stop is acknowledged to taskd, and units that were handed
 * out but have not begun are given back. */
bool taskd_should_stop(taskd *);

/* Milliseconds until taskd kills this process, 0 when that is overdue, INT64_MAX where there is no deadline; -1: no
 * stop was asked for. Reads what taskd has said since, so an answer to taskd_extend() counts as soon as it is there. */
int64_t taskd_remaining_ms(taskd *);

/* "resize@2", or NULL when run by hand. Valid until taskd_close(). */
const char *taskd_id(const taskd *);

/* JSON text: what the configuration's "input" holds, and the last checkpoint of the life before. NULL: none. Valid
 * until taskd_close(). */
const char *taskd_input(const taskd *);
const char *taskd_resume(const taskd *);

/* Has this unit been in flight at so many deaths of the worker (poison_limit) that it is better left alone? Whether it
 * is done all the same is up to the worker. */
bool taskd_avoids(const taskd *, const char *unit);

/* How long this worker may say nothing (watchdog_timeout): say something, if only taskd_heartbeat(), twice as often.
 * -1: there is no watchdog. */
int64_t taskd_watchdog_ms(const taskd *);

/* All of the following return 0; -EPIPE when taskd is gone (a stop from then on); -EMSGSIZE when the message is longer
 * than taskd takes (nothing was sent); -ENOMEM. They may block while taskd does not read. */

/* This worker is set up and can do its work. */
int taskd_ready(taskd *);

/* A unit begins: from here to its end it is not cut while there is grace left. -ECANCELED once a stop has been seen:
 * nothing was sent, and the unit must not be done. It does not look for a stop itself: ask taskd_should_stop() before.
 * Several units may be open at once. taskd knows none whose name has more than 1024 bytes. */
int taskd_begin(taskd *, const char *unit);

/* The same, for a unit that may take `timeout_ms` instead of the configured unit_timeout. -EINVAL below 0. */
int taskd_begin_within(taskd *, const char *unit, int64_t timeout_ms);

/* How far an open unit is. done and total in any measure, -1: unknown. msg may be NULL. */
int taskd_progress(taskd *, const char *unit, int64_t done, int64_t total, const char *msg);

/* Where to go on: the next life of this task, and the record of this one, find the last of these JSON texts in
 * taskd_resume() and "resume". Best between two units, when what it tells is safe on disk; `unit` is the one that it
 * follows. -EINVAL as for taskd_result(). */
int taskd_checkpoint(taskd *, const char *unit, const char *json);

/* The unit has ended, well or badly. `retry`: doing it again may help. A long `msg` is cut at 2047 bytes, and left out
 * where taskd would not take the message; type and msg may be NULL. */
int taskd_end(taskd *, const char *unit);
int taskd_fail(taskd *, const char *unit, const char *type, const char *msg, bool retry);

/* A unit that taskd hands out. Strings are valid until the next taskd_next() or taskd_close(). */
struct taskd_unit {
    const char *id;
    const char *data;   /* JSON text, NULL: none */
    int attempt;        /* 1 the first time */
    int64_t timeout_ms; /* -1: none */
};

/* Asks for one unit and waits for it, through EINTR. 1: *ret is filled in, and taskd_begin() comes next; 0: a stop, or
 * there are no more (also when run by hand). A stop that is already there wins over a unit that is: that unit is given
 * back, as is one from the call before that has not begun. */
int taskd_next(taskd *, struct taskd_unit *ret);

/* Still alive, for a worker with a watchdog. */
int taskd_heartbeat(taskd *);

/* One line for people: shown by `taskd status`. */
int taskd_status(taskd *, const char *text);

/* Asks for `ms` more milliseconds of grace, counted from now; taskd grants what max_stop_timeout allows. Does not wait
 * for the answer: see taskd_remaining_ms(). */
int taskd_extend(taskd *, int64_t ms);

/* A line in taskd's log, behind this task's name. level as in syslog(3): LOG_ERR 3, LOG_WARNING 4, LOG_INFO 6,
 * LOG_DEBUG 7. */
int taskd_log(taskd *, int level, const char *msg);

/* The value of this life, as JSON text (NULL: null); the last one counts. `complete`: everything was done, also in
 * spite of a stop. -EINVAL when it is not JSON, or nested more than 15 deep. */
int taskd_result(taskd *, const char *json, bool complete);

#ifdef __cplusplus
}
#endif

#endif
