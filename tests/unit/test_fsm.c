/* Every cell of the state table. The table below is written from the rules, not from fsm.c: a changed cell has to be
 * changed twice. */
#include "suite.h"
#include "taskd/fsm.h"

enum { NO = -1, STAY = -2 };

struct expected {
    int next; /* a state, STAY, or NO: cannot happen */
    unsigned actions;
};

/* Columns: start, wait, ready, pre-stop, stop, timeout, grace-term, fault, abort; then the ends. */
#define ENDS                                                     \
    {TASK_STOPPED}, {TASK_BACKOFF}, {TASK_WAITING}, {TASK_DONE}, \
    {                                                            \
        TASK_FAILED                                              \
    }
#define NO_ENDS             \
    {NO}, {NO}, {NO}, {NO}, \
    {                       \
        NO                  \
    }
#define SPAWNS                   \
    {                            \
        TASK_STARTING, ACT_SPAWN \
    }
#define DUMPED                 \
    {                          \
        TASK_DUMPING, ACT_DUMP \
    }
#define ABORTED                      \
    {                                \
        TASK_KILLING, ACT_KILL_ABORT \
    }
#define OVERDUE                      \
    {                                \
        TASK_KILLING, ACT_KILL_FAULT \
    }
#define NO_GRACE                     \
    {                                \
        TASK_KILLING, ACT_KILL_GRACE \
    }
#define ASKED                        \
    {                                \
        TASK_STOPPING, ACT_SEND_STOP \
    }
#define TOLD_TWICE                      \
    {                                   \
        TASK_TERMINATING, ACT_SEND_TERM \
    }

/* clang-format off: one row a state. */
static const struct expected table[TASK_STATES][TASK_EVENTS] = {
    [TASK_STOPPED] = {SPAWNS, {TASK_WAITING}, {NO}, {STAY}, {STAY}, {NO}, {NO}, {NO}, {STAY}, NO_ENDS},
    [TASK_DONE] = {SPAWNS, {TASK_WAITING}, {NO}, {STAY}, {STAY}, {NO}, {NO}, {NO}, {STAY}, NO_ENDS},
    [TASK_FAILED] = {SPAWNS, {TASK_WAITING}, {NO}, {STAY}, {STAY}, {NO}, {NO}, {NO}, {STAY}, NO_ENDS},
    [TASK_BACKOFF] =
        {SPAWNS, {TASK_WAITING}, {NO}, {TASK_STOPPED}, {TASK_STOPPED}, {NO}, {NO}, {NO}, {TASK_STOPPED}, NO_ENDS},
    [TASK_WAITING] = {SPAWNS, {STAY}, {NO}, {TASK_STOPPED}, {TASK_STOPPED}, {NO}, {NO}, {NO}, {TASK_STOPPED}, NO_ENDS},
    [TASK_STARTING] = {{STAY}, {NO}, {TASK_RUNNING}, {TASK_PRE_STOP}, ASKED, OVERDUE, {NO}, DUMPED, ABORTED, ENDS},
    [TASK_RUNNING] = {{STAY}, {NO}, {STAY}, {TASK_PRE_STOP}, ASKED, {NO}, {NO}, DUMPED, ABORTED, ENDS},
    [TASK_PRE_STOP] = {{STAY}, {NO}, {STAY}, {STAY}, ASKED, ASKED, {NO}, DUMPED, ABORTED, ENDS},
    [TASK_STOPPING] =
        {{STAY}, {NO}, {STAY}, {TASK_STOPPING}, {TASK_STOPPING}, NO_GRACE, TOLD_TWICE, DUMPED, ABORTED, ENDS},
    [TASK_TERMINATING] = {{STAY}, {NO}, {STAY}, {STAY}, {STAY}, NO_GRACE, {NO}, {STAY}, ABORTED, ENDS},
    [TASK_DUMPING] = {{STAY}, {NO}, {STAY}, {TASK_DUMPING}, {TASK_DUMPING}, OVERDUE, {NO}, {STAY}, ABORTED, ENDS},
    [TASK_KILLING] = {{STAY}, {NO}, {STAY}, {STAY}, {STAY}, {TASK_KILLING, ACT_KILL_AGAIN}, {NO}, {STAY}, {STAY}, ENDS},
};
/* clang-format on */

START_TEST(every_cell)
{
    enum task_state state = (enum task_state)(_i / TASK_EVENTS);
    enum task_event event = (enum task_event)(_i % TASK_EVENTS);
    const struct expected *e = &table[state][event];
    struct fsm_step step = {.next = TASK_STATES};
    bool legal = fsm_next(state, event, &step);
    ck_assert_msg(legal == (e->next != NO), "%s + %s: legal %d", task_state_name(state), task_event_name(event), legal);
    if (!legal) {
        ck_assert_msg(step.next == TASK_STATES, "%s + %s: touched", task_state_name(state), task_event_name(event));
        return;
    }
    int next = e->next == STAY ? (int)state : e->next;
    ck_assert_msg((int)step.next == next, "%s + %s -> %s", task_state_name(state), task_event_name(event),
                  task_state_name(step.next));
    ck_assert_msg(step.actions == e->actions, "%s + %s: actions %x", task_state_name(state), task_event_name(event),
                  step.actions);
    ck_assert_msg(step.moved == (e->next != STAY), "%s + %s: moved %d", task_state_name(state), task_event_name(event),
                  step.moved);
}
END_TEST

/* No spawn where a process is, and none out of a stop. */
START_TEST(only_the_lifeless_spawn)
{
    for (int s = 0; s < TASK_STATES; s++)
        for (int e = 0; e < TASK_EVENTS; e++) {
            struct fsm_step step;
            if (!fsm_next((enum task_state)s, (enum task_event)e, &step) || !(step.actions & ACT_SPAWN))
                continue;
            ck_assert(!fsm_alive((enum task_state)s));
            ck_assert(e == ON_START);
        }
}
END_TEST

/* B4: a stop never goes back. */
START_TEST(a_stop_only_advances)
{
    static const int rank[TASK_STATES] = {
        [TASK_PRE_STOP] = 1, [TASK_STOPPING] = 2, [TASK_TERMINATING] = 3, [TASK_DUMPING] = 4, [TASK_KILLING] = 5};
    for (int s = 0; s < TASK_STATES; s++)
        for (int e = 0; e < TASK_EVENTS; e++) {
            struct fsm_step step;
            if (rank[s] && fsm_next((enum task_state)s, (enum task_event)e, &step) && fsm_alive(step.next))
                ck_assert_int_ge(rank[step.next], rank[s]);
        }
}
END_TEST

START_TEST(every_state_has_a_name_of_its_own)
{
    for (int s = 0; s < TASK_STATES; s++)
        for (int o = 0; o < s; o++)
            ck_assert_str_ne(task_state_name((enum task_state)s), task_state_name((enum task_state)o));
    for (int e = 0; e < TASK_EVENTS; e++)
        ck_assert_ptr_nonnull(task_event_name((enum task_event)e));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, every_cell, 0, TASK_STATES * TASK_EVENTS);
    tcase_add_test(tc, only_the_lifeless_spawn);
    tcase_add_test(tc, a_stop_only_advances);
    tcase_add_test(tc, every_state_has_a_name_of_its_own);
}

int main(void)
{
    return suite_run("fsm", (void (*const[])(TCase *)){add, NULL});
}
