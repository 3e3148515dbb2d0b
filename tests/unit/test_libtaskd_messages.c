/* What the library says: exactly this, whole, and nothing that taskd would refuse. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

START_TEST(messages_are_what_the_protocol_says)
{
    open_greeted();
    taskd_ready(t);
    ck_assert_str_eq(heard(), "{\"type\":\"ready\"}\n");
    taskd_begin(t, "\xff \"u\"\n");
    ck_assert_str_eq(heard(), "{\"type\":\"begin\",\"unit\":\"\xEF\xBF\xBD \\\"u\\\"\\n\"}\n");
    taskd_progress(t, "u", 3, -1, NULL);
    ck_assert_str_eq(heard(), "{\"type\":\"progress\",\"unit\":\"u\",\"done\":3}\n");
    taskd_progress(t, "u", 0, 0, NULL);
    ck_assert_str_eq(heard(), "{\"type\":\"progress\",\"unit\":\"u\",\"done\":0,\"total\":0}\n");
    taskd_progress(t, "u", INT64_MAX, 9, "m");
    ck_assert_str_eq(heard(),
                     "{\"type\":\"progress\",\"unit\":\"u\",\"done\":9007199254740992,\"total\":9,\"msg\":\"m\"}\n");
    taskd_fail(t, "u", "T", "M", true);
    ck_assert_str_eq(
        heard(),
        "{\"type\":\"end\",\"unit\":\"u\",\"ok\":false,\"error\":{\"type\":\"T\",\"message\":\"M\",\"retry\":true}}\n");
    taskd_heartbeat(t);
    taskd_status(t, "s");
    taskd_extend(t, -5);
    taskd_log(t, 3, "l");
    ck_assert_str_eq(heard(),
                     "{\"type\":\"heartbeat\"}\n{\"type\":\"status\",\"text\":\"s\"}\n{\"type\":\"extend\",\"ms\":0}\n"
                     "{\"type\":\"log\",\"level\":\"error\",\"msg\":\"l\"}\n");
    taskd_log(t, 99, "l");
    ck_assert_ptr_nonnull(strstr(heard(), "\"debug\""));
    ck_assert_int_eq(taskd_result(t, "{\n \"n\": 1 }", false), 0);
    ck_assert_str_eq(heard(), "{\"type\":\"result\",\"value\":{\"n\":1},\"complete\":false}\n");
    ck_assert_int_eq(taskd_result(t, NULL, true), 0);
    ck_assert_str_eq(heard(), "{\"type\":\"result\",\"value\":null,\"complete\":true}\n");
    taskd_close(t);
}
END_TEST

static const struct {
    const char *says;
    size_t name;
    int begins;
} longest[] = {
    {"2000", 1800, 0},     {"2000", 2000, -EMSGSIZE},     {"1024", 1024, -EMSGSIZE}, {"1024", 900, 0},
    {"1048576", 99000, 0}, {"1048577", 99000, -EMSGSIZE}, {"\"2000\"", 3000, 0},     {"-1", 3000, 0},
    {"0", 3000, 0},        {"null", 99000, -EMSGSIZE},    {"9e9", 99000, -EMSGSIZE},
};

/* taskd says how much it takes; what makes no sense is passed over. */
START_TEST(the_longest_message_is_what_taskd_says)
{
    static char name[100000];
    char line[100];
    pair();
    snprintf(line, sizeof line, "{\"type\":\"hello\",\"max_message\":%s}\n", longest[_i].says);
    say(line);
    ck_assert_int_eq(taskd_open(&t), 1);
    memset(name, 'x', longest[_i].name);
    name[longest[_i].name] = '\0';
    heard();
    ck_assert_int_eq(taskd_begin(t, name), longest[_i].begins);
    ck_assert_int_eq(*heard() != '\0', longest[_i].begins == 0);
    ck_assert_ptr_null(taskd_id(t));
    ck_assert_ptr_null(taskd_input(t));
    taskd_close(t);
}
END_TEST

START_TEST(what_taskd_would_refuse_is_not_sent)
{
    static char huge[70000];
    open_greeted();
    memset(huge, 'x', sizeof huge - 1);
    ck_assert_int_eq(taskd_begin(t, huge), -EMSGSIZE);
    ck_assert_int_eq(taskd_result(t, "nonsense", true), -EINVAL);
    ck_assert_int_eq(taskd_result(t, "{\"a\":1,\"a\":2}", true), -EINVAL);
    ck_assert_int_eq(taskd_result(t, "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", true), -EINVAL);
    ck_assert_str_eq(heard(), "");
    ck_assert_int_eq(taskd_fail(t, "u", "T", huge, false), 0);
    ck_assert_int_lt(strlen(heard()), 3000);
    taskd_close(t);
}
END_TEST

/* The caller's event loop may have made the descriptor non-blocking: a full socket is waited for all the same. */
START_TEST(a_full_socket_loses_nothing)
{
    enum { COUNT = 5000 };
    int lines = 0;
    open_greeted();
    ck_assert_int_eq(fcntl(taskd_fd(t), F_SETFL, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        close(peer);
        for (int i = 0; i < COUNT; i++)
            if (taskd_status(
                    t,
                    "a line that is long enough to fill the buffer of a socket soon, so that it has to wait for us") <
                0)
                _exit(1);
        _exit(0);
    }
    taskd_close(t);
    char buffer[4096];
    ssize_t n;
    while ((n = recv(peer, buffer, sizeof buffer, 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += buffer[i] == '\n';
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(lines, COUNT);
}
END_TEST

/* For every name: a unit that could begin can also end, and be named in the acknowledgement. */
START_TEST(a_unit_that_began_can_end)
{
    static char name[66000], reason[3000];
    memset(reason, '\1', sizeof reason - 1); /* six bytes each, once escaped */
    for (size_t len = 65400; len < 65540; len++) {
        open_greeted();
        memset(name, 'x', len);
        name[len] = '\0';
        int r = taskd_begin(t, name);
        ck_assert(r == 0 || (r == -EMSGSIZE && len > 65400));
        if (r == 0) {
            heard();
            say_stop(1000);
            ck_assert(taskd_should_stop(t));
            ck_assert_ptr_nonnull(strstr(heard(), "\"finishing\":\"xxx"));
            ck_assert_int_eq(taskd_fail(t, name, "T", reason, false), 0);
            ck_assert_ptr_nonnull(strstr(heard(), "\"ok\":false}\n"));
            ck_assert_int_eq(taskd_end(t, name), 0);
            heard();
        }
        taskd_close(t);
        close(peer);
    }
}
END_TEST

START_TEST(a_checkpoint_is_told_with_its_unit)
{
    open_greeted();
    ck_assert_int_eq(taskd_checkpoint(t, "u", "{\n\"row\": 17}"), 0);
    ck_assert_str_eq(heard(), "{\"type\":\"progress\",\"unit\":\"u\",\"resume\":{\"row\":17}}\n");
    ck_assert_int_eq(taskd_checkpoint(t, "u", "17 18"), -EINVAL);
    ck_assert_str_eq(heard(), "");
    taskd_close(t);
    unsetenv("TASKD_FD");
    ck_assert_int_eq(taskd_open(&t), 0);
    ck_assert_int_eq(taskd_checkpoint(t, "u", "17"), 0);
    ck_assert_int_eq(taskd_checkpoint(t, "u", "{"), -EINVAL);
    taskd_close(t);
}
END_TEST

START_TEST(a_failure_needs_no_words)
{
    open_greeted();
    ck_assert_int_eq(taskd_fail(t, "u", NULL, NULL, false), 0);
    ck_assert_str_eq(
        heard(),
        "{\"type\":\"end\",\"unit\":\"u\",\"ok\":false,\"error\":{\"type\":null,\"message\":\"\",\"retry\":false}}\n");
    taskd_close(t);
}
END_TEST

START_TEST(the_longest_line_is_counted_without_its_newline)
{
    char text[2001] = "";
    pair();
    say("{\"type\":\"hello\",\"max_message\":2000}\n");
    ck_assert_int_eq(taskd_open(&t), 1);
    heard();
    ck_assert_int_eq(taskd_status(t, text), 0);
    size_t most = 2000 - (strlen(heard()) - 1);
    memset(text, 'x', most);
    ck_assert_int_eq(taskd_status(t, text), 0);
    ck_assert_uint_eq(strlen(heard()), 2001);
    text[most] = 'x';
    ck_assert_int_eq(taskd_status(t, text), -EMSGSIZE);
    ck_assert_str_eq(heard(), "");
    taskd_close(t);
}
END_TEST

/* Longer than what the kernel takes in one piece. */
START_TEST(a_line_written_in_pieces_is_whole)
{
    enum { COUNT = 50, LONG = 60000 };
    static char text[LONG + 1], line[LONG + 100];
    int status;
    open_greeted();
    ck_assert_int_eq(fcntl(taskd_fd(t), F_SETFL, O_NONBLOCK), 0);
    for (size_t i = 0; i < LONG; i++)
        text[i] = (char)('a' + i % 26);
    pid_t child = fork();
    if (child == 0) {
        int failed = 0;
        close(peer);
        for (int i = 0; i < COUNT; i++)
            failed |= taskd_status(t, text) < 0;
        _exit(failed);
    }
    taskd_close(t);
    size_t len = (size_t)snprintf(line, sizeof line, "{\"type\":\"status\",\"text\":\"%s\"}\n", text);
    char *got = malloc(len);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(recv(peer, got, len, MSG_WAITALL), (ssize_t)len);
        ck_assert_mem_eq(got, line, len);
    }
    free(got);
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, messages_are_what_the_protocol_says);
    tcase_add_loop_test(tc, the_longest_message_is_what_taskd_says, 0, sizeof longest / sizeof *longest);
    tcase_add_test(tc, what_taskd_would_refuse_is_not_sent);
    tcase_add_test(tc, a_full_socket_loses_nothing);
    tcase_add_test(tc, a_unit_that_began_can_end);
    tcase_add_test(tc, a_checkpoint_is_told_with_its_unit);
    tcase_add_test(tc, a_failure_needs_no_words);
    tcase_add_test(tc, the_longest_line_is_counted_without_its_newline);
    tcase_add_test(tc, a_line_written_in_pieces_is_whole);
}

int main(void)
{
    return suite_run("libtaskd_messages", (void (*const[])(TCase *)){add, NULL});
}
