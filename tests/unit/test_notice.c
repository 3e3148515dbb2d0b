#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/quantity.h"
#include "suite.h"
#include "taskd/notice.h"

/* What a datagram of these bytes says; the copy ends where the datagram does, so that a sanitizer sees a step too far.
 */
static int parse_bytes(const char *bytes, size_t len, struct notice *n)
{
    static char *text;
    free(text);
    text = malloc(len + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, bytes, len);
    return notice_parse(text, len, n);
}

static struct notice parse(const char *text)
{
    struct notice n;
    ck_assert_msg(parse_bytes(text, strlen(text), &n) == 0, "%s", text);
    return n;
}

START_TEST(everything_at_once)
{
    struct notice n = parse("READY=1\nSTATUS=Läuft = gut\nMAINPID=4711\nWATCHDOG=1\nWATCHDOG_USEC=1500\n"
                            "EXTEND_TIMEOUT_USEC=30000000\nSTOPPING=1\nERRNO=2\nEXIT_STATUS=7\n");
    ck_assert(n.ready && n.watchdog && n.stopping && !n.watchdog_trigger && !n.barrier);
    ck_assert_str_eq(n.status, "Läuft = gut");
    ck_assert_int_eq(n.main_pid, 4711);
    ck_assert_int_eq(n.watchdog_ms, 2); /* never too short */
    ck_assert_int_eq(n.extend_ms, 30000);
    ck_assert_int_eq(n.error, 2);
    ck_assert_int_eq(n.exit_status, 7);
    ck_assert_uint_eq(n.ignored, 0);
}
END_TEST

START_TEST(what_is_not_said)
{
    struct notice n = parse("BARRIER=1");
    ck_assert(n.barrier && !n.ready && !n.stopping && !n.watchdog && !n.watchdog_trigger);
    ck_assert_ptr_null(n.status);
    ck_assert(n.main_pid == -1 && n.watchdog_ms == -1 && n.extend_ms == -1 && n.error == -1 && n.exit_status == -1);
}
END_TEST

START_TEST(passed_over_and_counted)
{
    static const char *const lines[] = {
        "X_MINE=1",
        "RELOADING=1",
        "MONOTONIC_USEC=12",
        "FDSTORE=1",
        "READY=0",
        "READY=yes",
        "READY=",
        "READY",
        "ready=1",
        " READY=1",
        "READY=1 ",
        "=1",
        "=",
        "WATCHDOG=2",
        "WATCHDOG=TRIGGER",
        "BARRIER=2",
        "MAINPID=0",
        "MAINPID=1",
        "MAINPID=-5",
        "MAINPID=+5",
        "MAINPID= 5",
        "MAINPID=0x5",
        "MAINPID=5.",
        "MAINPID=2147483648",
        "MAINPID=18446744073709551616",
        "MAINPID=",
        "ERRNO=4096",
        "ERRNO=ENOENT",
        "EXIT_STATUS=256",
        "WATCHDOG_USEC=-1",
        "WATCHDOG_USEC=infinity",
        "WATCHDOG_USEC=18446744073709551616",
        "EXTEND_TIMEOUT_USEC=1s",
        "STATUS=\xff\xfe",
        "STATUS=\xed\xa0\x80",
        "\xff=1",
    };
    struct notice empty = parse("\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct notice n = parse(lines[i]);
        ck_assert_msg(n.ignored == 1, "%s", lines[i]);
        n.ignored = 0;
        ck_assert_msg(memcmp(&n, &empty, sizeof n) == 0, "%s", lines[i]);
    }
}
END_TEST

START_TEST(times)
{
    static const struct {
        const char *line;
        int64_t ms;
    } rows[] = {
        {"WATCHDOG_USEC=0", 0},
        {"WATCHDOG_USEC=1", 1},
        {"WATCHDOG_USEC=1000", 1},
        {"WATCHDOG_USEC=00001001", 2},
        {"WATCHDOG_USEC=3153600000000000", 3153600000000},
        {"WATCHDOG_USEC=3153600000000001", DURATION_INFINITY},
        {"WATCHDOG_USEC=9223372036854775807", DURATION_INFINITY},
        {"WATCHDOG_USEC=18446744073709551615", DURATION_INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(parse(rows[i].line).watchdog_ms == rows[i].ms, "%s", rows[i].line);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
    static const struct {
        const char *bytes;
        size_t len;
        int expected;
    } rows[] = {
        {"", 0, -EINVAL},
        {"\0", 1, -EINVAL},
        {"\0\0", 2, -EINVAL},
        {"READY=1\0", 8, 0},
        {"READY=1\0\0", 9, -EINVAL},
        {"READY=1\0STOPPING=1", 18, -EINVAL},
        {"\0READY=1", 8, -EINVAL},
        {"\n\n\n", 3, 0},
    };
    struct notice n;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(parse_bytes(rows[i].bytes, rows[i].len, &n) == rows[i].expected, "row %zu", i);
}
END_TEST

/* The longest ones there are. */
START_TEST(full_to_the_brim)
{
    char text[NOTICE_MAX + 1];
    memset(text, '=', NOTICE_MAX);
    text[NOTICE_MAX] = '\0';
    ck_assert_uint_eq(parse(text).ignored, 1);
    for (size_t i = 0; i < NOTICE_MAX; i += 2)
        memcpy(text + i, "A\n", 2);
    ck_assert_uint_eq(parse(text).ignored, NOTICE_MAX / 2);
    memset(text, 'x', NOTICE_MAX);
    memcpy(text, "STATUS=", 7);
    ck_assert_uint_eq(strlen(parse(text).status), NOTICE_MAX - 7);
}
END_TEST

/* Whatever comes is taken apart without a step outside; the numbers are those of a small generator, always the same. */
START_TEST(noise)
{
    static const char alphabet[] = "READYSTOPIN=1\n\0X_WACHDG:9\xc3\xa4\xff";
    uint32_t seed = 1;
    struct notice n;
    for (int i = 0; i < 20000; i++) {
        char bytes[64];
        size_t len = (seed >> 8) % sizeof bytes;
        for (size_t k = 0; k < len; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        seed = seed * 1664525 + 1013904223;
        if (parse_bytes(bytes, len, &n) == 0)
            ck_assert_uint_le(n.ignored, len);
    }
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, everything_at_once);
    tcase_add_test(tc, what_is_not_said);
    tcase_add_test(tc, passed_over_and_counted);
    tcase_add_test(tc, times);
    tcase_add_test(tc, bytes_that_are_no_text);
    tcase_add_test(tc, full_to_the_brim);
    tcase_add_test(tc, noise);
}

int main(void)
{
    return suite_run("notice", (void (*const[])(TCase *)){add_tests, NULL});
}
