/* When an expression comes. Times are written as the clock on the wall shows them, with their distance from UTC. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/cron.h"

#define ROWS(rows) (sizeof(rows) / sizeof *(rows))

enum { SERIES = 6 };

struct row {
    const char *text, *after, *due[SERIES];
};

static time_t when(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M:%S %z", &tm);
    ck_assert_msg(end && !*end, "%s", text);
    long offset = tm.tm_gmtoff;
    return timegm(&tm) - offset;
}

static const char *spoken(time_t t, char out[32])
{
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return out;
}

static struct cron parsed(const char *text)
{
    struct cron c;
    char why[128];
    ck_assert_msg(cron_parse(text, &c, why, sizeof why) == 0, "%s: %s", text, why);
    return c;
}

static time_t next(const char *text, const char *zone, time_t after)
{
    struct cron c = parsed(text);
    time_t t;
    ck_assert_int_eq(cron_next(&c, zone, after, &t), 0);
    ck_assert_int_gt(t, after);
    return t;
}

static void check_rows(const char *zone, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        time_t t = when(rows[i].after);
        for (int k = 0; k < SERIES && rows[i].due[k]; k++) {
            char is[32], want[32];
            t = next(rows[i].text, zone, t);
            ck_assert_msg(t == when(rows[i].due[k]), "%s in %s after %s, no. %d: %s instead of %s", rows[i].text, zone,
                          rows[i].after, k, spoken(t, is), spoken(when(rows[i].due[k]), want));
        }
    }
}

START_TEST(calendar)
{
    static const struct row rows[] = {
        {"* * * * *", "2026-01-01 00:00:00 +0000", {"2026-01-01 00:01:00 +0000", "2026-01-01 00:02:00 +0000"}},
        {"* * * * *", "2026-01-01 00:00:59 +0000", {"2026-01-01 00:01:00 +0000"}},
        {"* * * * *", "2026-12-31 23:59:30 +0000", {"2027-01-01 00:00:00 +0000"}},
        {"30 6 * * *", "2026-05-05 06:29:59 +0000", {"2026-05-05 06:30:00 +0000", "2026-05-06 06:30:00 +0000"}},
        {"*/20 9-10 * * *",
         "2026-05-05 09:30:00 +0000",
         {"2026-05-05 09:40:00 +0000", "2026-05-05 10:00:00 +0000", "2026-05-05 10:20:00 +0000",
          "2026-05-05 10:40:00 +0000", "2026-05-06 09:00:00 +0000"}},
        {"0 */7 * * *",
         "2026-05-05 00:00:00 +0000",
         {"2026-05-05 07:00:00 +0000", "2026-05-05 14:00:00 +0000", "2026-05-05 21:00:00 +0000",
          "2026-05-06 00:00:00 +0000"}},
        {"0 0 31 * *",
         "2026-01-31 00:00:00 +0000",
         {"2026-03-31 00:00:00 +0000", "2026-05-31 00:00:00 +0000", "2026-07-31 00:00:00 +0000"}},
        {"@monthly", "2026-12-01 00:00:00 +0000", {"2027-01-01 00:00:00 +0000", "2027-02-01 00:00:00 +0000"}},
        {"@yearly", "2026-01-01 00:00:00 +0000", {"2027-01-01 00:00:00 +0000", "2028-01-01 00:00:00 +0000"}},
        /* 2026-01-01 is a Thursday. */
        {"@weekly", "2026-01-01 00:00:00 +0000", {"2026-01-04 00:00:00 +0000", "2026-01-11 00:00:00 +0000"}},
        {"0 12 * * mon-fri", "2026-01-01 12:00:00 +0000", {"2026-01-02 12:00:00 +0000", "2026-01-05 12:00:00 +0000"}},
        {"0 12 * * sat-sun",
         "2026-01-01 12:00:00 +0000",
         {"2026-01-03 12:00:00 +0000", "2026-01-04 12:00:00 +0000", "2026-01-10 12:00:00 +0000"}},
        /* Either day field, where both are restricted. */
        {"0 0 13 * fri",
         "2026-02-01 00:00:00 +0000",
         {"2026-02-06 00:00:00 +0000", "2026-02-13 00:00:00 +0000", "2026-02-20 00:00:00 +0000"}},
        {"0 0 1,15 * wed",
         "2026-01-01 00:00:00 +0000",
         {"2026-01-07 00:00:00 +0000", "2026-01-14 00:00:00 +0000", "2026-01-15 00:00:00 +0000"}},
        /* The 30th never comes in February, but Mondays do. */
        {"0 0 30 2 mon", "2026-01-01 00:00:00 +0000", {"2026-02-02 00:00:00 +0000", "2026-02-09 00:00:00 +0000"}},
        /* Both, where one begins with a star: odd days that are Mondays. */
        {"0 0 */2 * mon",
         "2026-01-01 00:00:00 +0000",
         {"2026-01-05 00:00:00 +0000", "2026-01-19 00:00:00 +0000", "2026-02-09 00:00:00 +0000"}},
        /* Leap days: 2100 has none. */
        {"0 0 29 2 *",
         "2026-01-01 00:00:00 +0000",
         {"2028-02-29 00:00:00 +0000", "2032-02-29 00:00:00 +0000", "2036-02-29 00:00:00 +0000"}},
        {"0 0 29 2 *", "2096-02-29 00:00:00 +0000", {"2104-02-29 00:00:00 +0000"}},
        {"0 0 29 2 */7", "2088-02-29 00:00:00 +0000", {"2128-02-29 00:00:00 +0000"}},
        /* Past the end of 32 bits, and at the end of what is answered. */
        {"14 3 * * *", "2038-01-19 03:14:07 +0000", {"2038-01-20 03:14:00 +0000"}},
        {"* * * * *", "2038-01-19 03:14:07 +0000", {"2038-01-19 03:15:00 +0000"}},
        {"@yearly", "2106-02-07 06:28:16 +0000", {"2107-01-01 00:00:00 +0000"}},
        {"@yearly", "1970-01-01 00:00:00 +0000", {"1971-01-01 00:00:00 +0000"}},
    };
    check_rows("UTC", rows, ROWS(rows));
}
END_TEST

/* 2026-03-29 02:00 +01 -> 03:00 +02; 2026-10-25 03:00 +02 -> 02:00 +01. */
START_TEST(berlin)
{
    static const struct row rows[] = {
        {"30 2 * * *",
         "2026-03-28 02:30:00 +0100",
         {"2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200", "2026-03-31 02:30:00 +0200"}},
        {"0 2 * * *", "2026-03-28 02:00:00 +0100", {"2026-03-29 03:00:00 +0200", "2026-03-30 02:00:00 +0200"}},
        {"0 3 * * *", "2026-03-28 03:00:00 +0100", {"2026-03-29 03:00:00 +0200", "2026-03-30 03:00:00 +0200"}},
        {"30 2 29 3 *", "2026-03-29 01:59:59 +0100", {"2026-03-29 03:00:00 +0200", "2027-03-29 02:30:00 +0200"}},
        {"30 2 * * *", "2026-03-29 03:00:00 +0200", {"2026-03-30 02:30:00 +0200"}},
        {"30 2 * * *", "2026-03-29 03:00:01 +0200", {"2026-03-30 02:30:00 +0200"}},
        /* Four times are skipped: one run. */
        {"*/15 2 * * *",
         "2026-03-29 00:00:00 +0100",
         {"2026-03-29 03:00:00 +0200", "2026-03-30 02:00:00 +0200", "2026-03-30 02:15:00 +0200"}},
        {"30 1-3 * * *",
         "2026-03-29 00:00:00 +0100",
         {"2026-03-29 01:30:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 03:30:00 +0200"}},
        /* Periodic ones do not know the skipped hour. */
        {"0 * * * *",
         "2026-03-29 00:30:00 +0100",
         {"2026-03-29 01:00:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"}},
        {"30 * * * *",
         "2026-03-29 01:00:00 +0100",
         {"2026-03-29 01:30:00 +0100", "2026-03-29 03:30:00 +0200", "2026-03-29 04:30:00 +0200"}},
        {"0 */2 * * *",
         "2026-03-28 23:30:00 +0100",
         {"2026-03-29 00:00:00 +0100", "2026-03-29 04:00:00 +0200", "2026-03-29 06:00:00 +0200"}},
        {"* * * * *", "2026-03-29 01:59:00 +0100", {"2026-03-29 03:00:00 +0200", "2026-03-29 03:01:00 +0200"}},
        /* The repeated hour: at its first, and not at its second. */
        {"30 2 * * *",
         "2026-10-24 02:30:00 +0200",
         {"2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100", "2026-10-27 02:30:00 +0100"}},
        {"0 2 * * *", "2026-10-25 01:00:00 +0200", {"2026-10-25 02:00:00 +0200", "2026-10-26 02:00:00 +0100"}},
        {"0 3 * * *", "2026-10-25 01:00:00 +0200", {"2026-10-25 03:00:00 +0100", "2026-10-26 03:00:00 +0100"}},
        {"30 2 * * *", "2026-10-25 02:45:00 +0200", {"2026-10-26 02:30:00 +0100"}},
        {"30 2 * * *", "2026-10-25 02:59:59 +0200", {"2026-10-26 02:30:00 +0100"}},
        {"30 2 * * *", "2026-10-25 02:00:00 +0100", {"2026-10-26 02:30:00 +0100"}},
        {"30 2 * * *", "2026-10-25 02:15:00 +0100", {"2026-10-26 02:30:00 +0100"}},
        {"0,30 2,3 * * *",
         "2026-10-25 02:00:00 +0200",
         {"2026-10-25 02:30:00 +0200", "2026-10-25 03:00:00 +0100", "2026-10-25 03:30:00 +0100"}},
        {"* 2 * * *", "2026-10-25 02:59:00 +0200", {"2026-10-26 02:00:00 +0100"}},
        /* Periodic ones go through it twice. */
        {"0 * * * *",
         "2026-10-25 01:00:00 +0200",
         {"2026-10-25 02:00:00 +0200", "2026-10-25 02:00:00 +0100", "2026-10-25 03:00:00 +0100"}},
        {"30 * * * *",
         "2026-10-25 02:00:00 +0200",
         {"2026-10-25 02:30:00 +0200", "2026-10-25 02:30:00 +0100", "2026-10-25 03:30:00 +0100"}},
        {"0 */2 * * *",
         "2026-10-25 00:00:00 +0200",
         {"2026-10-25 02:00:00 +0200", "2026-10-25 02:00:00 +0100", "2026-10-25 04:00:00 +0100"}},
        {"*/30 * * * *", "2026-10-25 02:15:00 +0100", {"2026-10-25 02:30:00 +0100", "2026-10-25 03:00:00 +0100"}},
        /* The rule of the zone's last line is followed past the end of its table. */
        {"30 2 * * *", "2040-03-24 02:30:00 +0100", {"2040-03-25 03:00:00 +0200", "2040-03-26 02:30:00 +0200"}},
        {"30 2 * * *", "2051-10-28 02:30:00 +0200", {"2051-10-29 02:30:00 +0200", "2051-10-30 02:30:00 +0100"}},
        {"0 12 * 7 *", "2499-01-01 00:00:00 +0100", {"2499-07-01 12:00:00 +0200"}},
        /* Changes in between do not disturb, and do not make the second of two out of the first. */
        {"30 2 25 10 *", "2026-01-15 00:00:00 +0100", {"2026-10-25 02:30:00 +0200", "2027-10-25 02:30:00 +0200"}},
        {"0 0 1 7 *", "2026-01-15 00:00:00 +0100", {"2026-07-01 00:00:00 +0200", "2027-07-01 00:00:00 +0200"}},
    };
    check_rows("Europe/Berlin", rows, ROWS(rows));
}
END_TEST

/* 2026-03-08 02:00 -05 -> 03:00 -04; 2026-11-01 02:00 -04 -> 01:00 -05. */
START_TEST(new_york)
{
    static const struct row rows[] = {
        {"30 2 * * *", "2026-03-07 02:30:00 -0500", {"2026-03-08 03:00:00 -0400", "2026-03-09 02:30:00 -0400"}},
        {"0 * * * *", "2026-03-08 00:30:00 -0500", {"2026-03-08 01:00:00 -0500", "2026-03-08 03:00:00 -0400"}},
        {"30 1 * * *", "2026-10-31 01:30:00 -0400", {"2026-11-01 01:30:00 -0400", "2026-11-02 01:30:00 -0500"}},
        {"0 1 * * sun", "2026-11-01 00:59:59 -0400", {"2026-11-01 01:00:00 -0400", "2026-11-08 01:00:00 -0500"}},
        {"0 2 * * *", "2026-10-31 02:00:00 -0400", {"2026-11-01 02:00:00 -0500", "2026-11-02 02:00:00 -0500"}},
        {"*/20 * * * *",
         "2026-11-01 01:20:00 -0400",
         {"2026-11-01 01:40:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 01:20:00 -0500",
          "2026-11-01 01:40:00 -0500", "2026-11-01 02:00:00 -0500"}},
        {"30 2 * * *", "2050-03-12 02:30:00 -0500", {"2050-03-13 03:00:00 -0400", "2050-03-14 02:30:00 -0400"}},
        /* Before 1970 there. */
        {"30 20 * * *", "1969-12-31 19:00:00 -0500", {"1969-12-31 20:30:00 -0500", "1970-01-01 20:30:00 -0500"}},
        /* The last evening of the year there is the new one in UTC. */
        {"59 23 31 12 *", "2026-12-31 23:59:00 -0500", {"2027-12-31 23:59:00 -0500"}},
    };
    check_rows("America/New_York", rows, ROWS(rows));
}
END_TEST

/* Half an hour: 2026-10-04 02:00 +1030 -> 02:30 +11; 2026-04-05 02:00 +11 -> 01:30 +1030. */
START_TEST(lord_howe)
{
    static const struct row rows[] = {
        {"15 2 * * *", "2026-10-03 02:15:00 +1030", {"2026-10-04 02:30:00 +1100", "2026-10-05 02:15:00 +1100"}},
        {"0 2 * * *", "2026-10-03 02:00:00 +1030", {"2026-10-04 02:30:00 +1100", "2026-10-05 02:00:00 +1100"}},
        {"30 2 * * *", "2026-10-03 02:30:00 +1030", {"2026-10-04 02:30:00 +1100", "2026-10-05 02:30:00 +1100"}},
        {"*/10 2 * * *",
         "2026-10-04 00:00:00 +1030",
         {"2026-10-04 02:30:00 +1100", "2026-10-04 02:40:00 +1100", "2026-10-04 02:50:00 +1100",
          "2026-10-05 02:00:00 +1100"}},
        {"*/15 * * * *", "2026-10-04 01:45:00 +1030", {"2026-10-04 02:30:00 +1100", "2026-10-04 02:45:00 +1100"}},
        {"45 1 * * *", "2026-04-04 01:45:00 +1100", {"2026-04-05 01:45:00 +1100", "2026-04-06 01:45:00 +1030"}},
        {"45 1 * * *", "2026-04-05 01:30:00 +1030", {"2026-04-06 01:45:00 +1030"}},
        {"0,45 1,2 * * *",
         "2026-04-05 01:00:00 +1100",
         {"2026-04-05 01:45:00 +1100", "2026-04-05 02:00:00 +1030", "2026-04-05 02:45:00 +1030"}},
        {"*/15 * * * *",
         "2026-04-05 01:30:00 +1100",
         {"2026-04-05 01:45:00 +1100", "2026-04-05 01:30:00 +1030", "2026-04-05 01:45:00 +1030",
          "2026-04-05 02:00:00 +1030"}},
    };
    check_rows("Australia/Lord_Howe", rows, ROWS(rows));
}
END_TEST

/* Where midnight is skipped, a day is, and where the change is no whole minute. */
START_TEST(odd_zones)
{
    static const struct row cairo[] = {
        {"@daily", "2024-04-25 00:00:00 +0200", {"2024-04-26 01:00:00 +0300", "2024-04-27 00:00:00 +0300"}},
        {"30 23 * * *", "2024-10-31 00:00:00 +0300", {"2024-10-31 23:30:00 +0300", "2024-11-01 23:30:00 +0200"}},
        {"@daily", "2024-10-31 00:00:00 +0300", {"2024-11-01 00:00:00 +0200", "2024-11-02 00:00:00 +0200"}},
    };
    static const struct row apia[] = {
        {"0 12 * * *",
         "2011-12-29 00:00:00 -1000",
         {"2011-12-29 12:00:00 -1000", "2011-12-31 00:00:00 +1400", "2011-12-31 12:00:00 +1400"}},
        {"0 */12 * * *",
         "2011-12-29 11:00:00 -1000",
         {"2011-12-29 12:00:00 -1000", "2011-12-31 00:00:00 +1400", "2011-12-31 12:00:00 +1400"}},
    };
    /* 1972-01-07 00:00:00 -0:44:30 -> 00:44:30 +00. */
    static const struct row monrovia[] = {
        {"30 0 * * *", "1972-01-06 12:00:00 +0000", {"1972-01-07 00:44:30 +0000", "1972-01-08 00:30:00 +0000"}},
        {"*/30 * * * *", "1972-01-06 23:44:30 +0000", {"1972-01-07 00:14:30 +0000", "1972-01-07 01:00:00 +0000"}},
    };
    check_rows("Africa/Cairo", cairo, ROWS(cairo));
    check_rows("Pacific/Apia", apia, ROWS(apia));
    check_rows("Africa/Monrovia", monrovia, ROWS(monrovia));
}
END_TEST

/* Every minute of two days around a change is asked of libc, and of the expression. */
START_TEST(a_periodic_expression_is_what_the_wall_shows)
{
    struct cron c = parsed("7,30 */3,2 * * *");
    time_t from = when("2026-10-24 00:00:00 +0000"), due;
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    ck_assert_int_eq(cron_next(&c, NULL, from, &due), 0);
    for (time_t t = from + 60; t < from + 2 * 86400; t += 60) {
        struct tm tm;
        localtime_r(&t, &tm);
        bool fits = (tm.tm_min == 7 || tm.tm_min == 30) && (tm.tm_hour % 3 == 0 || tm.tm_hour == 2);
        ck_assert_msg(fits == (t == due), "%02d:%02d", tm.tm_hour, tm.tm_min);
        if (fits)
            ck_assert_int_eq(cron_next(&c, NULL, t, &due), 0);
    }
}
END_TEST

START_TEST(no_zone_is_the_process_own)
{
    time_t noon = when("2026-07-01 12:00:00 +0000");
    setenv("TZ", "America/New_York", 1);
    ck_assert_int_eq(next("0 9 * * *", NULL, noon), when("2026-07-01 09:00:00 -0400"));
    setenv("TZ", "UTC0", 1);
    ck_assert_int_eq(next("0 9 * * *", NULL, noon), when("2026-07-02 09:00:00 +0000"));
}
END_TEST

START_TEST(the_process_own_zone_is_put_back)
{
    time_t noon = when("2026-07-01 12:00:00 +0000");
    struct tm tm;
    setenv("TZ", "Asia/Tokyo", 1);
    next("0 9 * * *", "Europe/Berlin", noon);
    ck_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
    localtime_r(&noon, &tm);
    ck_assert_int_eq(tm.tm_hour, 21);
    unsetenv("TZ");
    next("0 9 * * *", "Europe/Berlin", noon);
    ck_assert_ptr_null(getenv("TZ"));
}
END_TEST

START_TEST(zone_names)
{
    static const struct {
        const char *name;
        bool ok;
    } rows[] = {
        {"UTC", true},
        {"Europe/Berlin", true},
        {"America/Argentina/Buenos_Aires", true},
        {"Etc/GMT+5", true},
        {"Etc/GMT-14", true},
        {"America/Port-au-Prince", true},
        {"", false},
        {"Europe", false},
        {"Europe/", false},
        {"Europe/Berlin/", false},
        {"Europe/Atlantis", false},
        {"CET-1CEST,M3.5.0,M10.5.0", false},
        {"UTC0", false},
        {"XYZ5", false},
        {"zone.tab", false},
        {"tzdata.zi", false},
        {"/usr/share/zoneinfo/Europe/Berlin", false},
        {"/UTC", false},
        {"/etc/localtime", false},
        {"../zoneinfo/Europe/Berlin", false},
        {"Europe/../Europe/Berlin", false},
        {"./UTC", false},
        {":UTC", false},
        {" UTC", false},
        {"Europe/Berlin\n", false},
    };
    struct cron c = parsed("@hourly");
    for (size_t i = 0; i < ROWS(rows); i++) {
        time_t t = -7;
        ck_assert_msg(cron_zone_ok(rows[i].name) == rows[i].ok, "\"%s\"", rows[i].name);
        ck_assert_msg(cron_next(&c, rows[i].name, 0, &t) == (rows[i].ok ? 0 : -EINVAL), "\"%s\"", rows[i].name);
        ck_assert_msg(rows[i].ok == (t != -7), "\"%s\"", rows[i].name);
    }
}
END_TEST

/* A database elsewhere: what is looked at there is what is used, whatever libc would find under that name. */
START_TEST(a_database_of_ones_own)
{
    char dir[] = "/tmp/test_cron.XXXXXX", path[64], target[] = "/usr/share/zoneinfo/Asia/Tokyo";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/Home", dir);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert(!cron_zone_ok("Home"));
    setenv("TZDIR", dir, 1);
    ck_assert(cron_zone_ok("Home"));
    ck_assert_int_eq(next("0 9 * * *", "Home", when("2026-07-01 12:00:00 +0000")), when("2026-07-02 09:00:00 +0900"));
    unlink(path);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert(!cron_zone_ok("Home"));
    unlink(path);
    rmdir(dir);
}
END_TEST

START_TEST(times_out_of_range)
{
    static const time_t last = 253402300799, rows[] = {-1, last + 1, INT64_MAX, INT64_MIN};
    struct cron c = parsed("@hourly");
    ck_assert_int_eq(next("@hourly", "UTC", last), last + 1);
    for (size_t i = 0; i < ROWS(rows); i++) {
        time_t t = -7;
        ck_assert_int_eq(cron_next(&c, "UTC", rows[i], &t), -ERANGE);
        ck_assert_int_eq(t, -7);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, calendar);
    tcase_add_test(tc, berlin);
    tcase_add_test(tc, new_york);
    tcase_add_test(tc, lord_howe);
    tcase_add_test(tc, odd_zones);
    tcase_add_test(tc, a_periodic_expression_is_what_the_wall_shows);
    tcase_add_test(tc, no_zone_is_the_process_own);
    tcase_add_test(tc, the_process_own_zone_is_put_back);
    tcase_add_test(tc, zone_names);
    tcase_add_test(tc, a_database_of_ones_own);
    tcase_add_test(tc, times_out_of_range);
}

int main(void)
{
    return suite_run("cron_next", (void (*const[])(TCase *)){add, NULL});
}
