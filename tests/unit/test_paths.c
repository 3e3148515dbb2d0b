#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "taskd/paths.h"

static const char *const variables[] = {"TASKD_SOCKET",   "TASKD_STATE_DIR", "XDG_RUNTIME_DIR",
                                        "XDG_STATE_HOME", "STATE_DIRECTORY", "HOME"};
enum { VARIABLES = sizeof variables / sizeof *variables };

static char dir[] = "/tmp/taskd-test-paths-XXXXXX";

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", dir, dir);
    ck_assert_int_eq(system(command), 0);
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
}

/* `uid` is switched to first; the values are in the order of `variables`. */
static const struct {
    unsigned uid;
    const char *env[VARIABLES];
    const char *option, *configured;
    const char *socket, *state;
} cases[] = {
    {0, {NULL}, NULL, NULL, "/run/taskd/taskd.sock", "/var/lib/taskd"},
    {0, {"", "", "", "", "", ""}, "", "", "/run/taskd/taskd.sock", "/var/lib/taskd"},
    {0, {"/e", "/f", "/r", "/s", "/d", "/h"}, "/o", "/c", "/o", "/o"},
    {0, {"/e", "/f", "/r", "/s", "/d", "/h"}, NULL, "/c", "/e", "/f"},
    {0, {NULL, NULL, "/r", "/s", "/d", "/h"}, NULL, "/c", "/c", "/c"},
    {0, {NULL, NULL, "/r", "/s", "/d", "/h"}, NULL, NULL, "/run/taskd/taskd.sock", "/d"},
    {0, {NULL, NULL, NULL, NULL, "/d:/second", NULL}, NULL, NULL, "/run/taskd/taskd.sock", "/d"},
    {0, {NULL, NULL, "/r", "/s", NULL, "/h"}, NULL, NULL, "/run/taskd/taskd.sock", "/var/lib/taskd"},
    {4711, {NULL, NULL, "/r", "/s", NULL, "/h"}, NULL, NULL, "/r/taskd/taskd.sock", "/s/taskd"},
    {4711, {NULL, NULL, "r", "s", NULL, "/h"}, NULL, NULL, "/tmp/taskd-4711/taskd.sock", "/h/.local/state/taskd"},
    {4711, {NULL, NULL, NULL, NULL, NULL, "/"}, NULL, NULL, "/tmp/taskd-4711/taskd.sock", "/tmp/taskd-4711/state"},
    {4711, {NULL}, NULL, NULL, "/tmp/taskd-4711/taskd.sock", "/tmp/taskd-4711/state"},
};

START_TEST(precedence)
{
    char socket[108], state[PATH_MAX];

    for (size_t i = 0; i < VARIABLES; i++)
        if (cases[_i].env[i])
            setenv(variables[i], cases[_i].env[i], 1);
    if (geteuid() != 0 && cases[_i].uid != geteuid())
        return;
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(cases[_i].uid), 0);
    ck_assert_int_eq(paths_socket(cases[_i].option, cases[_i].configured, socket, sizeof socket), 0);
    ck_assert_int_eq(paths_state_dir(cases[_i].option, cases[_i].configured, state, sizeof state), 0);
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_str_eq(socket, cases[_i].socket);
    ck_assert_str_eq(state, cases[_i].state);
}
END_TEST

START_TEST(a_socket_path_has_107_bytes_at_most)
{
    char path[256], out[256] = "untouched";

    memset(path, 'x', sizeof path);
    path[107] = '\0';
    ck_assert_int_eq(paths_socket(path, NULL, out, sizeof out), 0);
    strcpy(out, "untouched");
    path[107] = 'x';
    path[108] = '\0';
    ck_assert_int_eq(paths_socket(path, NULL, out, sizeof out), -ENAMETOOLONG);
    ck_assert_str_eq(out, "untouched");
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    char out[8] = "old";

    ck_assert_int_eq(paths_state_dir("/longer/than/that", NULL, out, sizeof out), -ENAMETOOLONG);
    ck_assert_str_eq(out, "old");
}
END_TEST

START_TEST(makes_it_private)
{
    char path[128];
    struct stat st;

    umask(0);
    snprintf(path, sizeof path, "%s/a/b//c/", dir);
    ck_assert_int_eq(paths_make_dir(path), 0);
    ck_assert_int_eq(paths_make_dir(path), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    snprintf(path, sizeof path, "%s/a", dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, geteuid() == 0 ? 0755 : 0700);
}
END_TEST

START_TEST(a_file_in_the_way_is_named)
{
    char path[128];

    snprintf(path, sizeof path, "%s/file", dir);
    ck_assert_int_eq(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    ck_assert_int_eq(paths_make_dir(path), -ENOTDIR);
    snprintf(path, sizeof path, "%s/file/below", dir);
    ck_assert_int_eq(paths_make_dir(path), -ENOTDIR);
    ck_assert_int_eq(paths_make_dir(""), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("paths");
    TCase *t = tcase_create("paths");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, precedence, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, a_socket_path_has_107_bytes_at_most);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, makes_it_private);
    tcase_add_test(t, a_file_in_the_way_is_named);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
