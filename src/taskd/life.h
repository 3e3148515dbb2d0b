/* The record of one life: what was asked of a process, what it said, how it ended. It outlives the process.
 *
 * Owner: task.c, which fills it in as things happen. Plain data; the only call out is life_record(). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "taskd/outcome.h"
#include "taskd/sys.h"
#include "taskd/units.h"

enum { LIFE_HANDLE_MAX = 128 };

struct life {
    char handle[LIFE_HANDLE_MAX]; /* resize@2#17 */
    unsigned attempt;             /* the task's first life is 1 */
    pid_t pid;                    /* 0: there is no process (any more) */
    int pidfd;
    int64_t began_ms;
    struct timespec began, ended; /* wall clock, for people */
    int exec_error;
    const char *exec_step;
    struct sys_exit exit;

    int64_t heard_ms;       /* its last word, or its beginning: see watch.c */
    int64_t weighed_ms;     /* when its memory was looked at */
    uint64_t units_allowed; /* max_units with its jitter, 0: no limit */
    bool oom_kill;          /* the kernel has killed something of it for its memory */
    bool code_is_success;   /* success_exit has the code that it exited with */

    bool spoken; /* it has said something on its channel */
    bool deaf;   /* its channel was gone when the stop came: told by stop_signal */
    struct units units;
    json_t *value, *resume; /* owned */
    bool has_result, result_complete;
    char *text; /* its own words for `taskd status` */
    uint64_t bad_lines, ignored, unsaid;
    uint64_t strangers;          /* notices from processes that are not its own */
    int told_errno, told_status; /* what it has said of its own end, 0: nothing */
    int64_t watchdog_ms;         /* how long it may be silent, DURATION_INFINITY: for ever */
    pid_t main_pid;              /* the process that signals go to, if it is not the first one; 0: that */
    int main_pidfd;              /* its descriptor, -1: none */

    bool stop_pending, acked;
    bool early;   /* the stop signal went out before it had said a word */
    bool patient; /* its grace has not begun: it is in the unit in which the stop found it */
    enum stop_reason reason;
    int stop_signo; /* the signal that told taskd to stop, 0 for none */
    int64_t stop_ms, deadline_ms, waited_ms;

    int sent[SENT_KINDS]; /* see outcome.h */
    enum cause cause;
    size_t tree_killed; /* processes besides the leader that had to be killed */
};

/* Frees what it holds and zeroes it; closes pidfd. */
void life_clear(struct life *);

struct outcome_verdict life_verdict(const struct life *);
json_t *life_timestamp(int64_t unix_ms); /* RFC 3339 in UTC, new reference */

/* What a shell sees: outcome_exit_status with this life's facts. */
int life_exit_status(const struct life *);

/* The outcome record of taskd-protocol(7), new reference; NULL when memory is out. `now_ms` is when it ended. */
json_t *life_record(const struct life *, const char *worker, const char *task, int64_t now_ms);
