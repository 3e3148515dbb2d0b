#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskd/listener.h"

static char dir[] = "/tmp/taskd-test-listener-XXXXXX";
static char path[108], lock_path[128];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/run/taskd.sock", dir);
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
}

static void make_run_dir(void)
{
    char run[128];

    snprintf(run, sizeof run, "%s/run", dir);
    ck_assert_int_eq(mkdir(run, 0700), 0);
}

static int connect_here(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(addr.sun_path, path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
        close(fd);
        return -errno;
    }
    return fd;
}

START_TEST(opens_and_leaves_nothing)
{
    struct listener *l;
    struct stat st;
    int fd;

    umask(0);
    ck_assert_int_eq(listener_open(path, &l), 0);
    ck_assert_str_eq(listener_path(l), path);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode));
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    fd = connect_here();
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_ne(fcntl(listener_fd(l), F_GETFD) & FD_CLOEXEC, 0);
    listener_free(l);
    ck_assert_int_eq(lstat(path, &st), -1);
    ck_assert_int_eq(lstat(lock_path, &st), -1);
}
END_TEST

START_TEST(the_second_changes_nothing)
{
    struct listener *first, *second = NULL;
    struct stat before, after;

    ck_assert_int_eq(listener_open(path, &first), 0);
    ck_assert_int_eq(lstat(path, &before), 0);
    ck_assert_int_eq(listener_open(path, &second), -EADDRINUSE);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(lstat(lock_path, &after), 0);
    listener_free(first);
}
END_TEST

/* Each contender says with one byte whether it has won, and keeps what it has until it is told to end. */
static pid_t contend(int go, int said)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct listener *l = NULL;
        char byte;
        int rc;

        if (read(go, &byte, 1) != 1)
            _exit(2);
        rc = listener_open(path, &l);
        byte = rc == 0 ? 'w' : rc == -EADDRINUSE ? 'l' : '?';
        if (write(said, &byte, 1) != 1)
            _exit(2);
        pause();
        _exit(0);
    }
    return pid;
}

START_TEST(one_of_two_wins)
{
    int go[2], said[2];
    pid_t pids[2];
    char got[2];

    make_run_dir();
    ck_assert_int_eq(pipe(go), 0);
    ck_assert_int_eq(pipe(said), 0);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 2; i++)
            pids[i] = contend(go[0], said[1]);
        ck_assert_int_eq(write(go[1], "go", 2), 2);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(read(said[0], &got[i], 1), 1);
        ck_assert_msg(got[0] + got[1] == 'w' + 'l', "round %d: %c and %c", round, got[0], got[1]);
        ck_assert_int_ge(connect_here(), 0);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_gt(pids[i], 1);
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
        /* The winner was killed, so the next round finds a stale socket and a lock file that nobody holds. */
    }
}
END_TEST

START_TEST(a_stale_socket_is_reclaimed)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct listener *l;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    make_run_dir();
    strcpy(addr.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    ck_assert_int_eq(listener_open(path, &l), 0);
    fd = connect_here();
    ck_assert_int_ge(fd, 0);
    close(fd);
    listener_free(l);
}
END_TEST

START_TEST(a_stranger_who_listens_is_left_alone)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct listener *l = NULL;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    make_run_dir();
    strcpy(addr.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(listener_open(path, &l), -EADDRINUSE);
    ck_assert_int_ge(connect_here(), 0);
    close(fd);
}
END_TEST

static void make_file(const char *at)
{
    ck_assert_int_eq(close(open(at, O_CREAT | O_WRONLY, 0600)), 0);
}

static void make_fifo(const char *at)
{
    ck_assert_int_eq(mkfifo(at, 0600), 0);
}

static void make_dir(const char *at)
{
    ck_assert_int_eq(mkdir(at, 0700), 0);
}

static void make_link(const char *at)
{
    char target[160];

    snprintf(target, sizeof target, "%s/target", dir);
    make_file(target);
    ck_assert_int_eq(symlink(target, at), 0);
}

static void make_dangling(const char *at)
{
    ck_assert_int_eq(symlink("nowhere", at), 0);
}

static void (*const obstacles[])(const char *at) = {make_file, make_fifo, make_dir, make_link, make_dangling};

START_TEST(strangers_are_untouched)
{
    struct listener *l = NULL;
    struct stat before, after;

    make_run_dir();
    obstacles[_i](path);
    ck_assert_int_eq(lstat(path, &before), 0);
    ck_assert_int_eq(listener_open(path, &l), -EEXIST);
    ck_assert_ptr_null(l);
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(before.st_mode, after.st_mode);
    ck_assert_int_eq(lstat(lock_path, &after), -1);
}
END_TEST

/* A plain file is what a lock file is: only the others are in the way. */
START_TEST(strangers_in_place_of_the_lock_are_untouched)
{
    struct listener *l = NULL;
    struct stat before, after;

    make_run_dir();
    obstacles[_i](lock_path);
    ck_assert_int_eq(lstat(lock_path, &before), 0);
    ck_assert_int_eq(listener_open(path, &l), -EEXIST);
    ck_assert_int_eq(lstat(lock_path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(lstat(path, &after), -1);
}
END_TEST

START_TEST(what_has_taken_our_place_stays)
{
    struct listener *l;
    struct stat st;

    ck_assert_int_eq(listener_open(path, &l), 0);
    ck_assert_int_eq(unlink(path), 0);
    make_file(path);
    listener_free(l);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    char long_path[256];
    struct listener *l = NULL;

    snprintf(long_path, sizeof long_path, "%s/%0*d", dir, 120, 0);
    ck_assert_int_eq(listener_open(long_path, &l), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_strangers_folder_is_refused)
{
    struct listener *l = NULL;

    if (geteuid() != 0)
        return;
    make_run_dir();
    ck_assert_int_eq(chmod(dir, 0755), 0);
    snprintf(path, sizeof path, "%s/run", dir);
    ck_assert_int_eq(chown(path, 4712, 4712), 0);
    ck_assert_int_eq(chmod(path, 0777), 0);
    snprintf(path, sizeof path, "%s/run/taskd.sock", dir);
    ck_assert_int_eq(seteuid(4711), 0);
    ck_assert_int_eq(listener_open(path, &l), -EPERM);
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("listener");
    TCase *t = tcase_create("listener");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, opens_and_leaves_nothing);
    tcase_add_test(t, the_second_changes_nothing);
    tcase_add_test(t, one_of_two_wins);
    tcase_add_test(t, a_stale_socket_is_reclaimed);
    tcase_add_test(t, a_stranger_who_listens_is_left_alone);
    tcase_add_loop_test(t, strangers_are_untouched, 0, sizeof obstacles / sizeof *obstacles);
    tcase_add_loop_test(t, strangers_in_place_of_the_lock_are_untouched, 1, sizeof obstacles / sizeof *obstacles);
    tcase_add_test(t, what_has_taken_our_place_stays);
    tcase_add_test(t, a_path_that_is_too_long_is_refused);
    tcase_add_test(t, a_strangers_folder_is_refused);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
