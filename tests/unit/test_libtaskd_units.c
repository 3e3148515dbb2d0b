/* Units that taskd hands out: asked for, begun, given back. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

START_TEST(units_are_handed_out_one_at_a_time)
{
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\",\"data\":{\"x\":1},\"attempt\":2,\"timeout_ms\":50}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_str_eq(u.id, "a");
    ck_assert_str_eq(u.data, "{\"x\":1}");
    ck_assert_int_eq(u.attempt, 2);
    ck_assert_int_eq(u.timeout_ms, 50);
    ck_assert_str_eq(heard(), "");
    say("{\"type\":\"drain\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 0);
    ck_assert(!taskd_should_stop(t));
    taskd_close(t);
}
END_TEST

START_TEST(a_stop_gives_the_waiting_unit_back)
{
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
    say_stop(100);
    ck_assert_int_eq(taskd_next(t, &u), 0);
    ck_assert_ptr_nonnull(strstr(heard(), "{\"type\":\"release\",\"unit\":\"a\"}\n"));
    taskd_close(t);

    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"b\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    say_stop(100);
    ck_assert(taskd_should_stop(t));
    ck_assert_int_eq(taskd_begin(t, u.id), -ECANCELED);
    ck_assert_ptr_nonnull(strstr(heard(), "{\"type\":\"release\",\"unit\":\"b\"}\n"));
    taskd_close(t);

    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"c\"}\n");
    ck_assert_int_eq(taskd_dispatch(t), TASKD_UNIT);
    taskd_close(t);
    ck_assert_ptr_nonnull(strstr(heard(), "{\"type\":\"release\",\"unit\":\"c\"}\n"));
}
END_TEST

/* An event loop may hold what it was given while more is read. */
START_TEST(a_unit_stays_whole_while_the_next_one_arrives)
{
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\",\"data\":1}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_int_eq(taskd_begin(t, u.id), 0);
    say("{\"type\":\"unit\",\"unit\":\"b\"}\n");
    ck_assert_int_eq(taskd_dispatch(t), TASKD_UNIT);
    ck_assert_str_eq(u.id, "a");
    ck_assert_str_eq(u.data, "1");
    ck_assert_int_eq(taskd_end(t, u.id), 0);
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_str_eq(u.id, "b");
    taskd_close(t);
}
END_TEST

START_TEST(what_was_handed_out_and_not_begun_is_given_back_once)
{
    static const char release[] = "{\"type\":\"release\",\"unit\":\"a\"}\n";
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    say_stop(100);
    ck_assert(taskd_should_stop(t));
    ck_assert_str_eq(heard(), "{\"type\":\"release\",\"unit\":\"a\"}\n{\"type\":\"stopping\"}\n");
    ck_assert_int_eq(taskd_begin(t, u.id), -ECANCELED);
    taskd_close(t);
    ck_assert_str_eq(heard(), "");

    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    taskd_close(t);
    ck_assert_str_eq(heard(), release);

    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    taskd_begin(t, u.id);
    taskd_end(t, u.id);
    say_stop(100);
    ck_assert(taskd_should_stop(t));
    taskd_close(t);
    ck_assert_ptr_null(strstr(heard(), "release"));
}
END_TEST

/* A unit is asked for once, whatever else taskd says meanwhile; one that was not begun is given back before the next.
 */
static bool hand_out(void)
{
    static const char next[] = "{\"type\":\"next\",\"slots\":1}\n";
    if (!hears(next))
        return false;
    say("{\"type\":\"x-later\"}\n");
    say("{\"type\":\"unit\"}\n{\"type\":\"unit\",\"unit\":\"a\"}\n");
    if (!hears("{\"type\":\"begin\",\"unit\":\"a\"}\n{\"type\":\"end\",\"unit\":\"a\",\"ok\":true}\n") || !hears(next))
        return false;
    say("{\"type\":\"unit\",\"unit\":\"b\",\"attempt\":3}\n");
    return hears("{\"type\":\"release\",\"unit\":\"b\"}\n") && hears(next);
}

START_TEST(next_asks_once_and_waits)
{
    struct taskd_unit u;
    int status;
    open_greeted();
    pid_t supervisor = fork();
    if (supervisor == 0) {
        close(taskd_fd(t));
        _exit(hand_out() ? 0 : 1);
    }
    close(peer);
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_str_eq(u.id, "a");
    ck_assert_ptr_null(u.data);
    ck_assert_int_eq(u.attempt, 1);
    ck_assert_int_eq(u.timeout_ms, -1);
    ck_assert_int_eq(taskd_begin(t, u.id), 0);
    ck_assert_int_eq(taskd_end(t, u.id), 0);
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_str_eq(u.id, "b");
    ck_assert_int_eq(u.attempt, 3);
    ck_assert_int_eq(taskd_next(t, &u), 0); /* the supervisor is gone */
    ck_assert(taskd_should_stop(t));
    waitpid(supervisor, &status, 0);
    ck_assert_int_eq(status, 0);
    taskd_close(t);
}
END_TEST

static void on_alarm(int signal)
{
    (void)signal;
}

/* Signals that interrupt change nothing, and waiting is no work. */
START_TEST(waiting_for_a_unit_sleeps_through_signals)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct taskd_unit u;
    struct rusage used;
    open_greeted();
    pid_t supervisor = fork();
    if (supervisor == 0) {
        close(taskd_fd(t));
        hears("{\"type\":\"next\",\"slots\":1}\n");
        struct timeval quiet = {.tv_usec = 500000}; /* nothing is said for so long */
        char byte;
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof quiet);
        if (recv(peer, &byte, 1, 0) < 0)
            say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof quiet);
        recv(peer, &byte, 1, 0); /* the worker goes first: losing this process would be a stop */
        _exit(0);
    }
    close(peer);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int r = taskd_next(t, &u);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    getrusage(RUSAGE_SELF, &used);
    ck_assert_int_eq(r, 1);
    ck_assert_str_eq(u.id, "a");
    ck_assert_int_eq(used.ru_utime.tv_sec + used.ru_stime.tv_sec, 0);
    ck_assert_int_lt(used.ru_utime.tv_usec + used.ru_stime.tv_usec, 200000);
    ck_assert_int_eq(taskd_begin(t, u.id), 0);
    taskd_close(t);
    waitpid(supervisor, NULL, 0);
}
END_TEST

/* One is asked for at a time: what comes on top of it is not taken. */
START_TEST(a_second_unit_does_not_replace_the_first)
{
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n{\"type\":\"unit\",\"unit\":\"b\"}\n{\"type\":\"drain\"}\n");
    ck_assert_int_eq(taskd_dispatch(t), TASKD_UNIT | TASKD_DRAIN);
    ck_assert_int_eq(taskd_next(t, &u), 1);
    ck_assert_str_eq(u.id, "a");
    ck_assert_int_eq(taskd_next(t, &u), 0);
    ck_assert_str_eq(heard(), "{\"type\":\"release\",\"unit\":\"a\"}\n");
    taskd_close(t);
}
END_TEST

/* Another unit's beginning or end says nothing about the one that was handed out; its own end does. */
static const struct {
    const char *began, *ended;
    bool owed;
} others[] = {{"x", NULL, true}, {NULL, "x", true}, {NULL, "a", false}, {"a", NULL, false}};

START_TEST(what_was_handed_out_is_owed_until_it_began)
{
    struct taskd_unit u;
    open_greeted();
    say("{\"type\":\"unit\",\"unit\":\"a\"}\n");
    ck_assert_int_eq(taskd_next(t, &u), 1);
    if (others[_i].began)
        taskd_begin(t, others[_i].began);
    if (others[_i].ended)
        taskd_end(t, others[_i].ended);
    say_stop(1000);
    ck_assert(taskd_should_stop(t));
    ck_assert_int_eq(strstr(heard(), "\"release\"") != NULL, others[_i].owed);
    taskd_close(t);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, units_are_handed_out_one_at_a_time);
    tcase_add_test(tc, a_stop_gives_the_waiting_unit_back);
    tcase_add_test(tc, a_unit_stays_whole_while_the_next_one_arrives);
    tcase_add_test(tc, what_was_handed_out_and_not_begun_is_given_back_once);
    tcase_add_loop_test(tc, what_was_handed_out_is_owed_until_it_began, 0, sizeof others / sizeof *others);
    tcase_add_test(tc, next_asks_once_and_waits);
    tcase_add_test(tc, waiting_for_a_unit_sleeps_through_signals);
    tcase_add_test(tc, a_second_unit_does_not_replace_the_first);
}

int main(void)
{
    return suite_run("libtaskd_units", (void (*const[])(TCase *)){add, NULL});
}
