/* The library against a supervisor that the test plays itself: two processes, a real socketpair. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

#define BYTES(text) text, sizeof text - 1

START_TEST(opening_takes_the_descriptor_and_the_input)
{
    open_greeted();
    ck_assert_ptr_null(getenv("TASKD_FD"));
    ck_assert_int_eq(fcntl(taskd_fd(t), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_str_eq(taskd_id(t), "w@1");
    ck_assert_str_eq(taskd_input(t), "{\"a\":[1]}");
    ck_assert_str_eq(taskd_resume(t), "7");
    ck_assert_int_eq(taskd_remaining_ms(t), -1);
    taskd_close(t);
}
END_TEST

/* No unit may begin before taskd knows that this program speaks. */
START_TEST(opening_waits_for_the_answer)
{
    char byte;
    int done[2];
    ck_assert_int_eq(pipe(done), 0);
    pair();
    pid_t child = fork();
    if (child == 0) {
        close(peer);
        if (taskd_open(&t) == 1 && write(done[1], "x", 1) == 1)
            taskd_close(t);
        _exit(0);
    }
    struct pollfd hello = {.fd = peer, .events = POLLIN}, opened = {.fd = done[0], .events = POLLIN};
    ck_assert_int_eq(poll(&hello, 1, -1), 1);
    ck_assert_int_eq(poll(&opened, 1, 200), 0);
    say("{\"type\":\"x-later\"}\n");
    say(HELLO);
    ck_assert_int_eq(read(done[0], &byte, 1), 1);
    waitpid(child, NULL, 0);
}
END_TEST

START_TEST(a_stop_or_an_end_while_opening_is_a_stop)
{
    pair();
    say_stop(1000);
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert(taskd_should_stop(t));
    ck_assert_int_eq(taskd_begin(t, "u"), -ECANCELED);
    taskd_close(t);
    pair();
    shutdown(peer, SHUT_RDWR);
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert(taskd_should_stop(t));
    taskd_close(t);
}
END_TEST

static const struct {
    const char *text;
    int error;
} bad_fds[] = {{"", -EBADF},   {"x", -EBADF},           {"3x", -EBADF},  {" 3", -EBADF},
               {"-1", -EBADF}, {"99999999999", -EBADF}, {"777", -EBADF}, {"0", -ENOTSOCK}};

START_TEST(a_bad_descriptor_is_an_error)
{
    taskd *untouched = (taskd *)&peer;
    ck_assert_int_eq(dup2(open("/dev/null", O_RDONLY), 0), 0);
    setenv("TASKD_FD", bad_fds[_i].text, 1);
    ck_assert_int_eq(taskd_open(&untouched), bad_fds[_i].error);
    ck_assert_ptr_eq(untouched, (taskd *)&peer);
}
END_TEST

START_TEST(one_that_does_not_speak_the_protocol_is_an_error)
{
    pair();
    say("220 mail.example ESMTP\n");
    ck_assert_int_eq(taskd_open(&t), -EPROTO);
}
END_TEST

/* Any descriptor will do, and waiting for the answer is no work. */
static const int numbers[] = {0, 9, 10};

START_TEST(any_descriptor_may_be_the_channel)
{
    int fds[2];
    char number[16];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer = fcntl(fds[0], F_DUPFD, 20);
    int end = fcntl(fds[1], F_DUPFD, 20);
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(dup2(end, numbers[_i]), numbers[_i]);
    close(end);
    snprintf(number, sizeof number, "%d", numbers[_i]);
    setenv("TASKD_FD", number, 1);
    say(HELLO);
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert(strncmp(heard(), BYTES("{\"type\":\"hello\",\"v\":1,\"sdk\":\"c/")) == 0);
    say_stop(1000);
    ck_assert_int_eq(taskd_dispatch(t), TASKD_STOP);
    taskd_close(t);
    ck_assert_int_eq(fcntl(numbers[_i], F_GETFD), -1);
}
END_TEST

/* A worker is not refused for what stood before the stop that it must hear. */
START_TEST(a_stop_behind_garbage_while_opening_is_a_stop)
{
    pair();
    say("garbage\n{\"type\":\"stop\"}\n");
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert(taskd_should_stop(t));
    taskd_close(t);
}
END_TEST

START_TEST(by_hand_everything_succeeds_and_nothing_happens)
{
    struct taskd_unit u;
    unsetenv("TASKD_FD");
    ck_assert_int_eq(taskd_open(&t), 0);
    ck_assert_int_eq(taskd_fd(t), -1);
    ck_assert(!taskd_should_stop(t));
    ck_assert_int_eq(taskd_dispatch(t), 0);
    ck_assert_int_eq(taskd_remaining_ms(t), -1);
    ck_assert_int_eq(taskd_ready(t), 0);
    ck_assert_int_eq(taskd_begin(t, "u"), 0);
    ck_assert_int_eq(taskd_progress(t, "u", 1, 2, "m"), 0);
    ck_assert_int_eq(taskd_end(t, "u"), 0);
    ck_assert_int_eq(taskd_fail(t, "u", "t", "m", true), 0);
    ck_assert_int_eq(taskd_next(t, &u), 0);
    ck_assert_int_eq(taskd_heartbeat(t), 0);
    ck_assert_int_eq(taskd_status(t, "s"), 0);
    ck_assert_int_eq(taskd_extend(t, 5), 0);
    ck_assert_int_eq(taskd_log(t, 6, "m"), 0);
    ck_assert_int_eq(taskd_result(t, "{}", true), 0);
    ck_assert_int_eq(taskd_result(t, "{", true), -EINVAL);
    ck_assert_ptr_null(taskd_input(t));
    ck_assert_ptr_null(taskd_resume(t));
    ck_assert_ptr_null(taskd_id(t));
    taskd_close(t);
    taskd_close(NULL);
}
END_TEST

START_TEST(the_stop_is_acknowledged_once_and_nothing_begins_after_it)
{
    open_greeted();
    ck_assert_int_eq(taskd_begin(t, "one"), 0);
    ck_assert(!taskd_should_stop(t));
    heard();
    say_stop(5000);
    say_stop(4000);
    ck_assert(taskd_should_stop(t));
    ck_assert_str_eq(heard(), "{\"type\":\"stopping\",\"finishing\":\"one\"}\n");
    ck_assert_int_eq(taskd_dispatch(t) & TASKD_STOP, TASKD_STOP);
    ck_assert_int_le(taskd_remaining_ms(t), 4000);
    ck_assert_int_eq(taskd_begin(t, "two"), -ECANCELED);
    ck_assert_str_eq(heard(), "");
    ck_assert_int_eq(taskd_end(t, "one"), 0);
    ck_assert_str_eq(heard(), "{\"type\":\"end\",\"unit\":\"one\",\"ok\":true}\n");
    taskd_close(t);
}
END_TEST

START_TEST(losing_taskd_is_a_stop_and_no_signal)
{
    open_greeted();
    signal(SIGPIPE, SIG_DFL);
    close(peer);
    ck_assert_int_eq(taskd_begin(t, "u"), -EPIPE);
    ck_assert(taskd_should_stop(t));
    ck_assert_int_eq(taskd_end(t, "u"), -EPIPE);
    ck_assert_int_eq(taskd_begin(t, "u"), -ECANCELED);
    taskd_close(t);
}
END_TEST

/* Where something was still unread at the other end, the loss looks different from here. */
START_TEST(taskd_may_die_with_its_ears_full)
{
    open_greeted();
    ck_assert_int_eq(taskd_ready(t), 0);
    close(peer);
    ck_assert(taskd_should_stop(t));
    ck_assert_int_eq(taskd_end(t, "u"), -EPIPE);
    taskd_close(t);
}
END_TEST

static const struct {
    const char *did; /* +x: x began; -x: x ended */
    const char *acknowledgement;
} finishing[] = {
    {"", "{\"type\":\"stopping\"}\n"},
    {"+a", "{\"type\":\"stopping\",\"finishing\":\"a\"}\n"},
    {"+a-a", "{\"type\":\"stopping\"}\n"},
    {"+a-a+b", "{\"type\":\"stopping\",\"finishing\":\"b\"}\n"},
    {"+a+b-a", "{\"type\":\"stopping\",\"finishing\":\"b\"}\n"},
};

START_TEST(the_acknowledgement_names_what_is_open)
{
    open_greeted();
    for (const char *did = finishing[_i].did; *did; did += 2)
        ck_assert_int_eq((*did == '+' ? taskd_begin : taskd_end)(t, (char[]){did[1], '\0'}), 0);
    heard();
    say_stop(1000);
    ck_assert(taskd_should_stop(t));
    ck_assert_str_eq(heard(), finishing[_i].acknowledgement);
    taskd_close(t);
}
END_TEST

START_TEST(a_stop_may_come_in_pieces_and_among_nonsense)
{
    static const char *const pieces[] = {"nonsense\n[1]\n{\"type\":7}\n{\"type\":\"x-y\"}\n{\"ty", "pe\":\"st",
                                         "op\",\"deadline_mono_ms\":-1}"};
    open_greeted();
    for (size_t i = 0; i < 3; i++) {
        say(pieces[i]);
        ck_assert(!taskd_should_stop(t));
    }
    say("\n");
    ck_assert(taskd_should_stop(t));
    ck_assert(taskd_remaining_ms(t) == INT64_MAX);
    taskd_close(t);
}
END_TEST

START_TEST(extended_moves_the_deadline_outwards_only)
{
    open_greeted();
    say_stop(1000);
    ck_assert(taskd_should_stop(t));
    say("{\"type\":\"extended\",\"granted_ms\":60000}\n");
    taskd_dispatch(t);
    ck_assert_int_gt(taskd_remaining_ms(t), 50000);
    say("{\"type\":\"extended\",\"granted_ms\":10}\n");
    taskd_dispatch(t);
    ck_assert_int_gt(taskd_remaining_ms(t), 50000);
    say_stop(-5);
    taskd_dispatch(t);
    ck_assert_int_eq(taskd_remaining_ms(t), 0);
    taskd_close(t);
}
END_TEST

START_TEST(a_stop_while_opening_is_acknowledged_at_once)
{
    pair();
    say_stop(1000);
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert_ptr_nonnull(strstr(heard(), "{\"type\":\"stopping\"}\n"));
    say(HELLO);
    taskd_dispatch(t);
    ck_assert_str_eq(taskd_id(t), "w@1");
    taskd_close(t);
    ck_assert_str_eq(heard(), "");
}
END_TEST

/* However much stands before it. */
START_TEST(a_stop_behind_much_else_is_seen_at_once)
{
    open_greeted();
    for (int i = 0; i < 100; i++)
        say("{\"type\":\"error\",\"code\":\"bad_message\",\"detail\":\"so much of this that it does not fit into one "
            "read\"}\n");
    say_stop(1000);
    ck_assert(taskd_should_stop(t));
    taskd_close(t);

    open_greeted();
    for (int i = 0; i < 100; i++)
        say("{\"type\":\"error\",\"code\":\"bad_message\",\"detail\":\"so much of this that it does not fit into one "
            "read\"}\n");
    shutdown(peer, SHUT_RDWR);
    ck_assert_int_eq(taskd_begin(t, "u"), -EPIPE);
    ck_assert_int_eq(taskd_begin(t, "u"), -ECANCELED);
    taskd_close(t);
}
END_TEST

/* A line that memory did not suffice for looks the same from here. */
START_TEST(a_stop_that_cannot_be_read_is_a_stop)
{
    setenv("TASKD_GRACE_MS", "60000", 1);
    open_greeted();
    say("{\"type\":\"stop\",\"grace_ms\":}\n");
    ck_assert(taskd_should_stop(t));
    ck_assert_int_gt(taskd_remaining_ms(t), 50000);
    taskd_close(t);
}
END_TEST

static const struct {
    const char *grace;
    int64_t least, most;
} graces[] = {
    {"-1", INT64_MAX, INT64_MAX}, {"9223372036854775807", INT64_MAX, INT64_MAX}, {"0", 0, 0}, {"60000", 50000, 60000}};

/* Nobody kills any more; the time that was promised is still what a worker may plan with. */
START_TEST(without_taskd_the_grace_is_that_of_the_environment)
{
    setenv("TASKD_GRACE_MS", graces[_i].grace, 1);
    open_greeted();
    close(peer);
    ck_assert(taskd_should_stop(t));
    ck_assert(taskd_remaining_ms(t) >= graces[_i].least && taskd_remaining_ms(t) <= graces[_i].most);
    taskd_close(t);
}
END_TEST

START_TEST(the_time_left_is_what_taskd_said_last)
{
    open_greeted();
    say_stop(1000);
    ck_assert(taskd_should_stop(t));
    say("{\"type\":\"extended\",\"granted_ms\":60000}\n");
    ck_assert_int_gt(taskd_remaining_ms(t), 50000);
    say_stop(-5);
    ck_assert_int_eq(taskd_remaining_ms(t), 0);
    say("{\"type\":\"extended\",\"granted_ms\":9223372036854775807}\n");
    ck_assert(taskd_remaining_ms(t) == INT64_MAX);
    taskd_close(t);
}
END_TEST

START_TEST(what_the_caller_was_told_does_not_change)
{
    open_greeted();
    const char *id = taskd_id(t), *input = taskd_input(t);
    say("{\"type\":\"hello\",\"v\":1,\"id\":\"other@9\",\"input\":2}\n");
    taskd_dispatch(t);
    ck_assert_str_eq(id, "w@1");
    ck_assert_ptr_eq(taskd_id(t), id);
    ck_assert_ptr_eq(taskd_input(t), input);
    taskd_close(t);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

static void add(TCase *tc)
{
    tcase_add_test(tc, opening_takes_the_descriptor_and_the_input);
    tcase_add_test(tc, opening_waits_for_the_answer);
    tcase_add_test(tc, a_stop_or_an_end_while_opening_is_a_stop);
    tcase_add_loop_test(tc, a_bad_descriptor_is_an_error, 0, sizeof bad_fds / sizeof *bad_fds);
    tcase_add_test(tc, one_that_does_not_speak_the_protocol_is_an_error);
    tcase_add_loop_test(tc, any_descriptor_may_be_the_channel, 0, ROWS(numbers));
    tcase_add_test(tc, a_stop_behind_garbage_while_opening_is_a_stop);
    tcase_add_test(tc, by_hand_everything_succeeds_and_nothing_happens);
    tcase_add_test(tc, the_stop_is_acknowledged_once_and_nothing_begins_after_it);
    tcase_add_test(tc, losing_taskd_is_a_stop_and_no_signal);
    tcase_add_test(tc, taskd_may_die_with_its_ears_full);
    tcase_add_loop_test(tc, the_acknowledgement_names_what_is_open, 0, ROWS(finishing));
    tcase_add_test(tc, a_stop_may_come_in_pieces_and_among_nonsense);
    tcase_add_test(tc, extended_moves_the_deadline_outwards_only);
    tcase_add_test(tc, a_stop_while_opening_is_acknowledged_at_once);
    tcase_add_test(tc, a_stop_behind_much_else_is_seen_at_once);
    tcase_add_test(tc, a_stop_that_cannot_be_read_is_a_stop);
    tcase_add_loop_test(tc, without_taskd_the_grace_is_that_of_the_environment, 0, ROWS(graces));
    tcase_add_test(tc, the_time_left_is_what_taskd_said_last);
    tcase_add_test(tc, what_the_caller_was_told_does_not_change);
}

int main(void)
{
    return suite_run("libtaskd", (void (*const[])(TCase *)){add, NULL});
}
