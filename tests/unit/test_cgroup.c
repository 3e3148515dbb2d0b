/* Limits and OOM kills of a control group, on a folder that stands for one. (The real thing: tests/it/test_cgroup.py.)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/cgroup.h"

static char top[] = "/tmp/taskd-cgroup.XXXXXX";

static void put(const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", top, file);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void check_holds(const char *file, const char *want)
{
    char path[256], got[64] = "";
    snprintf(path, sizeof path, "%s/%s", top, file);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_le(fread(got, 1, sizeof got - 1, f), sizeof got);
    fclose(f);
    ck_assert_str_eq(got, want);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", top, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(top));
    make_folder("taskd");
    make_folder("w@1");
    put("taskd/cgroup.procs", "");
    put("w@1/cgroup.procs", "");
}

static void tear_down(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    ck_assert_int_eq(system(command), 0);
    memcpy(top + sizeof top - 7, "XXXXXX", 6);
}

static struct cgroups *open_it(void)
{
    struct cgroups *all = NULL;
    char why[256] = "";
    ck_assert_msg(cgroups_open_at(top, &all, why, sizeof why) == 0, "%s", why);
    return all;
}

static const struct worker_config limits = {.memory_max = 64 << 20, .pids_max = 50, .cpu_weight = 10};

START_TEST(limits_are_written)
{
    struct cgroup *g;
    put("cgroup.subtree_control", "");
    put("w@1/memory.max", "");
    put("w@1/pids.max", "");
    put("w@1/cpu.weight", "");
    struct cgroups *all = open_it();
    ck_assert_int_eq(cgroup_new(all, "w@1", &g), 0);
    cgroup_begin_life(g, &limits);
    ck_assert_str_eq(cgroup_unset(g), "");
    check_holds("w@1/memory.max", "67108864");
    check_holds("w@1/pids.max", "50");
    check_holds("w@1/cpu.weight", "10");
    put("w@1/pids.max", "");
    put("w@1/cpu.weight", "");
    cgroup_begin_life(g, &(struct worker_config){.pids_max = 7}); /* a reload has changed them */
    check_holds("w@1/pids.max", "7");
    check_holds("w@1/cpu.weight", "100");
    cgroup_free(g);
    cgroups_free(all);
}
END_TEST

START_TEST(limits_without_a_controller_are_named)
{
    struct cgroup *g;
    struct cgroups *all = open_it(); /* no cgroup.subtree_control: nothing can be enabled */
    ck_assert_int_eq(cgroup_new(all, "w@1", &g), 0);
    cgroup_begin_life(g, &limits);
    ck_assert_str_eq(cgroup_unset(g), "memory_max pids_max cpu_weight");
    cgroup_free(g);
    ck_assert_int_eq(cgroup_new(all, "w@1", &g), 0);
    cgroup_begin_life(g, &(struct worker_config){0});
    ck_assert_str_eq(cgroup_unset(g), "");
    cgroup_free(g);
    cgroups_free(all);
}
END_TEST

START_TEST(an_oom_kill_is_one_of_this_life)
{
    struct cgroup *g;
    put("w@1/memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n");
    struct cgroups *all = open_it();
    ck_assert_int_eq(cgroup_new(all, "w@1", &g), 0);
    cgroup_begin_life(g, &limits);
    ck_assert(!cgroup_had_oom_kill(g));
    put("w@1/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n");
    ck_assert(cgroup_had_oom_kill(g));
    cgroup_begin_life(g, &limits);
    ck_assert(!cgroup_had_oom_kill(g));
    cgroup_free(g);
    cgroups_free(all);
}
END_TEST

START_TEST(two_cannot_share_one)
{
    struct cgroups *all = open_it(), *other = NULL;
    char why[256] = "";
    ck_assert_int_eq(cgroups_open_at(top, &other, why, sizeof why), -EBUSY);
    ck_assert_ptr_nonnull(strstr(why, "another taskd"));
    cgroups_free(all);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, limits_are_written);
    tcase_add_test(tc, limits_without_a_controller_are_named);
    tcase_add_test(tc, an_oom_kill_is_one_of_this_life);
    tcase_add_test(tc, two_cannot_share_one);
}

int main(void)
{
    return suite_run("cgroup", (void (*const[])(TCase *)){add, NULL});
}
