#include "common/quantity.h"
#include "suite.h"
#include "taskd/restart.h"

static struct worker_config rules(int policy)
{
    return (struct worker_config){.restart = policy,
                                  .backoff_initial = 200,
                                  .backoff_max = 1000,
                                  .backoff_factor = 2,
                                  .backoff_reset_after = 10000,
                                  .restart_count = 100,
                                  .restart_interval = 60000};
}

static enum restart_verdict decide(const struct worker_config *c, enum outcome o, int64_t now,
                                   struct restart_history *h, int64_t *delay)
{
    struct restart_question q = {.wanted_up = true, .outcome = o, .lived_ms = 5, .now_ms = now};
    return restart_decide(c, &q, h, delay);
}

START_TEST(policy_by_outcome)
{
    static const struct {
        int policy;
        enum outcome outcome;
        enum restart_verdict verdict;
    } rows[] = {
        {RESTART_NO, OUTCOME_OK, VERDICT_DONE},
        {RESTART_NO, OUTCOME_CANCELLED, VERDICT_DONE},
        {RESTART_NO, OUTCOME_FAILED, VERDICT_FAILED},
        {RESTART_NO, OUTCOME_PANICKED, VERDICT_FAILED},
        {RESTART_NO, OUTCOME_UNSTARTED, VERDICT_FAILED},
        {RESTART_ON_FAILURE, OUTCOME_OK, VERDICT_DONE},
        {RESTART_ON_FAILURE, OUTCOME_CANCELLED, VERDICT_RETRY},
        {RESTART_ON_FAILURE, OUTCOME_FAILED, VERDICT_RETRY},
        {RESTART_ON_FAILURE, OUTCOME_PANICKED, VERDICT_RETRY},
        {RESTART_ON_FAILURE, OUTCOME_UNSTARTED, VERDICT_RETRY},
        {RESTART_ALWAYS, OUTCOME_OK, VERDICT_RETRY},
        {RESTART_ALWAYS, OUTCOME_FAILED, VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct restart_history h = {0};
        struct worker_config c = rules(rows[i].policy);
        int64_t delay;
        ck_assert_msg(decide(&c, rows[i].outcome, 0, &h, &delay) == rows[i].verdict, "row %zu", i);
    }
}
END_TEST

START_TEST(wanted_down_beats_every_policy)
{
    for (int policy = RESTART_NO; policy <= RESTART_ALWAYS; policy++)
        for (int o = 0; o < OUTCOMES; o++) {
            struct restart_history h = {0};
            struct worker_config c = rules(policy);
            struct restart_question q = {.wanted_up = false, .outcome = (enum outcome)o};
            int64_t delay = -7;
            ck_assert_int_eq(restart_decide(&c, &q, &h, &delay), VERDICT_DOWN);
            ck_assert_int_eq(delay, -7);
        }
}
END_TEST

START_TEST(backoff_doubles_to_its_cap)
{
    static const int64_t want[] = {200, 400, 800, 1000, 1000, 1000};
    struct restart_history h = {0};
    struct worker_config c = rules(RESTART_ALWAYS);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        int64_t delay;
        ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 0, &h, &delay), VERDICT_RETRY);
        ck_assert_int_eq(delay, want[i]);
    }
}
END_TEST

START_TEST(backoff_does_not_overflow)
{
    struct restart_history h = {.streak = 1u << 31};
    struct worker_config c = rules(RESTART_ALWAYS);
    c.backoff_max = DURATION_INFINITY;
    c.backoff_initial = DURATION_INFINITY / 3;
    int64_t delay;
    ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 0, &h, &delay), VERDICT_RETRY);
    ck_assert_int_eq(delay, DURATION_INFINITY);
}
END_TEST

START_TEST(a_zero_backoff_stays_zero)
{
    struct restart_history h = {0};
    struct worker_config c = rules(RESTART_ALWAYS);
    c.backoff_initial = c.backoff_max = 0;
    for (int i = 0; i < 20; i++) {
        int64_t delay;
        ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 0, &h, &delay), VERDICT_RETRY);
        ck_assert_int_eq(delay, 0);
    }
}
END_TEST

START_TEST(a_long_life_begins_a_new_series)
{
    struct restart_history h = {0};
    struct worker_config c = rules(RESTART_ALWAYS);
    int64_t delay;
    decide(&c, OUTCOME_FAILED, 0, &h, &delay);
    decide(&c, OUTCOME_FAILED, 0, &h, &delay);
    ck_assert_int_eq(delay, 400);
    struct restart_question q = {.wanted_up = true, .outcome = OUTCOME_FAILED, .lived_ms = 10000, .now_ms = 0};
    restart_decide(&c, &q, &h, &delay);
    ck_assert_int_eq(delay, 200);
}
END_TEST

START_TEST(the_limit_ends_it_and_an_interval_later_it_begins_anew)
{
    struct restart_history h = {0};
    struct worker_config c = rules(RESTART_ALWAYS);
    c.restart_count = 3;
    c.restart_interval = 1000;
    int64_t delay;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 100 + i, &h, &delay), VERDICT_RETRY);
    struct restart_history later = h;
    ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 1099, &h, &delay), VERDICT_FAILED);
    ck_assert(h.limited);
    ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 1100, &later, &delay), VERDICT_RETRY);
    ck_assert(!later.limited);
}
END_TEST

START_TEST(an_endless_interval_never_forgets)
{
    struct restart_history h = {0};
    struct worker_config c = rules(RESTART_ALWAYS);
    c.restart_count = 1;
    c.restart_interval = DURATION_INFINITY;
    int64_t delay;
    ck_assert_int_eq(decide(&c, OUTCOME_FAILED, 1, &h, &delay), VERDICT_RETRY);
    ck_assert_int_eq(decide(&c, OUTCOME_FAILED, INT64_MAX / 2, &h, &delay), VERDICT_FAILED);
}
END_TEST

/* The rules one by one, on a clock that the table turns: what has ended, when, and what follows. */
struct step {
    enum outcome outcome;
    int64_t at, lived;
    uint64_t units;
    bool replaced;
    enum restart_verdict verdict;
    int64_t delay;
};

enum { STEPS = 6 };

static const struct scenario {
    const char *name;
    int policy;
    double factor, jitter, dice;
    int64_t reset_after, count, interval;
    bool once;
    struct step steps[STEPS]; /* to the first without a time */
} scenarios[] = {
    {"a factor of 3",
     RESTART_ALWAYS,
     3,
     0,
     0,
     10000,
     100,
     60000,
     false,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 2, 5, 0, false, VERDICT_RETRY, 600},
      {OUTCOME_FAILED, 3, 5, 0, false, VERDICT_RETRY, 1000}}},
    {"a factor of 1 stays where it is",
     RESTART_ALWAYS,
     1,
     0,
     0,
     10000,
     100,
     60000,
     false,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_RETRY, 200}, {OUTCOME_FAILED, 2, 5, 0, false, VERDICT_RETRY, 200}}},
    {"jitter shortens",
     RESTART_ALWAYS,
     2,
     0.5,
     -1,
     10000,
     100,
     60000,
     false,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_RETRY, 100}, {OUTCOME_FAILED, 2, 5, 0, false, VERDICT_RETRY, 200}}},
    {"jitter lengthens, not past the cap",
     RESTART_ALWAYS,
     2,
     0.5,
     1,
     10000,
     100,
     60000,
     false,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_RETRY, 300},
      {OUTCOME_FAILED, 2, 5, 0, false, VERDICT_RETRY, 600},
      {OUTCOME_FAILED, 3, 5, 0, false, VERDICT_RETRY, 1000}}},
    {"a life of reset_after begins a new series, one that is shorter does not",
     RESTART_ALWAYS,
     2,
     0,
     0,
     500,
     100,
     60000,
     false,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 2, 499, 0, false, VERDICT_RETRY, 400},
      {OUTCOME_FAILED, 3, 500, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 4, 5, 0, false, VERDICT_RETRY, 400}}},
    {"a life that ended a unit is followed at once, and begins a new series",
     RESTART_ON_FAILURE,
     2,
     0,
     0,
     10000,
     100,
     60000,
     false,
     {{OUTCOME_PANICKED, 1, 5, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_PANICKED, 2, 5, 0, false, VERDICT_RETRY, 400},
      {OUTCOME_PANICKED, 3, 5, 1, false, VERDICT_RETRY, 0},
      {OUTCOME_PANICKED, 4, 5, 0, false, VERDICT_RETRY, 200}}},
    {"… but it counts: a unit a crash is no way to live",
     RESTART_ON_FAILURE,
     2,
     0,
     0,
     10000,
     2,
     60000,
     false,
     {{OUTCOME_PANICKED, 1, 5, 1, false, VERDICT_RETRY, 0},
      {OUTCOME_PANICKED, 2, 5, 1, false, VERDICT_RETRY, 0},
      {OUTCOME_PANICKED, 3, 5, 1, false, VERDICT_FAILED, -1}}},
    {"the window begins with its first restart and ends an interval later",
     RESTART_ALWAYS,
     2,
     0,
     0,
     1,
     2,
     1000,
     false,
     {{OUTCOME_FAILED, 100, 50, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 200, 50, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 1100, 50, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 1200, 50, 0, false, VERDICT_RETRY, 200},
      {OUTCOME_FAILED, 2099, 50, 0, false, VERDICT_FAILED, -1}}},
    {"who asked to be replaced has not failed",
     RESTART_ON_FAILURE,
     2,
     0,
     0,
     10000,
     1,
     60000,
     false,
     {{OUTCOME_CANCELLED, 1, 5, 3, false, VERDICT_RETRY, 0},
      {OUTCOME_CANCELLED, 2, 5, 3, false, VERDICT_RETRY, 0},
      {OUTCOME_CANCELLED, 3, 5, 3, false, VERDICT_RETRY, 0}}},
    {"a replacement comes at once, whatever the policy, and is not counted",
     RESTART_NO,
     2,
     0,
     0,
     10000,
     1,
     60000,
     false,
     {{OUTCOME_CANCELLED, 1, 5, 0, true, VERDICT_RETRY, 0},
      {OUTCOME_PANICKED, 2, 5, 0, true, VERDICT_RETRY, 0},
      {OUTCOME_OK, 3, 5, 0, false, VERDICT_DONE, -1}}},
    {"a spawned task has one life",
     RESTART_ALWAYS,
     2,
     0,
     0,
     10000,
     100,
     60000,
     true,
     {{OUTCOME_FAILED, 1, 5, 0, false, VERDICT_FAILED, -1}, {OUTCOME_OK, 2, 5, 0, false, VERDICT_DONE, -1}}},
};

START_TEST(by_the_clock)
{
    const struct scenario *sc = &scenarios[_i];
    struct worker_config c = rules(sc->policy);
    struct restart_history h = {0};
    c.backoff_factor = sc->factor;
    c.backoff_jitter = sc->jitter;
    c.backoff_reset_after = sc->reset_after;
    c.restart_count = sc->count;
    c.restart_interval = sc->interval;
    for (int i = 0; i < STEPS && sc->steps[i].at; i++) {
        const struct step *st = &sc->steps[i];
        struct restart_question q = {.wanted_up = true,
                                     .replaced = st->replaced,
                                     .once = sc->once,
                                     .outcome = st->outcome,
                                     .units = st->units,
                                     .lived_ms = st->lived,
                                     .now_ms = st->at,
                                     .dice = sc->dice};
        int64_t delay = -1;
        enum restart_verdict v = restart_decide(&c, &q, &h, &delay);
        ck_assert_msg(v == st->verdict && delay == st->delay, "%s: step %d: verdict %d, delay %lld", sc->name, i, v,
                      (long long)delay);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, by_the_clock, 0, sizeof scenarios / sizeof *scenarios);
    tcase_add_test(tc, policy_by_outcome);
    tcase_add_test(tc, wanted_down_beats_every_policy);
    tcase_add_test(tc, backoff_doubles_to_its_cap);
    tcase_add_test(tc, backoff_does_not_overflow);
    tcase_add_test(tc, a_zero_backoff_stays_zero);
    tcase_add_test(tc, a_long_life_begins_a_new_series);
    tcase_add_test(tc, the_limit_ends_it_and_an_interval_later_it_begins_anew);
    tcase_add_test(tc, an_endless_interval_never_forgets);
}

int main(void)
{
    return suite_run("restart", (void (*const[])(TCase *)){add, NULL});
}
