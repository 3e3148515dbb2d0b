/* A real child, seen from outside: what it got, and what is said when it cannot start. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/spawn.h"

static char *const no_env[] = {"PATH=/usr/bin:/bin", NULL};

/* Runs a shell command with its output in `out`; the request may be changed before. */
static int run(const char *script, struct spawn_request req, char *out, size_t out_size)
{
    int fds[2], status;
    char *argv[] = {"sh", "-c", strdup(script), NULL};
    struct spawn_result res;
    char **candidates = spawn_candidates("sh", no_env);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    req.argv = argv;
    if (!req.envp)
        req.envp = no_env;
    req.candidates = candidates;
    req.stdin_fd = -1;
    req.stdout_fd = req.stderr_fd = fds[1];
    ck_assert_int_eq(spawn_process(&req, &res), 0);
    close(fds[1]);
    size_t len = 0;
    ssize_t n;
    while (len < out_size - 1 && (n = read(fds[0], out + len, out_size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(res.pid, &status, 0), res.pid);
    close(res.pidfd);
    spawn_candidates_free(candidates);
    free(argv[2]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct spawn_request plain(void)
{
    return (struct spawn_request){.cgroup_fd = -1, .umask = -1};
}

START_TEST(it_runs_and_its_status_comes_back)
{
    char out[256];
    ck_assert_int_eq(run("echo hello; exit 7", plain(), out, sizeof out), 7);
    ck_assert_str_eq(out, "hello\n");
}
END_TEST

START_TEST(it_has_no_descriptor_but_its_own)
{
    char out[256];
    int leak = open("/dev/zero", O_RDONLY); /* no close-on-exec, on purpose */
    ck_assert_int_ge(leak, 0);
    /* ls has one of its own open while it reads the folder: the lowest that is free. */
    run("exec ls /proc/self/fd", plain(), out, sizeof out);
    ck_assert_str_eq(out, "0\n1\n2\n3\n");
    struct spawn_request req = plain();
    struct spawn_fd channel = {leak, 3};
    req.fds = &channel;
    req.fds_count = 1;
    run("exec ls /proc/self/fd", req, out, sizeof out);
    ck_assert_str_eq(out, "0\n1\n2\n3\n4\n");
    close(leak);
}
END_TEST

/* Every order of sources and targets, also one onto the other, and gaps that stay closed. */
START_TEST(descriptors_are_where_they_are_asked_for)
{
    char out[256];
    int a = open("/dev/zero", O_RDONLY), b = open("/dev/full", O_RDONLY), leak = open("/dev/urandom", O_RDONLY);
    ck_assert_int_ge(leak, 0);
    struct spawn_fd fds[] = {{a, b}, {b, a}, {a, 17}};
    struct spawn_request req = plain();
    req.fds = fds;
    req.fds_count = 3;
    char script[256], want[256];
    snprintf(script, sizeof script,
             "readlink /proc/$$/fd/%d /proc/$$/fd/%d /proc/$$/fd/17; test -e /proc/$$/fd/%d || echo none", a, b, leak);
    snprintf(want, sizeof want, "/dev/full\n/dev/zero\n/dev/zero\nnone\n");
    run(script, req, out, sizeof out);
    ck_assert_str_eq(out, want);
    close(a), close(b), close(leak);
}
END_TEST

START_TEST(its_environment_can_have_its_pid)
{
    char out[256], one[32] = "MY_PID=", two[32] = "LISTEN_PID=", *const envp[] = {"PATH=/usr/bin:/bin", one, two, NULL};
    char *places[] = {one + strlen(one), two + strlen(two)};
    struct spawn_request req = plain();
    req.envp = envp;
    req.pid_texts = places;
    req.pid_texts_count = 2;
    run("test $MY_PID = $$ && test $LISTEN_PID = $$ && echo $MY_PID", req, out, sizeof out);
    ck_assert_int_gt(atoi(out), 1);
}
END_TEST

START_TEST(its_signals_are_as_new)
{
    char out[1024];
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    run("grep -E 'Sig(Blk|Ign)' /proc/self/status", plain(), out, sizeof out);
    ck_assert_str_eq(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
END_TEST

START_TEST(it_leads_a_group_of_its_own)
{
    char out[256];
    run("test $(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat) -eq $$ && echo leader", plain(), out,
        sizeof out);
    ck_assert_str_eq(out, "leader\n");
}
END_TEST

START_TEST(its_environment_is_exactly_what_was_given)
{
    char out[256];
    run("tr '\\0' '\\n' </proc/$$/environ", plain(), out, sizeof out);
    ck_assert_str_eq(out, "PATH=/usr/bin:/bin\n");
}
END_TEST

START_TEST(umask_directory_and_limits_hold)
{
    char out[256];
    struct limit_setting limits[] = {{RLIMIT_NOFILE, 77}, {RLIMIT_CORE, 0}};
    struct spawn_request req = plain();
    req.umask = 027;
    req.cwd = "/usr";
    req.limits = limits;
    req.limits_count = 2;
    run("umask; pwd; ulimit -n; ulimit -c", req, out, sizeof out);
    ck_assert_str_eq(out, "0027\n/usr\n77\n0\n");
}
END_TEST

struct failure {
    const char *file;
    const char *cwd;
    int error;
    const char *step;
};

static const struct failure failures[] = {
    {"/nonexistent/program", NULL, ENOENT, "exec"}, {"no-such-program-anywhere", NULL, ENOENT, "exec"},
    {"/etc/passwd", NULL, EACCES, "exec"},          {"/etc", NULL, EACCES, "exec"},
    {"/bin/true", "/nonexistent", ENOENT, "chdir"},
};

START_TEST(a_failure_has_its_own_errno)
{
    const struct failure *f = &failures[_i];
    char *argv[] = {"x", NULL};
    struct spawn_result res;
    struct spawn_request req = plain();
    req.argv = argv;
    if (!req.envp)
        req.envp = no_env;
    req.candidates = spawn_candidates(f->file, no_env);
    req.stdin_fd = req.stdout_fd = req.stderr_fd = -1;
    req.cwd = f->cwd;
    ck_assert_int_eq(spawn_process(&req, &res), -f->error);
    ck_assert_int_eq(res.error, f->error);
    ck_assert_str_eq(res.step, f->step);
    ck_assert_int_eq(res.pid, -1);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    spawn_candidates_free((char **)(uintptr_t)req.candidates);
}
END_TEST

static int spawn_file(const char *path, struct spawn_result *res)
{
    char *argv[] = {"x", NULL};
    struct spawn_request req = plain();
    req.argv = argv;
    if (!req.envp)
        req.envp = no_env;
    req.candidates = spawn_candidates(path, no_env);
    req.stdin_fd = req.stdout_fd = req.stderr_fd = -1;
    int r = spawn_process(&req, res);
    spawn_candidates_free((char **)(uintptr_t)req.candidates);
    return r;
}

START_TEST(noexec_and_txtbsy_are_told_apart)
{
    char path[] = "/tmp/taskd-spawn.XXXXXX";
    struct spawn_result res;
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "nonsense", 8), 8);
    fchmod(fd, 0755);
    ck_assert_int_eq(spawn_file(path, &res), -ETXTBSY);
    close(fd);
    ck_assert_int_eq(spawn_file(path, &res), -ENOEXEC);
    unlink(path);
}
END_TEST

START_TEST(path_is_searched_in_order)
{
    char *const env[] = {"A=b", "PATH=/one::/two/", NULL};
    char **list = spawn_candidates("prog", env);
    ck_assert_str_eq(list[0], "/one/prog");
    ck_assert_str_eq(list[1], "prog");
    ck_assert_str_eq(list[2], "/two//prog");
    ck_assert_ptr_null(list[3]);
    spawn_candidates_free(list);
    list = spawn_candidates("./prog", env);
    ck_assert_str_eq(list[0], "./prog");
    ck_assert_ptr_null(list[1]);
    spawn_candidates_free(list);
}
END_TEST

START_TEST(privileges_are_dropped_whole)
{
    char out[256];
    gid_t groups[] = {65534};
    struct spawn_request req = plain();
    if (geteuid() != 0) {
        printf("skipped: privileges_are_dropped_whole needs root\n");
        return;
    }
    req.set_ids = true;
    req.uid = req.gid = 65534;
    req.groups = groups;
    req.groups_count = 1;
    run("grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status | tr -d ' '", req, out, sizeof out);
    ck_assert_str_eq(out, "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\nGroups:\t65534\nCapEff:"
                          "\t0000000000000000\n");
}
END_TEST

START_TEST(more_descriptors_than_there_is_room_for)
{
    struct spawn_result res;
    struct spawn_request req = plain();
    req.fds_count = SPAWN_FDS_MAX + 1;
    ck_assert_int_eq(spawn_process(&req, &res), -EMFILE);
    ck_assert_int_eq(res.pid, -1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, it_runs_and_its_status_comes_back);
    tcase_add_test(tc, it_has_no_descriptor_but_its_own);
    tcase_add_test(tc, descriptors_are_where_they_are_asked_for);
    tcase_add_test(tc, its_environment_can_have_its_pid);
    tcase_add_test(tc, more_descriptors_than_there_is_room_for);
    tcase_add_test(tc, its_signals_are_as_new);
    tcase_add_test(tc, it_leads_a_group_of_its_own);
    tcase_add_test(tc, its_environment_is_exactly_what_was_given);
    tcase_add_test(tc, umask_directory_and_limits_hold);
    tcase_add_loop_test(tc, a_failure_has_its_own_errno, 0, sizeof failures / sizeof *failures);
    tcase_add_test(tc, noexec_and_txtbsy_are_told_apart);
    tcase_add_test(tc, path_is_searched_in_order);
    tcase_add_test(tc, privileges_are_dropped_whole);
}

int main(void)
{
    return suite_run("spawn", (void (*const[])(TCase *)){add, NULL});
}
