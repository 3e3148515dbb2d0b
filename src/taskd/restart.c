#include "taskd/restart.h"

#include "common/quantity.h"

static bool ended_well(enum outcome o)
{
    return o == OUTCOME_OK || o == OUTCOME_CANCELLED;
}

/* A cancelled life whose task is still wanted up asked to be replaced, so "on-failure" replaces it, too. */
static bool policy_restarts(int policy, enum outcome o)
{
    return policy == RESTART_ALWAYS || (policy == RESTART_ON_FAILURE && o != OUTCOME_OK);
}

/* At most `count` restarts a window; the window begins with its first restart, as systemd's start limit does. */
static bool over_limit(const struct worker_config *c, int64_t now, struct restart_history *h)
{
    bool expired = c->restart_interval != DURATION_INFINITY && now - h->window_began_ms >= c->restart_interval;
    if (h->window_count == 0 || expired) {
        h->window_began_ms = now;
        h->window_count = 0;
    }
    return h->window_count++ >= c->restart_count;
}

static int64_t backoff(const struct worker_config *c, unsigned streak)
{
    int64_t delay = c->backoff_initial;
    for (unsigned i = 0; i < streak && delay < c->backoff_max; i++)
        delay = delay > c->backoff_max / 2 ? c->backoff_max : delay * 2;
    return delay < c->backoff_max ? delay : c->backoff_max;
}

enum restart_verdict restart_decide(const struct worker_config *c, const struct restart_question *q,
                                    struct restart_history *h, int64_t *ret_delay_ms)
{
    h->limited = false;
    if (!q->wanted_up)
        return VERDICT_DOWN;
    if (!policy_restarts(c->restart, q->outcome))
        return ended_well(q->outcome) ? VERDICT_DONE : VERDICT_FAILED;
    if (over_limit(c, q->now_ms, h)) {
        h->limited = true;
        return VERDICT_FAILED;
    }
    if (q->lived_ms >= RESTART_RESET_MS)
        h->streak = 0;
    *ret_delay_ms = backoff(c, h->streak++);
    return VERDICT_RETRY;
}
