/* src/common: text, quantities, names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/proto.h"
#include "common/quantity.h"
#include "common/text.h"
#include "suite.h"

/* --- text */

static const struct {
    const char *in, *clean, *printable;
    bool valid;
} texts[] = {
    {"plain", "plain", "plain", true},
    {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F", true},
    {"\xE2\x82\xAC \xF0\x9F\x98\x80", "\xE2\x82\xAC \xF0\x9F\x98\x80", "\xE2\x82\xAC \xF0\x9F\x98\x80", true},
    {"\x1b[31m\n\t\r\a", "\x1b[31m\n\t\r\a", "\\x1B[31m\\n\\t\\r\\x07", true},
    {"\xC2\x9B"
     "31m",
     "\xC2\x9B"
     "31m",
     "\\u{009B}31m", true},
    {"a\xE2\x80\xAE"
     "b",
     "a\xE2\x80\xAE"
     "b",
     "a\\u{202E}b", true},
    {"\xff", "\xEF\xBF\xBD", "\\xFF", false},
    {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD", "\\xC0\\xAF", false},
    {"\xE0\x80\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "\\xE0\\x80\\xAF", false},
    {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "\\xED\\xA0\\x80", false},
    {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "\\xF4\\x90\\x80\\x80", false},
    {"cut\xE2\x82", "cut\xEF\xBF\xBD\xEF\xBF\xBD", "cut\\xE2\\x82", false},
};

START_TEST(bytes_are_made_fit)
{
    char out[200];
    const char *in = texts[_i].in;
    ck_assert_int_eq(text_is_utf8(in, strlen(in)), texts[_i].valid);
    char *clean = text_to_utf8(in, strlen(in));
    ck_assert_str_eq(clean, texts[_i].clean);
    ck_assert(text_is_utf8(clean, strlen(clean)));
    free(clean);
    ck_assert_str_eq(text_printable(in, strlen(in), out, sizeof out), texts[_i].printable);
}
END_TEST

/* RFC 3629, at its edges. */
static const struct {
    const char *bytes;
    bool valid;
} edges[] = {
    {"\x7F", true},
    {"\x80", false},
    {"\xBF", false},
    {"\xC1\xBF", false},
    {"\xC2\x80", true},
    {"\xDF\xBF", true},
    {"\xC2\x7F", false},
    {"\xC2\xC0", false},
    {"\xE0\x9F\xBF", false},
    {"\xE0\xA0\x80", true},
    {"\xED\x9F\xBF", true},
    {"\xED\xA0\x80", false},
    {"\xED\xBF\xBF", false},
    {"\xEE\x80\x80", true},
    {"\xEF\xBF\xBF", true},
    {"\xF0\x8F\xBF\xBF", false},
    {"\xF0\x90\x80\x80", true},
    {"\xF4\x8F\xBF\xBF", true},
    {"\xF4\x90\x80\x80", false},
    {"\xF5\x80\x80\x80", false},
    {"\xF8\x88\x80\x80\x80", false},
    {"\xFE", false},
};

START_TEST(utf8_at_its_edges)
{
    const char *bytes = edges[_i].bytes;
    size_t len = strlen(bytes);
    ck_assert_int_eq(text_is_utf8(bytes, len), edges[_i].valid);
    if (len > 1)
        ck_assert(!text_is_utf8(bytes, len - 1)); /* what lies behind the end is not looked at */
    ck_assert_uint_eq(text_width(bytes), edges[_i].valid ? 1 : len);
}
END_TEST

static void encode(unsigned c, char out[4])
{
    if (c < 0x80)
        snprintf(out, 4, "%c", (int)c);
    else if (c < 0x800)
        snprintf(out, 4, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
    else
        snprintf(out, 4, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
}

static const struct {
    unsigned first, last;
} unsafe[] = {{0x1, 0x1F}, {0x7F, 0x9F}, {0x61C, 0x61C}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};

/* Nothing that a terminal obeys or that turns text around gets through; everything else does. */
START_TEST(no_control_character_is_printed)
{
    char in[4], out[32];
    size_t next = 0;
    for (unsigned c = 1; c < 0x3000; c++) {
        bool bad = next < sizeof unsafe / sizeof *unsafe && c >= unsafe[next].first;
        encode(c, in);
        text_printable(in, strlen(in), out, sizeof out);
        ck_assert_msg((*out == '\\' && out[1]) == bad, "U+%04X: %s", c, out);
        next += bad && c == unsafe[next].last;
    }
}
END_TEST

START_TEST(what_does_not_fit_is_cut_between_characters)
{
    char out[16];
    for (size_t size = 1; size <= sizeof out; size++) {
        memset(out, 'x', sizeof out);
        text_printable("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 18, out, size);
        ck_assert_uint_lt(strnlen(out, sizeof out), size);
        ck_assert(text_is_utf8(out, strlen(out)));
        if (size >= 4)
            ck_assert_str_eq(out + strlen(out) - 3, "...");
    }
    ck_assert_str_eq(text_printable("a\0b", 3, out, sizeof out), "a\\x00b");
}
END_TEST

START_TEST(columns)
{
    ck_assert_uint_eq(text_width("abc"), 3);
    ck_assert_uint_eq(text_width("\xE6\xBC\xA2\xE5\xAD\x97"), 4);
    ck_assert_uint_eq(text_width("e\xCC\x81"), 1);
    ck_assert_uint_eq(text_width("\xff"), 1);
}
END_TEST

START_TEST(the_nearest_word)
{
    static const char *const known[] = {"replicas", "restart", "user", "env", NULL};
    ck_assert_str_eq(text_nearest("replcas", known), "replicas");
    ck_assert_str_eq(text_nearest("restrat", known), "restart");
    ck_assert_str_eq(text_nearest("envv", known), "env");
    ck_assert_ptr_null(text_nearest("something-else", known));
    ck_assert_ptr_null(text_nearest("", known));
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_ptr_null(text_nearest(longest, known));
}
END_TEST

/* --- quantities */

static const struct {
    const char *in;
    int r;
    int64_t ms;
    const char *shown, *brief;
} durations[] = {
    {"0", 0, 0, "0s", "0s"},
    {"30s", 0, 30000, "30s", "30.0s"},
    {"5min 20s", 0, 320000, "5min 20s", "5min 20s"},
    {"5min20s", 0, 320000, "5min 20s", "5min 20s"},
    {" 1h ", 0, 3600000, "1h", "1h"},
    {"500ms", 0, 500, "500ms", "0.5s"},
    {"1us", 0, 1, "1ms", "0.0s"},
    {"1.5s", 0, 1500, "1s 500ms", "1.5s"},
    {"1.0001s", 0, 1001, "1s 1ms", "1.0s"},
    {"59999ms", 0, 59999, "59s 999ms", "59.9s"},
    {"60s", 0, 60000, "1min", "1min"},
    {"1d 1ms", 0, 86400001, "1d 1ms", "1d"},
    {"100y", -EINVAL, 0, 0, 0},
    {"1,5s", -EINVAL, 0, 0, 0},
    {"+5s", -EINVAL, 0, 0, 0},
    {"0x10s", -EINVAL, 0, 0, 0},
    {"1e3s", -EINVAL, 0, 0, 0},
    {"5s\xff", -EINVAL, 0, 0, 0},
    {"Infinity", -EINVAL, 0, 0, 0},
    {"0.0000000001s", 0, 0, "0s", "0s"},
    {"2 days 3 hours 1s", 0, 183601000, "2d 3h 1s", "2d 3h"},
    {"infinity", 0, DURATION_INFINITY, "infinity", "infinity"},
    {"", -EINVAL, 0, 0, 0},
    {"5", -EINVAL, 0, 0, 0},
    {"s", -EINVAL, 0, 0, 0},
    {"-5s", -EINVAL, 0, 0, 0},
    {"5 parsecs", -EINVAL, 0, 0, 0},
    {"5s garbage", -EINVAL, 0, 0, 0},
    {"1.s", -EINVAL, 0, 0, 0},
    {"infinity 5s", -EINVAL, 0, 0, 0},
    {"99999999999999999999s", -ERANGE, 0, 0, 0},
    {"9223372036854775807w", -ERANGE, 0, 0, 0},
    {"9223372036s 9223372036854s", -ERANGE, 0, 0, 0},
};

START_TEST(duration)
{
    int64_t ms = -77;
    char out[64];
    ck_assert_msg(duration_parse(durations[_i].in, &ms) == durations[_i].r, "%s", durations[_i].in);
    if (durations[_i].r < 0) {
        ck_assert(ms == -77);
        return;
    }
    ck_assert_msg(ms == durations[_i].ms, "%s: %lld", durations[_i].in, (long long)ms);
    ck_assert_str_eq(duration_format(ms, out, sizeof out), durations[_i].shown);
    int64_t again;
    ck_assert_int_eq(duration_parse(strcmp(out, "0s") ? out : "0", &again), 0);
    ck_assert(again == ms);
    ck_assert_str_eq(duration_brief(ms, out, sizeof out), durations[_i].brief);
}
END_TEST

static const struct {
    const char *in;
    int r;
    int64_t bytes;
    const char *shown;
} sizes[] = {
    {"0", 0, 0, "0"},
    {"1024", 0, 1024, "1K"},
    {"64M", 0, 64 << 20, "64M"},
    {"64MB", 0, 64 << 20, "64M"},
    {"512KiB", 0, 512 << 10, "512K"},
    {"10 MB", 0, 10 << 20, "10M"},
    {"1.5K", 0, 1536, "1536"},
    {" 5K", 0, 5120, "5K"},
    {"1.K", -EINVAL, 0, 0},
    {"5KK", -EINVAL, 0, 0},
    {"5K 5K", -EINVAL, 0, 0},
    {"8388608T", -ERANGE, 0, 0},
    {"12B", 0, 12, "12"},
    {"infinity", 0, SIZE_INFINITY, "infinity"},
    {"", -EINVAL, 0, 0},
    {"M", -EINVAL, 0, 0},
    {"5X", -EINVAL, 0, 0},
    {"5k", -EINVAL, 0, 0},
    {"1.5", -EINVAL, 0, 0},
    {"-1", -EINVAL, 0, 0},
    {"9999999T", -ERANGE, 0, 0},
};

START_TEST(size)
{
    int64_t bytes = -77;
    char out[64];
    ck_assert_msg(size_parse(sizes[_i].in, &bytes) == sizes[_i].r, "%s", sizes[_i].in);
    ck_assert_msg(bytes == (sizes[_i].r < 0 ? -77 : sizes[_i].bytes), "%s: %lld", sizes[_i].in, (long long)bytes);
    if (sizes[_i].r == 0)
        ck_assert_str_eq(size_format(bytes, out, sizeof out), sizes[_i].shown);
}
END_TEST

/* --- names */

static const struct {
    struct timespec at;
    const char *text;
} moments[] = {
    {{0, 0}, "1970-01-01T00:00:00.000Z"},
    {{1795430527, 7999999}, "2026-11-23T10:42:07.007Z"},
    {{951782399, 999999999}, "2000-02-28T23:59:59.999Z"},
    {{INT64_MAX, 0}, ""},
};

START_TEST(moment)
{
    char out[32];
    int64_t ms = -77;
    ck_assert_str_eq(moment_format(&moments[_i].at, out, sizeof out), moments[_i].text);
    ck_assert_int_eq(moment_parse(out, &ms), *out ? 0 : -EINVAL);
    ck_assert_int_eq(ms, *out ? moments[_i].at.tv_sec * 1000 + moments[_i].at.tv_nsec / 1000000 : -77);
}
END_TEST

START_TEST(what_is_no_moment)
{
    static const char *const wrong[] = {"yesterday", "2026-11-23T10:42:07Z", "2026-11-23T10:42:07.1Z",
                                        "2026-11-23T10:42:07.123", "2026-11-23T10:42:07.123Zx"};
    int64_t ms;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(moment_parse(wrong[i], &ms) == -EINVAL, "%s", wrong[i]);
}
END_TEST

START_TEST(every_name_is_found_again)
{
    for (int t = PROTO_UNKNOWN + 1; t < PROTO_TYPES; t++)
        ck_assert_int_eq(proto_type_find(proto_type_name((enum proto_type)t)), t);
    for (int r = PROTO_R_UNKNOWN + 1; r < PROTO_REPLIES; r++)
        ck_assert_int_eq(proto_reply_find(proto_reply_name((enum proto_reply)r)), r);
    ck_assert_int_eq(proto_type_find("x-mine"), PROTO_UNKNOWN);
    ck_assert_int_eq(proto_reply_find(""), PROTO_R_UNKNOWN);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, bytes_are_made_fit, 0, ROWS(texts));
    tcase_add_loop_test(tc, utf8_at_its_edges, 0, ROWS(edges));
    tcase_add_test(tc, no_control_character_is_printed);
    tcase_add_test(tc, what_does_not_fit_is_cut_between_characters);
    tcase_add_test(tc, columns);
    tcase_add_test(tc, the_nearest_word);
    tcase_add_loop_test(tc, duration, 0, ROWS(durations));
    tcase_add_loop_test(tc, size, 0, ROWS(sizes));
    tcase_add_loop_test(tc, moment, 0, ROWS(moments));
    tcase_add_test(tc, what_is_no_moment);
    tcase_add_test(tc, every_name_is_found_again);
}

int main(void)
{
    return suite_run("common", (void (*const[])(TCase *)){add, NULL});
}
