/* Who is due when, by clocks that the test sets; at the end by the kernel's. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/agenda.h"

/* Two clocks that stand still until they are moved. */
enum { BOOT, WALL, CLOCKS };

static const clockid_t ids[CLOCKS] = {[BOOT] = CLOCK_BOOTTIME, [WALL] = CLOCK_REALTIME};

static struct {
    int fd, opens, arm_result, open_result;
    int64_t now_ms, armed_ms;
} clocks[CLOCKS];

static int clock_of(clockid_t id)
{
    for (int i = 0; i < CLOCKS; i++)
        if (ids[i] == id)
            return i;
    ck_abort_msg("clock %d", (int)id);
}

static int64_t fake_now_ms(clockid_t id)
{
    return clocks[clock_of(id)].now_ms;
}

static int fake_open(clockid_t id)
{
    int i = clock_of(id);
    if (clocks[i].open_result < 0)
        return clocks[i].open_result;
    clocks[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    clocks[i].armed_ms = AGENDA_NEVER;
    return clocks[i].fd;
}

static void fire(int i)
{
    ck_assert_int_eq(eventfd_write(clocks[i].fd, 1), 0);
}

static void fire_if_due(int i)
{
    if (clocks[i].armed_ms <= clocks[i].now_ms)
        fire(i);
}

/* As the kernel does, it forgets what was not read. */
static int fake_arm(int fd, int64_t at_ms)
{
    int i = fd == clocks[WALL].fd ? WALL : BOOT, r = clocks[i].arm_result;
    eventfd_t unread;
    ck_assert_int_eq(fd, clocks[i].fd);
    eventfd_read(fd, &unread);
    clocks[i].armed_ms = at_ms;
    clocks[i].arm_result = 0;
    fire_if_due(i);
    return r;
}

static const struct agenda_clock_ops fake = {.now_ms = fake_now_ms, .open = fake_open, .arm = fake_arm};

/* 2026-06-01 12:00:00 UTC, a Monday. */
static const int64_t NOON = INT64_C(1780315200000), SECOND = 1000, MINUTE = 60000, HOUR = 3600000;

static struct event_base *base;
static struct agenda *agenda;
static char said[256]; /* who was due since the last look, in order */
static void (*on_next_due)(const char *who);
static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";

static void on_due(void *arg, void *who)
{
    ck_assert_ptr_eq(arg, said);
    ck_assert_uint_lt(strlen(said) + 1, sizeof said);
    strcat(said, who);
    if (on_next_due)
        on_next_due(who);
}

static void setup_with(const struct agenda_clock_ops *ops)
{
    agenda_clocks = ops;
    said[0] = '\0';
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    ck_assert_int_eq(agenda_new(base, on_due, said, &agenda), 0);
}

static void setup(void)
{
    clocks[BOOT].now_ms = 5000;
    clocks[WALL].now_ms = NOON;
    setup_with(&fake);
}

static void teardown(void)
{
    agenda_free(agenda);
    event_base_free(base);
}

/* Everything that is readable now, and what comes of it. */
static void settle(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void ck_said(const char *want)
{
    settle();
    ck_assert_str_eq(said, want);
    said[0] = '\0';
}

static void pass(int64_t ms)
{
    for (int i = 0; i < CLOCKS; i++) {
        clocks[i].now_ms += ms;
        fire_if_due(i);
    }
}

/* The kernel tells of it whether or not anything is due, where a timer is armed. */
static void set_wall(int64_t ms)
{
    clocks[WALL].now_ms = ms;
    if (clocks[WALL].armed_ms != AGENDA_NEVER)
        fire(WALL);
}

static int set_cron(void *who, const char *text, const char *zone)
{
    struct cron cron;
    ck_assert_int_eq(cron_parse(text, &cron, NULL, 0), 0);
    return agenda_set_cron(agenda, who, &cron, zone);
}

static void daily(void *who, const char *text)
{
    ck_assert_int_eq(set_cron(who, text, "UTC"), 0);
}

static void every(void *who, int64_t ms)
{
    ck_assert_int_eq(agenda_set_every(agenda, who, ms), 0);
}

START_TEST(a_period_keeps_its_grid)
{
    every(a, 1000);
    ck_assert_int_eq(clocks[BOOT].armed_ms, 6000);
    ck_said("");
    pass(999);
    ck_said("");
    pass(1);
    ck_said("a");
    ck_assert_int_eq(clocks[BOOT].armed_ms, 7000);
    pass(1300); /* late */
    ck_said("a");
    ck_assert_int_eq(clocks[BOOT].armed_ms, 8000);
    pass(700);
    ck_said("a");
    ck_assert_int_eq(clocks[BOOT].armed_ms, 9000);
}
END_TEST

START_TEST(missed_periods_run_once)
{
    every(a, 1000);
    pass(10400);
    ck_said("a");
    ck_assert_int_eq(clocks[BOOT].armed_ms, 16000);
    pass(600);
    ck_said("a");
    pass(50000);
    ck_said("a");
    ck_assert_int_eq(clocks[BOOT].armed_ms, 67000);
}
END_TEST

START_TEST(a_clock_that_is_set_does_not_touch_periods)
{
    every(a, 1000);
    set_wall(NOON + 100 * HOUR);
    ck_said("");
    set_wall(0);
    ck_said("");
    pass(1000);
    ck_said("a");
}
END_TEST

START_TEST(one_timer_serves_all)
{
    every(a, 3000);
    every(b, 2000);
    every(c, 6000);
    ck_assert_int_eq(clocks[BOOT].armed_ms, 7000);
    pass(2000);
    ck_said("b");
    pass(1000);
    ck_said("a");
    pass(1000);
    ck_said("b");
    pass(2000);
    ck_said("abc");
    daily(d, "0 13 * * *");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR);
    daily(c, "30 12 * * *");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR / 2);
    agenda_remove(agenda, c);
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR);
}
END_TEST

START_TEST(nothing_is_armed_without_entries)
{
    every(a, 1000);
    daily(b, "@daily");
    agenda_remove(agenda, c);
    ck_assert_int_ne(clocks[BOOT].armed_ms, AGENDA_NEVER);
    ck_assert_int_ne(clocks[WALL].armed_ms, AGENDA_NEVER);
    agenda_remove(agenda, a);
    ck_assert_int_eq(clocks[BOOT].armed_ms, AGENDA_NEVER);
    ck_assert_int_ne(clocks[WALL].armed_ms, AGENDA_NEVER);
    agenda_remove(agenda, b);
    ck_assert_int_eq(clocks[WALL].armed_ms, AGENDA_NEVER);
}
END_TEST

START_TEST(a_new_entry_replaces_the_old_one)
{
    every(a, 1000);
    every(a, 5000);
    ck_assert_int_eq(clocks[BOOT].armed_ms, 10000);
    daily(a, "0 13 * * *");
    ck_assert_int_eq(clocks[BOOT].armed_ms, AGENDA_NEVER);
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR);
    every(a, 1000);
    ck_assert_int_eq(clocks[WALL].armed_ms, AGENDA_NEVER);
    pass(1000);
    ck_said("a");
}
END_TEST

START_TEST(a_cron_entry_runs_at_its_times)
{
    daily(a, "*/20 * * * *");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + 20 * MINUTE);
    pass(20 * MINUTE - 1);
    ck_said("");
    pass(1);
    ck_said("a");
    pass(20 * MINUTE + 400);
    ck_said("a");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR);
}
END_TEST

START_TEST(a_cron_entry_has_a_zone)
{
    ck_assert_int_eq(set_cron(a, "0 15 * * *", "Europe/Berlin"), 0);
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR);
    pass(HOUR);
    ck_said("a");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + 25 * HOUR);
    setenv("TZ", "Europe/Berlin", 1);
    ck_assert_int_eq(set_cron(a, "0 17 * * *", NULL), 0);
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + 3 * HOUR);
}
END_TEST

START_TEST(missed_times_run_once)
{
    daily(a, "0 * * * *");
    pass(72 * HOUR + 90 * SECOND);
    ck_said("a");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + 73 * HOUR);
}
END_TEST

START_TEST(a_clock_set_forward_misses_times)
{
    daily(a, "0 13 * * *");
    daily(b, "0 * * * *");
    daily(c, "0 3 * * *");
    set_wall(NOON + 30 * MINUTE);
    ck_said("");
    set_wall(NOON + 5 * HOUR + 30 * MINUTE);
    ck_said("ab");
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + 6 * HOUR);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + 25 * HOUR);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, c), NOON + 15 * HOUR);
}
END_TEST

/* A clock that is set back, and by how much before the time that was run. */
START_TEST(a_clock_set_back)
{
    static const struct {
        const char *text;
        int64_t back_ms;
        bool again;
    } rows[] = {
        {"0 13 * * *", 400, false},         {"0 13 * * *", 2 * HOUR, false},        {"0 13 * * *", 3 * HOUR, false},
        {"0 13 * * *", 3 * HOUR + 1, true}, {"0 13 * * *", 24 * 3650 * HOUR, true}, {"0 * * * *", 400, false},
        {"0 * * * *", MINUTE, false},       {"0 * * * *", MINUTE + 1, true},        {"0 * * * *", 30 * MINUTE, true},
        {"* * * * *", 2 * HOUR, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clocks[WALL].now_ms = NOON + HOUR - MINUTE;
        daily(a, rows[i].text);
        pass(MINUTE);
        ck_said("a");
        int64_t next = agenda_next_unix_ms(agenda, a), run = NOON + HOUR;
        set_wall(run - rows[i].back_ms);
        ck_said("");
        ck_assert_msg((agenda_next_unix_ms(agenda, a) == next) == !rows[i].again, "row %zu", i);
        ck_assert_msg((agenda_next_unix_ms(agenda, a) <= run) == rows[i].again, "row %zu", i);
        ck_assert_int_eq(clocks[WALL].armed_ms, agenda_next_unix_ms(agenda, a));
    }
}
END_TEST

START_TEST(a_clock_set_back_before_a_time_that_was_not_run_changes_nothing)
{
    daily(a, "0 13 * * *");
    pass(HOUR);
    ck_said("a");
    pass(6 * HOUR);
    set_wall(NOON + 4 * HOUR);
    ck_said("");
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + 25 * HOUR);
}
END_TEST

START_TEST(a_clock_that_was_years_ahead)
{
    set_wall(NOON + 24 * 3650 * HOUR);
    daily(a, "0 13 * * *");
    set_wall(NOON);
    ck_said("");
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + HOUR);
    pass(HOUR);
    ck_said("a");
}
END_TEST

/* The clock is set while the timer is being armed: the kernel says so there, and nowhere else. */
START_TEST(a_clock_set_while_arming)
{
    daily(a, "0 13 * * *");
    pass(30 * MINUTE);
    clocks[WALL].arm_result = -ECANCELED;
    daily(b, "0 14 * * *");
    clocks[WALL].now_ms = NOON + 2 * HOUR; /* untold */
    ck_said("ab");
}
END_TEST

static void remove_self(const char *who)
{
    agenda_remove(agenda, who == a ? a : b);
}

static void remove_all(const char *who)
{
    (void)who;
    agenda_remove(agenda, a);
    agenda_remove(agenda, b);
    agenda_remove(agenda, c);
}

static void remove_next(const char *who)
{
    if (who == a)
        agenda_remove(agenda, b);
}

static void remove_before(const char *who)
{
    if (who == b)
        agenda_remove(agenda, a);
}

static void set_all_anew(const char *who)
{
    (void)who;
    on_next_due = NULL;
    every(c, 1000);
    every(a, 1000);
    every(b, 1000);
    every(d, 500);
}

START_TEST(entries_change_while_they_are_called)
{
    static const struct {
        void (*what)(const char *who);
        const char *first, *second;
    } rows[] = {
        {remove_self, "abc", "c"},    {remove_all, "a", ""},       {remove_next, "ac", "ac"},
        {remove_before, "abc", "bc"}, {set_all_anew, "a", "cabd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        every(a, 1000);
        every(b, 1000);
        every(c, 1000);
        on_next_due = rows[i].what;
        pass(1000);
        ck_said(rows[i].first);
        pass(1000);
        ck_said(rows[i].second);
        on_next_due = NULL;
        remove_all(a);
    }
}
END_TEST

START_TEST(when_the_next_run_is)
{
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), -1);
    every(a, 90 * SECOND);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + 90 * SECOND);
    pass(SECOND);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + 90 * SECOND);
    set_wall(NOON - HOUR);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON - HOUR + 89 * SECOND);
    daily(a, "0 12 * * *");
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, b), -1);
    agenda_remove(agenda, a);
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), -1);
}
END_TEST

START_TEST(an_error_leaves_what_was)
{
    every(a, 1000);
    ck_assert_int_eq(agenda_set_every(agenda, a, 0), -EINVAL);
    ck_assert_int_eq(agenda_set_every(agenda, a, -1), -EINVAL);
    ck_assert_int_eq(agenda_set_every(agenda, a, AGENDA_PERIOD_MAX_MS + 1), -EINVAL);
    ck_assert_int_eq(set_cron(a, "@daily", "No/Where"), -EINVAL);
    ck_assert_int_eq(clocks[BOOT].armed_ms, 6000);
    ck_assert_int_eq(clocks[WALL].armed_ms, AGENDA_NEVER);
    every(a, AGENDA_PERIOD_MAX_MS);
    ck_assert_int_eq(clocks[BOOT].armed_ms, 5000 + AGENDA_PERIOD_MAX_MS);
}
END_TEST

START_TEST(a_descriptor_that_is_not_to_be_had)
{
    struct agenda *none = NULL;
    for (int i = 0; i < CLOCKS; i++) {
        clocks[i].open_result = -EMFILE;
        ck_assert_int_eq(agenda_new(base, on_due, said, &none), -EMFILE);
        ck_assert_ptr_null(none);
        clocks[i].open_result = 0;
    }
    ck_assert_int_eq(fcntl(clocks[BOOT].fd, F_GETFD), -1);
    agenda_free(NULL);
}
END_TEST

START_TEST(a_zone_that_is_gone_for_a_while)
{
    char dir[] = "/tmp/test_agenda.XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/Home", dir);
    ck_assert_int_eq(symlink("/usr/share/zoneinfo/Etc/UTC", path), 0);
    setenv("TZDIR", dir, 1);
    ck_assert_int_eq(set_cron(a, "0,1 13,14 * * *", "Home"), 0);
    unlink(path);
    pass(HOUR);
    ck_said("a");
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), -1);
    ck_assert_int_eq(clocks[WALL].armed_ms, NOON + HOUR + AGENDA_RETRY_MS);
    ck_assert_int_eq(symlink("/usr/share/zoneinfo/Etc/UTC", path), 0);
    pass(AGENDA_RETRY_MS + SECOND); /* 13:01 has gone by meanwhile */
    ck_said("a");
    ck_assert_int_eq(agenda_next_unix_ms(agenda, a), NOON + 2 * HOUR);
    unlink(path);
    rmdir(dir);
}
END_TEST

/* --- the kernel's clocks, with the wall's set to just before a full minute --- */

static int64_t ahead_ms;

static int64_t real_now_ms(clockid_t id)
{
    return agenda_kernel.now_ms(id) + (id == CLOCK_REALTIME ? ahead_ms : 0);
}

static int real_open(clockid_t id)
{
    return clocks[clock_of(id)].fd = agenda_kernel.open(id);
}

static int real_arm(int fd, int64_t at_ms)
{
    bool moved = fd == clocks[WALL].fd && at_ms != AGENDA_NEVER;
    return agenda_kernel.arm(fd, at_ms - (moved ? ahead_ms : 0));
}

static const struct agenda_clock_ops real = {.now_ms = real_now_ms, .open = real_open, .arm = real_arm};

static void setup_real(void)
{
    ahead_ms = MINUTE - 50 - agenda_kernel.now_ms(CLOCK_REALTIME) % MINUTE;
    setup_with(&real);
}

static void wait_for(size_t count)
{
    while (strlen(said) < count)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static int flags_of(int fd)
{
    char path[64], line[128];
    int flags = -1;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        sscanf(line, "settime flags: %o", &flags);
    fclose(f);
    return flags;
}

static bool armed(int fd)
{
    struct itimerspec left;
    ck_assert_int_eq(timerfd_gettime(fd, &left), 0);
    return left.it_value.tv_sec || left.it_value.tv_nsec;
}

START_TEST(real_periods)
{
    int64_t began = agenda_kernel.now_ms(CLOCK_BOOTTIME);
    every(a, 20);
    wait_for(3);
    ck_assert_int_ge(agenda_kernel.now_ms(CLOCK_BOOTTIME), began + 60);
    agenda_remove(agenda, a);
    ck_assert(!armed(clocks[BOOT].fd));
    every(b, AGENDA_PERIOD_MAX_MS);
    ck_assert(armed(clocks[BOOT].fd));
}
END_TEST

START_TEST(real_wall)
{
    ck_assert(!armed(clocks[WALL].fd));
    daily(a, "* * * * *");
    ck_assert_int_eq(flags_of(clocks[WALL].fd), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    wait_for(1);
    ck_assert_int_lt(real_now_ms(CLOCK_REALTIME) % MINUTE, MINUTE - 50);
    ck_assert(armed(clocks[WALL].fd));
    agenda_remove(agenda, a);
    ck_assert(!armed(clocks[WALL].fd));
    ck_assert_int_eq(flags_of(clocks[WALL].fd), 0);
}
END_TEST

static void add_fake(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_period_keeps_its_grid);
    tcase_add_test(tc, missed_periods_run_once);
    tcase_add_test(tc, a_clock_that_is_set_does_not_touch_periods);
    tcase_add_test(tc, one_timer_serves_all);
    tcase_add_test(tc, nothing_is_armed_without_entries);
    tcase_add_test(tc, a_new_entry_replaces_the_old_one);
    tcase_add_test(tc, a_cron_entry_runs_at_its_times);
    tcase_add_test(tc, a_cron_entry_has_a_zone);
    tcase_add_test(tc, missed_times_run_once);
    tcase_add_test(tc, a_clock_set_forward_misses_times);
    tcase_add_test(tc, a_clock_set_back);
    tcase_add_test(tc, a_clock_set_back_before_a_time_that_was_not_run_changes_nothing);
    tcase_add_test(tc, a_clock_that_was_years_ahead);
    tcase_add_test(tc, a_clock_set_while_arming);
    tcase_add_test(tc, entries_change_while_they_are_called);
    tcase_add_test(tc, when_the_next_run_is);
    tcase_add_test(tc, an_error_leaves_what_was);
    tcase_add_test(tc, a_descriptor_that_is_not_to_be_had);
    tcase_add_test(tc, a_zone_that_is_gone_for_a_while);
}

static void add_real(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup_real, teardown);
    tcase_add_test(tc, real_periods);
    tcase_add_test(tc, real_wall);
}

int main(void)
{
    return suite_run("agenda", (void (*const[])(TCase *)){add_fake, add_real, NULL});
}
