#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/journal.h"

static char dir[64], file[128];

static void set_up(void)
{
    strcpy(dir, "/tmp/taskd-journal.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/results.ndjson", dir);
}

static void tear_down(void)
{
    char path[128];
    unlink(file);
    snprintf(path, sizeof path, "%s/lives", dir);
    unlink(path);
    rmdir(dir);
}

static int append(struct journal *j, const char *handle)
{
    json_t *record = json_pack("{ss}", "handle", handle);
    int r = journal_append(j, record);
    json_decref(record);
    return r;
}

static bool count(void *arg, json_t *record)
{
    (void)record;
    ++*(int *)arg;
    return true;
}

static int records(size_t *ret_bad)
{
    int n = 0;
    ck_assert_int_eq(journal_read(dir, count, &n, ret_bad), 0);
    return n;
}

static void write_raw(const char *text)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(what_is_appended_is_read_and_found)
{
    struct journal *j;
    json_t *record;
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(append(j, "a@1#1"), 0);
    ck_assert_int_eq(append(j, "a@1#2"), 0);
    ck_assert_int_eq(records(NULL), 2);
    ck_assert_int_eq(journal_find(dir, "a@1#2", &record), 0);
    ck_assert_str_eq(json_string_value(json_object_get(record, "handle")), "a@1#2");
    json_decref(record);
    ck_assert_int_eq(journal_find(dir, "a@1#3", &record), -ENOENT);
    journal_free(j);
}
END_TEST

START_TEST(a_torn_tail_is_cut_and_whole_records_stay)
{
    struct journal *j;
    size_t bad;
    write_raw("{\"handle\":\"a@1#1\"}\n{\"handle\":\"a@1#2\"}\n{\"handle\":\"a@1");
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(append(j, "a@1#3"), 0);
    ck_assert_int_eq(records(&bad), 3);
    ck_assert_uint_eq(bad, 0);
    journal_free(j);
}
END_TEST

START_TEST(a_file_that_is_all_tail_is_emptied)
{
    struct journal *j;
    write_raw("{\"no newline at all");
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(records(NULL), 0);
    journal_free(j);
}
END_TEST

START_TEST(a_bad_line_is_counted_and_passed_over)
{
    size_t bad;
    write_raw("{\"handle\":\"a@1#1\"}\nnonsense\n{\"handle\":\"a@1#2\"}\n");
    ck_assert_int_eq(records(&bad), 2);
    ck_assert_uint_eq(bad, 1);
}
END_TEST

START_TEST(numbers_never_repeat_between_processes)
{
    enum { PROCESSES = 4, EACH = 200 };
    static bool seen[PROCESSES * EACH + 2];
    int fds[2];
    uint64_t n;
    memset(seen, 0, sizeof seen);
    ck_assert_int_eq(pipe(fds), 0);
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            struct journal *j;
            if (journal_open(dir, &j) < 0)
                _exit(1);
            for (int i = 0; i < EACH; i++)
                if (journal_next_life(j, &n) < 0 || write(fds[1], &n, sizeof n) != sizeof n)
                    _exit(1);
            _exit(0);
        }
    }
    close(fds[1]);
    for (int i = 0; i < PROCESSES * EACH; i++) {
        ck_assert_int_eq(read(fds[0], &n, sizeof n), sizeof n);
        ck_assert_uint_le(n, PROCESSES * EACH);
        ck_assert(!seen[n]);
        seen[n] = true;
    }
    while (wait(NULL) > 0)
        ;
    close(fds[0]);
}
END_TEST

START_TEST(numbers_go_on_after_a_restart)
{
    struct journal *j;
    uint64_t first, second;
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(journal_next_life(j, &first), 0);
    journal_free(j);
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(journal_next_life(j, &second), 0);
    ck_assert_uint_eq(second, first + 1);
    journal_free(j);
}
END_TEST

START_TEST(a_full_disk_leaves_whole_records)
{
    struct journal *j;
    size_t bad;
    ck_assert_int_eq(journal_open(dir, &j), 0);
    ck_assert_int_eq(append(j, "a@1#1"), 0);
    struct rlimit limit = {40, 40};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_lt(append(j, "a-record-that-does-not-fit@1#2"), 0);
    ck_assert_int_eq(records(&bad), 1);
    ck_assert_uint_eq(bad, 0);
    journal_free(j);
}
END_TEST

START_TEST(a_link_in_the_way_is_not_followed)
{
    struct journal *j;
    char target[128];
    snprintf(target, sizeof target, "%s/elsewhere", dir);
    ck_assert_int_eq(symlink(target, file), 0);
    ck_assert_int_eq(journal_open(dir, &j), -ELOOP);
    ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(in_memory_it_counts_and_keeps_nothing)
{
    struct journal *j = journal_open_memory();
    uint64_t n;
    ck_assert_int_eq(journal_next_life(j, &n), 0);
    ck_assert_int_eq(journal_next_life(j, &n), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(append(j, "a@1#1"), 0);
    ck_assert_ptr_null(journal_dir(j));
    journal_free(j);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_is_appended_is_read_and_found);
    tcase_add_test(tc, a_torn_tail_is_cut_and_whole_records_stay);
    tcase_add_test(tc, a_file_that_is_all_tail_is_emptied);
    tcase_add_test(tc, a_bad_line_is_counted_and_passed_over);
    tcase_add_test(tc, numbers_never_repeat_between_processes);
    tcase_add_test(tc, numbers_go_on_after_a_restart);
    tcase_add_test(tc, a_full_disk_leaves_whole_records);
    tcase_add_test(tc, a_link_in_the_way_is_not_followed);
    tcase_add_test(tc, in_memory_it_counts_and_keeps_nothing);
}

int main(void)
{
    return suite_run("journal", (void (*const[])(TCase *)){add, NULL});
}
