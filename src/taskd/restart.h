/* PURE: may a task start again, and when. The caller says what time it is. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "taskd/config.h"
#include "taskd/outcome.h"

/* A life at least this long makes the next failure the first of a new series. */
enum { RESTART_RESET_MS = 10 * 1000 };

enum restart_verdict { VERDICT_DOWN, VERDICT_RETRY, VERDICT_DONE, VERDICT_FAILED };

/* What has happened so far; zeroed at the start and whenever somebody starts the task by hand. */
struct restart_history {
    unsigned streak;         /* restarts since the last long life: the exponent of the back-off */
    int64_t window_began_ms; /* the window of restart_limit */
    int64_t window_count;
    bool limited; /* the last verdict was VERDICT_FAILED because of restart_limit */
};

struct restart_question {
    bool wanted_up;
    enum outcome outcome;
    int64_t lived_ms, now_ms;
};

/* The verdict; *ret_delay_ms is the back-off for VERDICT_RETRY. Updates `history`. */
enum restart_verdict restart_decide(const struct worker_config *, const struct restart_question *,
                                    struct restart_history *, int64_t *ret_delay_ms);
