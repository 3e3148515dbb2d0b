/* src/common: bytes cut into lines, JSON in and out, descriptors. What comes in was written by strangers. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/jsonline.h"
#include "common/jsonout.h"
#include "common/linebuf.h"
#include "common/text.h"
#include "suite.h"

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))
#define BYTES(text) text, sizeof text - 1

/* --- lines: what came is written down as "[line]" and "(cut)" */

struct seen {
    char bytes[4096];
    size_t len;
};

static void note(struct seen *s, const char *bytes, size_t len)
{
    ck_assert_uint_le(s->len + len, sizeof s->bytes);
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    note(arg, cut ? "(" : "[", 1);
    note(arg, line, len);
    note(arg, cut ? ")" : "]", 1);
}

static const struct {
    const char *in;
    size_t len;
    const char *out;
    size_t out_len;
} streams[] = {
    {BYTES(""), BYTES("")},
    {BYTES("a\n"), BYTES("[a]")},
    {BYTES("\n\n"), BYTES("[][]")},
    {BYTES("ab\ncd\n"), BYTES("[ab][cd]")},
    {BYTES("a\0b\n\0\n"), BYTES("[a\0b][\0]")},
    {BYTES("a\r\n"), BYTES("[a\r]")},
    {BYTES("12345678\n"), BYTES("[12345678]")},
    {BYTES("123456789\nx\n"), BYTES("(12345678)[x]")},
    {BYTES("123456789\n\n123456789\n"), BYTES("(12345678)[](12345678)")},
    {BYTES("123456789012345678901234567890\nx\n"), BYTES("(12345678)[x]")},
    {BYTES("123456789"), BYTES("(12345678)")},
    {BYTES("half"), BYTES("")},
};

/* However the bytes are cut up on their way, the lines are the same. */
START_TEST(lines_do_not_depend_on_the_reads)
{
    for (size_t step = 1; step <= streams[_i].len + 1; step++) {
        struct seen seen = {.len = 0};
        struct linebuf *b = linebuf_new(8);
        for (size_t at = 0; at < streams[_i].len; at += step) {
            size_t n = streams[_i].len - at < step ? streams[_i].len - at : step;
            ck_assert_int_eq(linebuf_feed(b, streams[_i].in + at, n, on_line, &seen), 0);
        }
        ck_assert_uint_eq(seen.len, streams[_i].out_len);
        ck_assert_mem_eq(seen.bytes, streams[_i].out, seen.len);
        linebuf_free(b);
    }
}
END_TEST

START_TEST(a_long_line_survives_being_cut_in_two_anywhere)
{
    enum { LONG = 1500 };
    char line[LONG + 1];
    for (size_t i = 0; i < LONG; i++)
        line[i] = (char)('a' + i % 26);
    line[LONG] = '\n';
    for (size_t at = 0; at <= LONG; at += 1 + at / 64) {
        struct seen seen = {.len = 0};
        struct linebuf *b = linebuf_new(LONG);
        ck_assert_int_eq(linebuf_feed(b, line, at, on_line, &seen), 0);
        ck_assert_uint_eq(linebuf_pending(b), at);
        ck_assert_int_eq(linebuf_feed(b, line + at, sizeof line - at, on_line, &seen), 0);
        ck_assert_uint_eq(linebuf_pending(b), 0);
        ck_assert_uint_eq(seen.len, LONG + 2);
        ck_assert_mem_eq(seen.bytes + 1, line, LONG);
        linebuf_free(b);
    }
}
END_TEST

START_TEST(the_last_line_needs_no_newline_at_the_end)
{
    struct seen seen = {.len = 0};
    struct linebuf *b = linebuf_new(8);
    linebuf_feed(b, BYTES("a\nhalf"), on_line, &seen);
    ck_assert_uint_eq(linebuf_pending(b), 4);
    linebuf_finish(b, on_line, &seen);
    linebuf_finish(b, on_line, &seen);
    linebuf_feed(b, BYTES("123456789"), on_line, &seen);
    linebuf_finish(b, on_line, &seen); /* the rest of a cut line is no line */
    linebuf_feed(b, BYTES("new\n"), on_line, &seen);
    ck_assert_mem_eq(seen.bytes, "[a][half](12345678)[new]", seen.len);
    ck_assert_uint_eq(seen.len, 24);
    linebuf_free(b);
    linebuf_free(NULL);
}
END_TEST

/* --- JSON in */

static const struct {
    const char *text;
    size_t depth;
} depths[] = {
    {"", 0},
    {"{}", 1},
    {"[[]]", 2},
    {"[][][][]", 1},
    {"[{\"a\":[]}]", 3},
    {"\"[[[[\"", 0},
    {"[\"[[\\\"[[\"]", 1},
    {"[\"\\\\\",[[]]]", 3},
    {"[\"]]\",[[]]]", 3},
    {"]]][[", 2},
    {"}}}{[", 2},
    {"[\"a\",[[", 3},
    {"[\"a\\", 1},
};

START_TEST(depth_is_counted_outside_of_strings)
{
    const char *text = depths[_i].text;
    size_t len = strlen(text);
    ck_assert_msg(jsonline_depth_ok(text, len, depths[_i].depth), "%s", text);
    if (depths[_i].depth > 0)
        ck_assert_msg(!jsonline_depth_ok(text, len, depths[_i].depth - 1), "%s", text);
}
END_TEST

static const struct {
    const char *text;
    size_t len;
    const char *why; /* what the sentence holds */
} refused[] = {
    {BYTES(""), " at byte 0"},
    {BYTES("[]"), "not an object at byte 0"},
    {BYTES("3"), " at byte "},
    {BYTES("{"), " at byte 1"},
    {BYTES("{}x"), " at byte "},
    {BYTES("{}{}"), " at byte "},
    {BYTES("{\"a\":1,\"a\":2}"), "duplicate object key"},
    {BYTES("{\"a\":\"\\u0000\"}"), " at byte "},
    {BYTES("{\"a\":\"\\ud800\"}"), " at byte "},
    {BYTES("{\"a\":\"x\0y\"}"), "a NUL at byte 7"},
    {BYTES("\0"), "a NUL at byte 0"},
    {BYTES("{}\0"), "a NUL at byte 2"},
    {BYTES("{\"a\":\"\xC0\xAF\"}"), "unable to decode byte 0xc0"},
    {BYTES("{\"a\":\"\xED\xA0\x80\"}"), "unable to decode byte 0xed"},
    {BYTES("{\"a\":\"\xFF\"}"), "unable to decode byte 0xff"},
    {BYTES("{\"a\":9223372036854775808}"), "too big integer"},
    {BYTES("{\"a\":1e400}"), "real number overflow"},
    {BYTES("\xEF\xBB\xBF{}"), "a byte order mark at byte 0"},
    {BYTES("\xEF\xBB\xBF"), "a byte order mark at byte 0"},
    {BYTES("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"), "nested more than 16 deep"},
};

START_TEST(only_a_whole_plain_object_is_taken)
{
    char why[200] = "";
    json_t *untouched = NULL;
    ck_assert_int_eq(jsonline_decode(refused[_i].text, refused[_i].len, &untouched, why, sizeof why), -EINVAL);
    ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s: %s", refused[_i].text, why);
    ck_assert_int_eq(jsonline_decode(refused[_i].text, refused[_i].len, &untouched, NULL, 0), -EINVAL);
    ck_assert_ptr_null(untouched);
}
END_TEST

START_TEST(an_object_is_taken_up_to_the_depth)
{
    static const char deepest[] = "{\"a\":[[[[[[[[[[[[[[[7]]]]]]]]]]]]]]]}";
    json_t *json = NULL;
    ck_assert_int_eq(jsonline_decode(BYTES(deepest), &json, NULL, 0), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "a")), 1);
    json_decref(json);
    ck_assert_int_eq(jsonline_decode("{} and more", 2, &json, NULL, 0), 0); /* only what was said to be there */
    ck_assert_uint_eq(json_object_size(json), 0);
    json_decref(json);
}
END_TEST

/* --- JSON out */

START_TEST(a_line_is_exactly_this)
{
    struct jsonout o = {0};
    size_t len;
    for (int round = 0; round < 2; round++) {
        jsonout_begin(&o);
        jsonout_string(&o, "s", "{");
        jsonout_string(&o, "none", NULL);
        jsonout_int(&o, "least", INT64_MIN);
        jsonout_open(&o, "in");
        jsonout_bool(&o, "yes", true);
        jsonout_bool(&o, "no", false);
        jsonout_close(&o);
        jsonout_raw(&o, "raw", "[1,2]");
        static const char expected[] = "{\"s\":\"{\",\"none\":null,\"least\":-9223372036854775808,"
                                       "\"in\":{\"yes\":true,\"no\":false},\"raw\":[1,2]}\n";
        const char *line = jsonout_line(&o, &len);
        ck_assert_uint_eq(len, sizeof expected - 1);
        ck_assert_mem_eq(line, expected, len);
    }
    jsonout_free(&o);
    ck_assert_ptr_null(o.data);
    jsonout_free(&o);
}
END_TEST

static const char *const strings[] = {
    "",
    "plain",
    "a\"b\\c",
    "\n\r\t\b\f\x01\x1f\x7f",
    "plain, then \xC3\xBC",
    "plain, then \xFF",
    "\xFF",
    "\xC0\xAF",
    "\xED\xA0\x80x",
    "\xF0\x9F\x98\x80",
    "\xF4\x90\x80\x80",
    "x\xE2\x82",
    "\xE2\x80\xAEturned",
    "\xFF\"\n\\",
};

/* Whatever bytes went in: one line, no control character in it, and what a reader gets is their UTF-8 form. */
static void check_string(const char *in)
{
    struct jsonout o = {0};
    size_t len;
    json_t *json;
    jsonout_begin(&o);
    jsonout_string(&o, in, in);
    jsonout_string(&o, "next", "x");
    const char *line = jsonout_line(&o, &len);
    ck_assert_ptr_eq(memchr(line, '\n', len), line + len - 1);
    for (size_t i = 0; i + 1 < len; i++)
        ck_assert((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
    ck_assert_int_eq(jsonline_decode(line, len, &json, NULL, 0), 0);
    char *clean = text_to_utf8(in, strlen(in));
    ck_assert_str_eq(json_string_value(json_object_get(json, clean)), clean);
    ck_assert_str_eq(json_string_value(json_object_get(json, "next")), "x");
    free(clean);
    json_decref(json);
    jsonout_free(&o);
}

START_TEST(any_bytes_are_written_so_that_they_can_be_read)
{
    check_string(strings[_i]);
}
END_TEST

/* Across every size at which the memory has to grow. */
START_TEST(a_string_of_any_length_fits)
{
    static const char *const endings[] = {"", "\n", "\xFF", "\xC3\xBC"};
    char text[600];
    for (size_t len = 0; len < sizeof text - 3; len++) {
        memset(text, 'x', len);
        strcpy(text + len, endings[len % 4]);
        check_string(text);
    }
}
END_TEST

/* --- descriptors */

static void on_alarm(int signal)
{
    (void)signal;
}

/* Signals that arrive all the time, and interrupt. */
static void storm(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 500}, {0, 500}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

START_TEST(everything_is_written_through_short_writes_and_signals)
{
    enum { SIZE = 1 << 20 };
    int fds[2], status, small = 4096;
    unsigned char *data = malloc(SIZE), buffer[1000];
    size_t got = 0;
    ssize_t n;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i % 251);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        storm();
        _exit(fd_write_all(fds[1], data, SIZE) == 0 ? 0 : 1);
    }
    close(fds[1]);
    while ((n = read(fds[0], buffer, sizeof buffer)) > 0) {
        ck_assert_mem_eq(buffer, data + got, (size_t)n);
        got += (size_t)n;
    }
    ck_assert_uint_eq(got, SIZE);
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(fd_write_all(-1, data, 1), -EBADF);
    ck_assert_int_eq(fd_write_all(-1, data, 0), 0);
    close(fds[0]);
    free(data);
}
END_TEST

static int lowest_free_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static const size_t file_sizes[] = {0, 1, 10, 4094, 4095, 4096, 4097, 10000};

START_TEST(a_file_is_read_whole_or_not_at_all)
{
    char path[] = "/tmp/taskd-stream.XXXXXX", block[10000], *text = NULL;
    size_t len = 77, size = file_sizes[_i];
    int fd = mkstemp(path), lowest = lowest_free_fd();
    memset(block, 'x', sizeof block);
    ck_assert_int_eq(fd_write_all(fd, block, size), 0);
    if (size > 0)
        ck_assert_int_eq(fd_read_file(path, size - 1, &text, &len), -EFBIG);
    ck_assert_int_eq(fd_read_file("/nonexistent", 1, &text, &len), -ENOENT);
    ck_assert_int_eq(fd_read_file("/", 1, &text, &len), -EISDIR);
    ck_assert_ptr_null(text);
    ck_assert_uint_eq(len, 77);
    ck_assert_int_eq(fd_read_file(path, size, &text, &len), 0);
    ck_assert_uint_eq(len, size);
    ck_assert_mem_eq(text, block, size);
    ck_assert_int_eq(text[len], '\0');
    ck_assert_int_eq(lowest_free_fd(), lowest);
    free(text);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(a_file_in_proc_is_read_although_it_says_it_is_empty)
{
    char *text;
    size_t len;
    ck_assert_int_eq(fd_read_file("/proc/self/stat", 100000, &text, &len), 0);
    ck_assert_uint_gt(len, 0);
    free(text);
}
END_TEST

START_TEST(flags_are_added_to_those_that_are_there)
{
    int fd = open("/dev/null", O_WRONLY | O_APPEND);
    for (int twice = 0; twice < 2; twice++) {
        ck_assert_int_eq(fd_cloexec(fd), 0);
        ck_assert_int_eq(fd_nonblock(fd), 0);
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
    }
    ck_assert_int_eq(fd_cloexec(-1), -EBADF);
    ck_assert_int_eq(fd_nonblock(-1), -EBADF);
    close(fd);
}
END_TEST

START_TEST(closing_is_done_once_and_leaves_errno_alone)
{
    int fd = dup2(open("/dev/null", O_RDONLY), 0), stranger = 12345; /* 0 is a descriptor like any other */
    ck_assert_int_eq(fd, 0);
    errno = 77;
    fd_close(&fd);
    ck_assert_int_eq(fcntl(0, F_GETFD), -1);
    ck_assert_int_eq(fd, -1);
    errno = 77;
    fd_close(&fd);
    fd_close(&stranger);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(stranger, -1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, lines_do_not_depend_on_the_reads, 0, ROWS(streams));
    tcase_add_test(tc, a_long_line_survives_being_cut_in_two_anywhere);
    tcase_add_test(tc, the_last_line_needs_no_newline_at_the_end);
    tcase_add_loop_test(tc, depth_is_counted_outside_of_strings, 0, ROWS(depths));
    tcase_add_loop_test(tc, only_a_whole_plain_object_is_taken, 0, ROWS(refused));
    tcase_add_test(tc, an_object_is_taken_up_to_the_depth);
    tcase_add_test(tc, a_line_is_exactly_this);
    tcase_add_loop_test(tc, any_bytes_are_written_so_that_they_can_be_read, 0, ROWS(strings));
    tcase_add_test(tc, a_string_of_any_length_fits);
    tcase_add_test(tc, everything_is_written_through_short_writes_and_signals);
    tcase_add_loop_test(tc, a_file_is_read_whole_or_not_at_all, 0, ROWS(file_sizes));
    tcase_add_test(tc, a_file_in_proc_is_read_although_it_says_it_is_empty);
    tcase_add_test(tc, flags_are_added_to_those_that_are_there);
    tcase_add_test(tc, closing_is_done_once_and_leaves_errno_alone);
}

int main(void)
{
    return suite_run("stream", (void (*const[])(TCase *)){add, NULL});
}
