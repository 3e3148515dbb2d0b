#include "taskd/restart.h"

#include "common/quantity.h"

static bool ended_well(enum outcome o)
{
    return o == OUTCOME_OK || o == OUTCOME_CANCELLED;
}

/* A cancelled life whose task is still wanted up was to be followed by another, so "on-failure" replaces it, too. */
static bool policy_restarts(const struct worker_config *c, const struct restart_question *q)
{
    if (q->once)
        return false;
    return c->restart == RESTART_ALWAYS || (c->restart == RESTART_ON_FAILURE && q->outcome != OUTCOME_OK);
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

static int64_t backoff(const struct worker_config *c, unsigned streak, double dice)
{
    double max = (double)c->backoff_max, delay = (double)c->backoff_initial;
    for (unsigned i = 0; i < streak && delay < max && c->backoff_factor > 1; i++)
        delay *= c->backoff_factor;
    delay = (delay < max ? delay : max) * (1 + c->backoff_jitter * dice);
    return delay < max ? (int64_t)delay : c->backoff_max;
}

/* A life that got somewhere is no sign that the next one will not. */
static int64_t delay_after(const struct worker_config *c, const struct restart_question *q, struct restart_history *h)
{
    if (q->units > 0 || q->lived_ms >= c->backoff_reset_after)
        h->streak = 0;
    return q->units > 0 ? 0 : backoff(c, h->streak++, q->dice);
}

enum restart_verdict restart_decide(const struct worker_config *c, const struct restart_question *q,
                                    struct restart_history *h, int64_t *ret_delay_ms)
{
    h->limited = false;
    if (!q->wanted_up)
        return VERDICT_DOWN;
    if (q->replaced) {
        *ret_delay_ms = 0;
        return VERDICT_RETRY;
    }
    if (!policy_restarts(c, q))
        return ended_well(q->outcome) ? VERDICT_DONE : VERDICT_FAILED;
    /* One that asked to be replaced has not failed. */
    if (q->outcome != OUTCOME_CANCELLED && over_limit(c, q->now_ms, h)) {
        h->limited = true;
        return VERDICT_FAILED;
    }
    *ret_delay_ms = delay_after(c, q, h);
    return VERDICT_RETRY;
}
