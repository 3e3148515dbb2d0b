/* Configurations of several files, and what workers say about each other. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "suite.h"
#include "taskd/config.h"

static struct config_errors *errors;
static struct config *config;

static void begin(void)
{
    config_free(config);
    config_errors_free(errors);
    config = NULL;
    errors = config_errors_new();
    ck_assert_ptr_nonnull(errors);
}

static void finish(void)
{
    config_free(config);
    config_errors_free(errors);
    config = NULL;
    errors = NULL;
}

static void enter_data(const char *folder)
{
    const char *top = getenv("TOP_SRCDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/data/config/%s", top ? top : ".", folder);
    ck_assert_msg(chdir(path) == 0, "%s: %s", path, strerror(errno));
}

/* A folder of the test's own, and the working directory. */
static void enter_new(void)
{
    char folder[] = "/tmp/test-config-XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_new(void)
{
    char folder[4096], command[4200];

    ck_assert_ptr_nonnull(getcwd(folder, sizeof folder));
    ck_assert_int_eq(strncmp(folder, "/tmp/test-config-", 17), 0);
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static void expect_one_error(const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    config_errors_print(errors, f);
    fclose(f);
    ck_assert_str_eq(text, expected);
    free(text);
}

static void expect_workers(const char *const *names)
{
    size_t n = 0;

    ck_assert_ptr_nonnull(config);
    for (; names[n]; n++) {
        ck_assert_uint_lt(n, config->workers_count);
        ck_assert_str_eq(config->workers[n].name, names[n]);
    }
    ck_assert_uint_eq(n, config->workers_count);
}

/* The main file's own first, then pattern by pattern; a file that two patterns match counts once. */
static const char *const in_order[] = {"main", "twenty", "twenty.one", "ten", NULL};

START_TEST(reads_files_in_order)
{
    begin();
    enter_data("valid");
    ck_assert_int_eq(config_load("include.json", &config, errors), 0);
    expect_workers(in_order);
    ck_assert_int_eq(config->workers[1].replicas, 2);
    ck_assert_int_eq(config->workers[1].restart, RESTART_ALWAYS);
    ck_assert_int_eq(config->workers[2].restart, RESTART_NO);
    ck_assert_int_eq(config->workers[3].replicas, 1);
    finish();
}
END_TEST

START_TEST(paths_start_from_the_including_file)
{
    begin();
    enter_data("invalid");
    ck_assert_int_eq(config_load("../valid/include.json", &config, errors), 0);
    expect_workers(in_order);
    finish();
}
END_TEST

START_TEST(text_includes_from_the_working_directory)
{
    static const char text[] = "{\"include\": [\"conf.d/10-ten.json\"]}";

    begin();
    enter_data("valid");
    ck_assert_int_eq(config_parse(text, strlen(text), "<stdin>", &config, errors), 0);
    expect_workers((const char *const[]){"ten", NULL});
    finish();
}
END_TEST

#define WORKER(name) "{\"workers\":{\"" name "\":{\"command\":[\"x\"]}}}"

START_TEST(names_of_folders_are_no_patterns)
{
    begin();
    enter_new();
    ck_assert_int_eq(mkdir("[ab]*", 0700), 0);
    ck_assert_int_eq(mkdir("a", 0700), 0);
    write_file("a/1.inc", WORKER("wrong"));
    write_file("[ab]*/1.inc", WORKER("right"));
    write_file("[ab]*/t.json", "{\"include\":[\"*.inc\"]}");
    ck_assert_int_eq(config_load("[ab]*/t.json", &config, errors), 0);
    expect_workers((const char *const[]){"right", NULL});
    write_file("t[1].inc", WORKER("bracket"));
    write_file("t.json", "{\"include\":[\"a/1.inc\"]}");
    begin();
    ck_assert_int_eq(config_load("t.json", &config, errors), 0);
    expect_workers((const char *const[]){"wrong", NULL});
    leave_new();
    finish();
}
END_TEST

START_TEST(some_worker_must_be_somewhere)
{
    begin();
    enter_new();
    write_file("t.json", "{\"include\":[\"conf.d/*.json\"]}");
    ck_assert_int_eq(config_load("t.json", &config, errors), -EINVAL);
    expect_one_error("t.json:1:1: no worker is defined\n");
    leave_new();
    finish();
}
END_TEST

/* What may be defined in the file that is wrong is not called unknown. */
START_TEST(a_broken_file_hides_its_workers)
{
    begin();
    enter_new();
    write_file("t.json", "{\"include\":[\"*.inc\"],\"workers\":{\"a\":{\"command\":[\"x\"],\"after\":[\"b\"]}}}");
    write_file("b.inc", "{\"workers\":{\"b\":}}");
    ck_assert_int_eq(config_load("t.json", &config, errors), -EINVAL);
    expect_one_error("b.inc:1:17: a value is missing before this '}'\n");
    write_file("b.inc", "{\"workers\":[]}");
    begin();
    ck_assert_int_eq(config_load("t.json", &config, errors), -EINVAL);
    expect_one_error("b.inc:1:12: workers: must be an object, not a list\n");
    leave_new();
    finish();
}
END_TEST

START_TEST(root_includes_no_file_that_everyone_can_write)
{
    begin();
    enter_new();
    write_file("t.json", "{\"include\":[\"b.inc\"]}");
    write_file("b.inc", WORKER("b"));
    ck_assert_int_eq(chmod("b.inc", 0666), 0);
    ck_assert_int_eq(config_load("t.json", &config, errors), geteuid() == 0 ? -EINVAL : 0);
    if (geteuid() == 0)
        expect_one_error(
            "b.inc: everyone can write to this file: taskd does not obey it as root (chmod o-w makes it safe)\n");
    leave_new();
    finish();
}
END_TEST

/* A pipe that nobody writes to would make the start wait for ever. */
START_TEST(includes_files_only)
{
    begin();
    enter_new();
    write_file("t.json", "{\"include\":[\"*.inc\"]}");
    ck_assert_int_eq(mkfifo("b.inc", 0600), 0);
    ck_assert_int_eq(config_load("t.json", &config, errors), -EINVAL);
    expect_one_error("t.json:1:13: include[0]: b.inc is no regular file\n");
    leave_new();
    finish();
}
END_TEST

/* `count` workers in a row, each after the next one in the file or after the one before; `closed`: and round again. */
static char *chain(int count, int step, bool closed)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    fputs("{\"workers\":{", f);
    for (int i = 0; i < count; i++) {
        int before = i + step;
        fprintf(f, "%s\"worker-%d\":{\"command\":[\"x\"]", i ? "," : "", i);
        if (closed || (before >= 0 && before < count))
            fprintf(f, ",\"after\":[\"worker-%d\"]", (before + count) % count);
        fputc('}', f);
    }
    fputs("}}", f);
    fclose(f);
    return text;
}

static const struct {
    int count, step;
    bool closed;
    size_t errors;
    const char *path, *message;
} chains[] = {
    {CONFIG_AFTER_MAX, 1, false, 0, NULL, NULL},
    {CONFIG_AFTER_MAX, -1, false, 0, NULL, NULL},
    /* One too many is told whichever way the file goes, and once however many there are. */
    {20000, 1, false, 1, "workers.worker-19743.after[0]", "more than 256 workers come one after another"},
    {20000, -1, false, 1, "workers.worker-256.after[0]", "more than 256 workers come one after another"},
    {200, 1, true, 1, "workers.worker-199.after[0]",
     "these come after each other in a circle: worker-0 -> worker-1 ->"},
    {3, 1, true, 1, "workers.worker-2.after[0]",
     "these come after each other in a circle: worker-0 -> worker-1 -> worker-2 -> worker-0"},
};

START_TEST(chains_end)
{
    char *text = chain(chains[_i].count, chains[_i].step, chains[_i].closed);
    const struct config_error *error;

    begin();
    ck_assert_int_eq(config_parse(text, strlen(text), "t.json", &config, errors), chains[_i].errors ? -EINVAL : 0);
    ck_assert_uint_eq(config_errors_count(errors), chains[_i].errors);
    if (chains[_i].errors) {
        error = config_errors_get(errors, 0);
        ck_assert_str_eq(error->path, chains[_i].path);
        ck_assert_int_eq(strncmp(error->message, chains[_i].message, strlen(chains[_i].message)), 0);
    }
    free(text);
    finish();
}
END_TEST

START_TEST(long_circles_are_cut)
{
    static const char end[] = "-> ... -> worker-0";
    char *text = chain(200, 1, true);
    const char *message;

    begin();
    ck_assert_int_eq(config_parse(text, strlen(text), "t.json", &config, errors), -EINVAL);
    message = config_errors_get(errors, 0)->message;
    ck_assert_str_eq(message + strlen(message) - strlen(end), end);
    free(text);
    finish();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, reads_files_in_order);
    tcase_add_test(tc, paths_start_from_the_including_file);
    tcase_add_test(tc, text_includes_from_the_working_directory);
    tcase_add_test(tc, names_of_folders_are_no_patterns);
    tcase_add_test(tc, some_worker_must_be_somewhere);
    tcase_add_test(tc, a_broken_file_hides_its_workers);
    tcase_add_test(tc, root_includes_no_file_that_everyone_can_write);
    tcase_add_test(tc, includes_files_only);
    tcase_add_loop_test(tc, chains_end, 0, sizeof chains / sizeof *chains);
    tcase_add_test(tc, long_circles_are_cut);
}

int main(void)
{
    return suite_run("config_include", (void (*const[])(TCase *)){add, NULL});
}
