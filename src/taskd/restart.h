/* PURE: may a task start again, and when. The caller says what time it is and throws the dice. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "taskd/config.h"
#include "taskd/outcome.h"

enum restart_verdict { VERDICT_DOWN, VERDICT_RETRY, VERDICT_DONE, VERDICT_FAILED };

/* What has happened so far; zeroed at the start and whenever somebody starts the task by hand. */
struct restart_history {
    unsigned streak;         /* restarts since the last good life: the exponent of the back-off */
    int64_t window_began_ms; /* the window of restart_limit */
    int64_t window_count;
    bool limited; /* the last verdict was VERDICT_FAILED because of restart_limit */
};

struct restart_question {
    bool wanted_up;
    bool replaced; /* somebody ended this life in order to start another */
    bool once;     /* spawned: one life, whatever the policy says */
    enum outcome outcome;
    uint64_t units; /* that ended in this life */
    int64_t lived_ms, now_ms;
    double dice; /* -1 … 1, for backoff.jitter */
};

/* The verdict; *ret_delay_ms is the back-off for VERDICT_RETRY. Updates `history`. */
enum restart_verdict restart_decide(const struct worker_config *, const struct restart_question *,
                                    struct restart_history *, int64_t *ret_delay_ms);
