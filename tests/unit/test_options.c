#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskd/command.h"

static const struct option_spec specs[] = {
    {"now", 0, NULL, "at once"},
    {"json", 'j', NULL, "as JSON"},
    {"watch", 'w', NULL, "again and again"},
    {"timeout", 't', "DURATION", "how long"},
    {"max", 0, "N", "how many"},
    {NULL},
};
static const struct option_spec more[] = {{"stop-signal", 0, "NAME", "which one"}, {NULL}};

static const struct option_spec *more_options(void)
{
    return more;
}

static const struct command command = {
    .name = "stop",
    .usage = "[options]",
    .help = "Stops.",
    .options = specs,
    .more_options = more_options,
};

enum { ARGS = 12 };

/* `said` is what options_next returned, "name" or "name=value", separated by spaces. */
static const struct {
    const char *args[ARGS];
    bool stop_at_operand;
    const char *said;
    const char *operands;
    bool dashdash;
} good[] = {
    {{NULL}, false, "", "", false},
    {{"a", "b"}, false, "", "a b", false},
    {{"--now"}, false, "now", "", false},
    {{"a", "--now", "b", "-j", "c"}, false, "now json", "a b c", false},
    {{"--timeout", "30s"}, false, "timeout=30s", "", false},
    {{"--timeout=30s", "x"}, false, "timeout=30s", "x", false},
    {{"--timeout="}, false, "timeout=", "", false},
    {{"-t", "30s"}, false, "timeout=30s", "", false},
    {{"-t30s"}, false, "timeout=30s", "", false},
    {{"-jw"}, false, "json watch", "", false},
    {{"-jwt", "5s", "x"}, false, "json watch timeout=5s", "x", false},
    {{"--stop-signal=INT"}, false, "stop-signal=INT", "", false},
    {{"-jt5s"}, false, "json timeout=5s", "", false},
    {{"--timeout", "--now"}, false, "timeout=--now", "", false},
    {{"-"}, false, "", "-", false},
    {{"a", "--", "--now", "-j"}, false, "", "a --now -j", true},
    {{"--now", "--"}, false, "now", "", true},
    {{"--now", "cmd", "--now", "-j"}, true, "now", "cmd --now -j", false},
    {{"cmd", "--", "x"}, true, "", "cmd -- x", false},
    {{"--socket", "/s", "--state-dir=/d", "a"}, false, "", "a", false},
};

/* options_next moves the pointers about, so it gets an argv of its own. */
static int copy_args(const char *const *args, char **argv)
{
    static char texts[ARGS][64];
    int argc = 0;

    for (; argc < ARGS && args[argc]; argc++) {
        snprintf(texts[argc], sizeof texts[argc], "%s", args[argc]);
        argv[argc] = texts[argc];
    }
    return argc;
}

static void append(char *out, const char *sep, const char *text)
{
    if (*out)
        strcat(out, sep);
    strcat(out, text);
}

START_TEST(walks)
{
    char *argv[ARGS], said[256] = "", operands[256] = "";
    int argc = copy_args(good[_i].args, argv);
    struct options o = {.command = &command, .argc = argc, .argv = argv, .stop_at_operand = good[_i].stop_at_operand};
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        append(said, " ", name);
        if (value)
            append(said, "=", value);
    }
    for (int i = 0; i < o.operands_count; i++)
        append(operands, " ", o.argv[i]);
    ck_assert_str_eq(said, good[_i].said);
    ck_assert_str_eq(operands, good[_i].operands);
    ck_assert_int_eq(o.saw_dashdash, good[_i].dashdash);
}
END_TEST

START_TEST(global_options_are_taken_anywhere)
{
    static const char *const args[ARGS] = {"a", "--socket=/s", "--state-dir", "/d"};
    char *argv[ARGS];
    struct options o = {.command = &command, .argc = copy_args(args, argv), .argv = argv};
    const char *value;

    ck_assert_ptr_null(options_next(&o, &value));
    ck_assert_str_eq(global_options.socket, "/s");
    ck_assert_str_eq(global_options.state_dir, "/d");
}
END_TEST

static const struct {
    const char *args[ARGS];
    int before, all;
} dashes[] = {
    {{"a", "b"}, 0, 2},  {{"--", "a"}, 0, 1}, {{"a", "--", "b"}, 1, 2}, {{"-j", "a", "--now", "b", "--", "-c"}, 2, 3},
    {{"a", "--"}, 1, 1},
};

START_TEST(what_stands_before_the_dashes_is_counted)
{
    char *argv[ARGS];
    struct options o = {.command = &command, .argc = copy_args(dashes[_i].args, argv), .argv = argv};
    const char *value;

    while (options_next(&o, &value))
        continue;
    ck_assert_int_eq(o.before_dashdash, dashes[_i].before);
    ck_assert_int_eq(o.operands_count, dashes[_i].all);
}
END_TEST

static const struct {
    const char *text;
    int64_t number; /* -1: none */
} numbers[] = {
    {"0", 0},
    {"7", 7},
    {"10000", 10000},
    {"10001", -1},
    {"", -1},
    {" 1", -1},
    {"+1", -1},
    {"-1", -1},
    {"1x", -1},
    {"0x1", -1},
    {"99999999999999999999", -1},
};

START_TEST(a_number_is_digits_alone)
{
    int64_t n = -1;

    ck_assert_int_eq(options_number(numbers[_i].text, 0, 10000, &n), numbers[_i].number >= 0);
    ck_assert_int_eq(n, numbers[_i].number);
}
END_TEST

static const struct {
    const char *args[ARGS];
    int status;
    int fd;
    const char *says;
} ends[] = {
    {{"--nwo"}, 125, 2, "did you mean --now?"},
    {{"--zzzzzzzzzz"}, 125, 2, "unknown option --zzzzzzzzzz"},
    {{"-x"}, 125, 2, "unknown option -x"},
    {{"-jx"}, 125, 2, "unknown option -x"},
    {{"--timeout"}, 125, 2, "a value is missing after --timeout"},
    {{"-t"}, 125, 2, "a value is missing after -t"},
    {{"--now=1"}, 125, 2, "no value can be given to --now"},
    {{"--socket"}, 125, 2, "a value is missing after --socket"},
    {{"--skcket", "x"}, 125, 2, "did you mean --socket?"},
    {{"--nwo"}, 125, 2, "see `taskd stop --help`"},
    {{"--stop-singal=INT"}, 125, 2, "did you mean --stop-signal?"},
    {{"--help"}, 0, 1, "--stop-signal NAME"},
    {{"--help"}, 0, 1, "--timeout DURATION"},
    {{"-h"}, 0, 1, "--state-dir DIR"},
    {{"a", "-jh"}, 0, 1, "usage: taskd stop [options]"},
    {{"-t", "soon"}, 125, 2, "stop: --timeout soon is not a duration like 30s or 5min"},
    {{"-t", "30s"}, 99, 2, ""},
    {{"--max", "0"}, 125, 2, "stop: --max 0 is not a number from 1 to 10"},
    {{"--max", "11"}, 125, 2, "stop: --max 11 is not a number from 1 to 10"},
    {{"--max", "10"}, 99, 2, ""},
};

/* What is printed is kept in a file, so that it can be read after the child has gone. */
static char output_path[] = "/tmp/taskd-test-options-XXXXXX";

static void make_output(void)
{
    close(mkstemp(output_path));
}

static void remove_output(void)
{
    unlink(output_path);
}

static void assert_output_has(const char *text)
{
    char buffer[4096] = "";
    int fd = open(output_path, O_RDONLY);

    ck_assert_int_ge(read(fd, buffer, sizeof buffer - 1), 0);
    close(fd);
    ck_assert_msg(strstr(buffer, text) != NULL, "\"%s\" is not in \"%s\"", text, buffer);
}

static int walk_in_child(const char *const *args, int fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char *argv[ARGS];
        struct options o = {.command = &command, .argc = copy_args(args, argv), .argv = argv};
        const char *name, *value;

        dup2(open(output_path, O_WRONLY | O_TRUNC), fd);
        while ((name = options_next(&o, &value))) {
            if (strcmp(name, "timeout") == 0)
                options_duration(&o, name, value);
            if (strcmp(name, "max") == 0)
                options_count(&o, name, value, 1, 10);
        }
        _exit(99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(ends_the_program)
{
    ck_assert_int_eq(walk_in_child(ends[_i].args, ends[_i].fd), ends[_i].status);
    assert_output_has(ends[_i].says);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_unchecked_fixture(t, make_output, remove_output);
    tcase_add_loop_test(t, walks, 0, sizeof good / sizeof *good);
    tcase_add_test(t, global_options_are_taken_anywhere);
    tcase_add_loop_test(t, what_stands_before_the_dashes_is_counted, 0, sizeof dashes / sizeof *dashes);
    tcase_add_loop_test(t, a_number_is_digits_alone, 0, sizeof numbers / sizeof *numbers);
    tcase_add_loop_test(t, ends_the_program, 0, sizeof ends / sizeof *ends);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
