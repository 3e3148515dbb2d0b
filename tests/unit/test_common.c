/* src/common: lines, JSON in and out, text, quantities, descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/jsonline.h"
#include "common/jsonout.h"
#include "common/linebuf.h"
#include "common/proto.h"
#include "common/quantity.h"
#include "common/text.h"
#include "suite.h"

/* --- lines: what came is written down as "[line]" and "(cut)" */

struct seen {
    char text[512];
};

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    struct seen *s = arg;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof s->text - at, cut ? "(%.*s)" : "[%.*s]", (int)len, line);
}

static const struct {
    const char *in, *out;
} streams[] = {
    {"", ""},
    {"a\n", "[a]"},
    {"\n\n", "[][]"},
    {"ab\ncd\n", "[ab][cd]"},
    {"12345678\n", "[12345678]"},
    {"123456789\nx\n", "(12345678)[x]"},
    {"123456789012345678901234567890\nx\n", "(12345678)[x]"},
    {"half", ""},
};

/* However the bytes are cut up on their way, the lines are the same. */
START_TEST(lines_do_not_depend_on_the_reads)
{
    const char *in = streams[_i].in;
    for (size_t step = 1; step <= strlen(in) + 1; step++) {
        struct seen seen = {0};
        struct linebuf *b = linebuf_new(8);
        for (size_t at = 0; at < strlen(in); at += step) {
            size_t n = strlen(in) - at < step ? strlen(in) - at : step;
            ck_assert_int_eq(linebuf_feed(b, in + at, n, on_line, &seen), 0);
        }
        ck_assert_str_eq(seen.text, streams[_i].out);
        linebuf_free(b);
    }
}
END_TEST

START_TEST(the_last_line_needs_no_newline_at_the_end)
{
    struct seen seen = {0};
    struct linebuf *b = linebuf_new(8);
    linebuf_feed(b, "a\nhalf", 6, on_line, &seen);
    ck_assert_uint_eq(linebuf_pending(b), 4);
    linebuf_finish(b, on_line, &seen);
    linebuf_finish(b, on_line, &seen);
    ck_assert_str_eq(seen.text, "[a][half]");
    linebuf_free(b);
    linebuf_free(NULL);
}
END_TEST

/* --- JSON in */

START_TEST(depth_is_counted_outside_of_strings)
{
    ck_assert(jsonline_depth_ok("[[]]", 4, 2));
    ck_assert(!jsonline_depth_ok("[[]]", 4, 1));
    ck_assert(jsonline_depth_ok("[\"[[[[\\\"[[[\"]", 13, 1));
    ck_assert(jsonline_depth_ok("[][][][]", 8, 1));
}
END_TEST

START_TEST(only_a_whole_plain_object_is_taken)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "3",
                                      "{",
                                      "{}x",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":\"\xc0\xaf\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":9223372036854775808}",
                                      "{\"a\":1e400}",
                                      "\xEF\xBB\xBF{}"};
    char why[200];
    json_t *json = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(jsonline_decode(bad[i], strlen(bad[i]), &json, why, sizeof why) == -EINVAL, "%s", bad[i]);
        ck_assert_int_eq(jsonline_decode(bad[i], strlen(bad[i]), &json, NULL, 0), -EINVAL);
    }
    ck_assert_ptr_null(json);
    ck_assert_int_eq(jsonline_decode("{\"a\":[1]}", 9, &json, why, sizeof why), 0);
    json_decref(json);
}
END_TEST

/* --- JSON out */

START_TEST(what_is_written_can_be_read)
{
    struct jsonout o = {0};
    size_t len;
    for (int round = 0; round < 2; round++) {
        jsonout_begin(&o);
        jsonout_string(&o, "dirty", "\xff\n\t\"\\\x7f\x01{");
        jsonout_string(&o, "none", NULL);
        jsonout_int(&o, "least", INT64_MIN);
        jsonout_open(&o, "in");
        jsonout_bool(&o, "yes", true);
        jsonout_raw(&o, "raw", "[1,2]");
        jsonout_close(&o);
        jsonout_int(&o, "after", 1);
        const char *line = jsonout_line(&o, &len);
        ck_assert_ptr_eq(memchr(line, '\n', len), line + len - 1);
        json_t *json;
        ck_assert_int_eq(jsonline_decode(line, len, &json, NULL, 0), 0);
        ck_assert_str_eq(json_string_value(json_object_get(json, "dirty")), "\xEF\xBF\xBD\n\t\"\\\x7f\x01{");
        ck_assert(json_is_null(json_object_get(json, "none")));
        ck_assert(json_integer_value(json_object_get(json, "least")) == INT64_MIN);
        ck_assert(json_is_true(json_object_get(json_object_get(json, "in"), "yes")));
        ck_assert_int_eq(json_integer_value(json_object_get(json, "after")), 1);
        json_decref(json);
    }
    jsonout_free(&o);
}
END_TEST

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

/* --- descriptors and names */

START_TEST(a_file_is_read_whole_or_not_at_all)
{
    char path[] = "/tmp/taskd-common.XXXXXX", *text = NULL;
    size_t len;
    int fd = mkstemp(path);
    char block[10000];
    memset(block, 'x', sizeof block);
    ck_assert_int_eq(fd_write_all(fd, block, sizeof block), 0);
    ck_assert_int_eq(fd_read_file(path, sizeof block, &text, &len), 0);
    ck_assert_uint_eq(len, sizeof block);
    ck_assert_int_eq(text[len], '\0');
    free(text);
    text = NULL;
    ck_assert_int_eq(fd_read_file(path, sizeof block - 1, &text, &len), -EFBIG);
    ck_assert_int_eq(fd_read_file("/nonexistent", 1, &text, &len), -ENOENT);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(fd_read_file("/proc/self/stat", 100000, &text, &len), 0);
    ck_assert_uint_gt(len, 0);
    free(text);
    ck_assert_int_eq(fd_cloexec(fd), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fd_nonblock(fd), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    fd_close(&fd);
    fd_close(&fd);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(fd_cloexec(-1), -EBADF);
    unlink(path);
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
    tcase_add_loop_test(tc, lines_do_not_depend_on_the_reads, 0, ROWS(streams));
    tcase_add_test(tc, the_last_line_needs_no_newline_at_the_end);
    tcase_add_test(tc, depth_is_counted_outside_of_strings);
    tcase_add_test(tc, only_a_whole_plain_object_is_taken);
    tcase_add_test(tc, what_is_written_can_be_read);
    tcase_add_loop_test(tc, bytes_are_made_fit, 0, ROWS(texts));
    tcase_add_test(tc, what_does_not_fit_is_cut_between_characters);
    tcase_add_test(tc, columns);
    tcase_add_test(tc, the_nearest_word);
    tcase_add_loop_test(tc, duration, 0, ROWS(durations));
    tcase_add_loop_test(tc, size, 0, ROWS(sizes));
    tcase_add_test(tc, a_file_is_read_whole_or_not_at_all);
    tcase_add_test(tc, every_name_is_found_again);
}

int main(void)
{
    return suite_run("common", (void (*const[])(TCase *)){add, NULL});
}
