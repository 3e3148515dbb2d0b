#include <errno.h>
#include <signal.h>

#include "suite.h"
#include "taskd/outcome.h"

struct row {
    const char *what;
    struct outcome_input in;
    struct outcome_verdict want;
    int status;
    int told_by;
};

static const struct row rows[] = {
    {"no such file", {.exec_error = ENOENT}, {OUTCOME_UNSTARTED, HOW_NONE, CAUSE_NONE}, 127, 0},
    {"not a directory", {.exec_error = ENOTDIR}, {OUTCOME_UNSTARTED, HOW_NONE, CAUSE_NONE}, 127, 0},
    {"not executable", {.exec_error = EACCES}, {OUTCOME_UNSTARTED, HOW_NONE, CAUSE_NONE}, 126, 0},
    {"exit 0", {0}, {OUTCOME_OK, HOW_NONE, CAUSE_NONE}, 0, 0},
    {"exit 7", {.code = 7}, {OUTCOME_FAILED, HOW_NONE, CAUSE_NONE}, 7, 0},
    {"SEGV", {.signal = SIGSEGV}, {OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE}, 128 + SIGSEGV, 0},
    {"a stranger's KILL", {.signal = SIGKILL}, {OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE}, 137, 0},
    {"a stranger's KILL during a stop",
     {.signal = SIGKILL, .stop_pending = true},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE},
     137,
     0},
    {"a stranger's TERM after our KILL was sent",
     {.signal = SIGTERM, .sent = {[SENT_KILL] = SIGKILL}, .stop_pending = true},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE},
     128 + SIGTERM,
     0},
    {"cooperative by ^C", {.stop_pending = true}, {OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE}, 130, SIGINT},
    {"cooperative by TERM", {.stop_pending = true}, {OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE}, 143, SIGTERM},
    {"cooperative by the CLI", {.stop_pending = true}, {OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE}, 0, 0},
    {"complete in spite of the stop",
     {.stop_pending = true, .result_complete = true},
     {OUTCOME_OK, HOW_COOPERATIVE, CAUSE_NONE},
     0,
     SIGINT},
    {"failed during the stop",
     {.code = 3, .stop_pending = true},
     {OUTCOME_FAILED, HOW_COOPERATIVE, CAUSE_NONE},
     3,
     SIGTERM},
    {"grace is over",
     {.signal = SIGKILL, .sent = {[SENT_KILL] = SIGKILL}, .stop_pending = true},
     {OUTCOME_CANCELLED, HOW_KILLED, CAUSE_NONE},
     137,
     SIGTERM},
    {"grace is over, SIGTERM did it",
     {.signal = SIGTERM, .sent = {[SENT_TERM] = SIGTERM}, .stop_pending = true},
     {OUTCOME_CANCELLED, HOW_KILLED, CAUSE_NONE},
     137,
     0},
    {"abort",
     {.signal = SIGKILL, .sent = {[SENT_ABORT] = SIGKILL}, .stop_pending = true},
     {OUTCOME_CANCELLED, HOW_ABORTED, CAUSE_NONE},
     137,
     0},
    {"abort came too late",
     {.sent = {[SENT_ABORT] = SIGKILL}, .result_complete = true, .stop_pending = true},
     {OUTCOME_OK, HOW_COOPERATIVE, CAUSE_NONE},
     0,
     0},
    {"a unit took too long",
     {.signal = SIGKILL, .sent = {[SENT_FAULT] = SIGKILL}, .cause = CAUSE_UNIT_TIMEOUT},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_UNIT_TIMEOUT},
     137,
     0},
    {"never ready",
     {.signal = SIGKILL, .sent = {[SENT_FAULT] = SIGKILL}, .cause = CAUSE_START_TIMEOUT},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_START_TIMEOUT},
     137,
     0},
    {"wedged, and it left a core",
     {.signal = SIGABRT, .sent = {[SENT_DUMP] = SIGABRT, [SENT_FAULT] = SIGKILL}, .cause = CAUSE_WATCHDOG},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_WATCHDOG},
     134,
     0},
    {"out of memory", {.signal = SIGKILL, .oom_kill = true}, {OUTCOME_PANICKED, HOW_NONE, CAUSE_OOM}, 137, 0},
    {"an abort beside an OOM kill is an abort",
     {.signal = SIGKILL, .oom_kill = true, .sent = {[SENT_ABORT] = SIGKILL}, .stop_pending = true},
     {OUTCOME_CANCELLED, HOW_ABORTED, CAUSE_NONE},
     137,
     0},
    {"a code that counts as success", {.code = 143, .code_is_success = true}, {OUTCOME_OK, HOW_NONE, CAUSE_NONE}, 0, 0},
    {"stop_signal on a silent worker",
     {.signal = SIGTERM, .sent = {[SENT_STOP_SIGNAL] = SIGTERM}, .stop_pending = true, .silent = true},
     {OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE},
     143,
     SIGTERM},
    {"stop_signal won the race with the abort",
     {.signal = SIGTERM,
      .sent = {[SENT_STOP_SIGNAL] = SIGTERM, [SENT_ABORT] = SIGKILL},
      .stop_pending = true,
      .silent = true},
     {OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE},
     130,
     SIGINT},
    {"the second SIGTERM after the grace",
     {.signal = SIGTERM,
      .sent = {[SENT_STOP_SIGNAL] = SIGTERM, [SENT_TERM] = SIGTERM},
      .stop_pending = true,
      .silent = true},
     {OUTCOME_CANCELLED, HOW_KILLED, CAUSE_NONE},
     137,
     SIGINT},
    {"stop_signal on one that spoke",
     {.signal = SIGTERM, .sent = {[SENT_STOP_SIGNAL] = SIGTERM}, .stop_pending = true},
     {OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE},
     128 + SIGTERM,
     SIGTERM},
};

START_TEST(rule)
{
    const struct row *r = &rows[_i];
    struct outcome_verdict v = outcome_decide(&r->in);
    ck_assert_msg(v.outcome == r->want.outcome, "%s: %s", r->what, outcome_name(v.outcome));
    ck_assert_msg(v.how == r->want.how, "%s: how %d", r->what, v.how);
    ck_assert_msg(v.cause == r->want.cause, "%s: cause %d", r->what, v.cause);
    ck_assert_msg(outcome_exit_status(&v, &r->in, r->told_by) == r->status, "%s: status %d", r->what,
                  outcome_exit_status(&v, &r->in, r->told_by));
}
END_TEST

START_TEST(names_are_found_again)
{
    for (int o = 0; o < OUTCOMES; o++)
        ck_assert_int_eq(outcome_find(outcome_name((enum outcome)o)), o);
    for (int h = HOW_NONE + 1; h < HOWS; h++)
        ck_assert_int_eq(stop_how_find(stop_how_name((enum stop_how)h)), h);
    for (int r = STOP_NONE + 1; r < STOP_REASONS; r++)
        ck_assert_ptr_nonnull(stop_reason_name((enum stop_reason)r));
    for (int c = CAUSE_NONE + 1; c < CAUSES; c++)
        ck_assert_ptr_nonnull(cause_name((enum cause)c));
    ck_assert_int_eq(outcome_find("strange"), OUTCOMES);
    ck_assert_ptr_null(stop_how_name(HOW_NONE));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, rule, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tc, names_are_found_again);
}

int main(void)
{
    return suite_run("outcome", (void (*const[])(TCase *)){add, NULL});
}
