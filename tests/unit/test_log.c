#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskd/log.h"

static int fds[2];
static int saved_stderr;

static void set_up(void)
{
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
}

static void tear_down(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
}

static const char *said(void)
{
    static char text[8192];
    ssize_t n = read(fds[0], text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(a_line_each)
{
    log_init(LOG_L_INFO);
    errno = ENOSPC;
    log_warn("journal: %s: %d", "disk", 7);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_str_eq(said(), "taskd: journal: disk: 7\n");
    log_debug("not asked for");
    ck_assert_str_eq(said(), "");
}
END_TEST

START_TEST(strangers_cannot_forge_lines)
{
    log_init(LOG_L_INFO);
    log_info("name: %s", "a\ntaskd: forged\033[2J");
    ck_assert_str_eq(said(), "taskd: name: a\\ntaskd: forged\\x1B[2J\n");
}
END_TEST

START_TEST(the_journal_gets_priorities)
{
    struct stat st;
    char text[64];

    fstat(STDERR_FILENO, &st);
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", text, 1);
    log_init(LOG_L_INFO);
    log_error("bad");
    ck_assert_str_eq(said(), "<3>taskd: bad\n");
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_init(LOG_L_INFO);
    log_error("bad");
    ck_assert_str_eq(said(), "taskd: bad\n");
}
END_TEST

static void on_line(void *arg, const char *line)
{
    strcat(arg, line);
}

START_TEST(a_sink_takes_the_place)
{
    char lines[128] = "";

    log_init(LOG_L_INFO);
    log_set_sink(on_line, lines);
    log_info("one");
    log_set_sink(NULL, NULL);
    log_info("two");
    ck_assert_str_eq(lines, "taskd: one");
    ck_assert_str_eq(said(), "taskd: two\n");
}
END_TEST

START_TEST(long_lines_are_cut_and_end)
{
    char big[8000];
    const char *text;

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_init(LOG_L_INFO);
    log_info("%s", big);
    text = said();
    ck_assert_uint_lt(strlen(text), 2100);
    ck_assert_uint_gt(strlen(text), 1000);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

START_TEST(fatal_is_125)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        fatal("it %s", "broke");
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 125);
    ck_assert_str_eq(said(), "taskd: it broke\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_line_each);
    tcase_add_test(t, strangers_cannot_forge_lines);
    tcase_add_test(t, the_journal_gets_priorities);
    tcase_add_test(t, a_sink_takes_the_place);
    tcase_add_test(t, long_lines_are_cut_and_end);
    tcase_add_test(t, fatal_is_125);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
