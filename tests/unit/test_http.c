/* The server runs in a child of its own, the tests talk to it over its socket as any client would. */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskd/http.h"
#include "taskd/http_parse.h"
#include "taskd/log.h"

enum { CLIENTS_MAX = 4, IDLE_MS = 300, BEAT_MS = 50, PIECE = 1000, ANSWER = 8192, PATIENCE_MS = 20000 };

static struct sockaddr_un address;
static pid_t server = -1;
static int gone[2]; /* a byte for every client that left while it waited */

static void on_gone(void *arg, struct http_client *client)
{
    (void)arg;
    (void)client;
    ck_assert_int_eq(write(gone[1], "g", 1), 1);
}

static void on_half(void *arg, struct http_client *client)
{
    http_reply(client, 200, json_pack("{s:b}", "half", arg == NULL), NULL);
}

static void on_room(void *arg, struct http_client *client)
{
    (void)arg;
    http_stream_end(client, NULL);
}

static void on_room_for_ever(void *arg, struct http_client *client)
{
    (void)arg;
    (void)client;
}

/* As much as there is room for, and then the end. */
static void flood(struct http_client *client)
{
    char piece[PIECE];

    memset(piece, 'x', sizeof piece);
    while (http_stream_room(client))
        http_stream_write(client, piece, sizeof piece);
    http_stream_end(client, "last\n");
}

static void stream(struct http_client *client, const char *path)
{
    bool silent = strcmp(path, "/stream/silent") == 0, floods = strcmp(path, "/stream/flood") == 0;
    struct http_stream_hooks hooks = {.on_gone = on_gone, .on_room = silent ? on_room_for_ever : on_room};

    http_stream_begin(client, 200, "text/plain", &hooks);
    if (floods)
        flood(client);
    else if (!silent) {
        http_stream_write(client, "one\n", 4);
        http_stream_write(client, "twotwotwotwotwo\n", 16);
    }
}

static void on_request(void *arg, struct http_client *client, const struct http_request *r)
{
    json_t *body;

    (void)arg;
    if (strncmp(r->path, "/stream", 7) == 0) {
        stream(client, r->path);
        return;
    }
    if (strcmp(r->path, "/wait") == 0) {
        http_wait(client, on_gone, NULL, NULL);
        return;
    }
    if (strcmp(r->path, "/half") == 0) {
        http_wait(client, on_gone, on_half, NULL);
        return;
    }
    if (strcmp(r->path, "/big") == 0) {
        char *big = calloc(1, 4 << 20);

        memset(big, 'x', (4 << 20) - 1);
        body = json_pack("{s:s}", "big", big);
        free(big);
    } else
        body = json_pack("{s:s, s:s, s:s, s:s, s:b}", "method", r->method, "path", r->path, "query",
                         r->query ? r->query : "none", "body", r->body, "mine", r->uid == geteuid());
    http_reply(client, strcmp(r->path, "/405") == 0 ? 405 : 200, body, strcmp(r->path, "/405") == 0 ? "GET" : NULL);
}

static _Noreturn void serve(int fd)
{
    static const struct http_limits limits = {.clients_max = CLIENTS_MAX, .idle_ms = IDLE_MS, .beat_ms = BEAT_MS};
    struct event_base *base = event_base_new();
    struct http_server *http;

    signal(SIGPIPE, SIG_IGN);
    if (!base || http_server_new(base, fd, &limits, on_request, NULL, &http) < 0)
        _exit(1);
    event_base_dispatch(base);
    _exit(1);
}

static void set_up(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/taskd-test-http-%d.sock", (int)getpid());
    unlink(address.sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    ck_assert_int_eq(pipe(gone), 0);
    server = fork();
    if (server == 0)
        serve(fd);
    close(fd);
}

static void tear_down(void)
{
    ck_assert_int_gt(server, 1);
    ck_assert_msg(waitpid(server, NULL, WNOHANG) == 0, "the server has ended");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(address.sun_path);
}

static int dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);

    ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads up to the end of the connection. */
static const char *hear(int fd)
{
    static char answer[ANSWER];
    size_t len = 0;
    ssize_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, PATIENCE_MS) == 1 && (n = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
        len += (size_t)n;
    ck_assert_msg(n == 0 || errno == ECONNRESET, "no end of the connection");
    answer[len] = '\0';
    return answer;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n"
#define CLOSE     "Connection: close\r\n\r\n"

static const struct {
    const char *request;
    const char *answer[3]; /* what must be in it */
} cases[] = {
    {GET("/a?b=c") CLOSE, {"HTTP/1.1 200 OK\r\n", "\"path\":\"/a\",\"query\":\"b=c\"", "\"mine\":true"}},
    {"GET /a HTTP/1.0\r\n\r\n", {"HTTP/1.1 200 OK", "Connection: close", "\"query\":\"none\""}},
    {"GET /a HTTP/1.0\n\n", {"HTTP/1.1 200 OK"}},
    {"POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", {"200 OK", "\"method\":\"POST\"", "\"body\":\"hello\""}},
    {"POST /a HTTP/1.0\r\ncontent-length:5 \r\n\r\nhello", {"200 OK", "\"body\":\"hello\""}},
    {"POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", {"100 Continue", "200 OK", "\"hi\""}},
    {GET("/405") CLOSE, {"405 Method Not Allowed", "Allow: GET\r\n"}},
    {GET("/a") "\r\n" GET("/b") CLOSE, {"\"path\":\"/a\"", "\"path\":\"/b\""}},
    {GET("/stream") CLOSE,
     {"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\none\n\r\n10\r\ntwotwotwotwotwo\n\r\n0\r\n\r\n"}},
    {GET("/stream") "\r\n" GET("/b") CLOSE, {"chunked\r\n\r\n4\r\none", "0\r\n\r\nHTTP/1.1 200", "\"path\":\"/b\""}},
    {"GET /stream HTTP/1.0\r\n\r\n", {"text/plain\r\nConnection: close\r\n\r\none\ntwotwotwotwotwo\n"}},
    {"nonsense\r\n\r\n", {"400 Bad Request", "{\"error\":{\"code\":\"bad_request\""}},
    {"\r\n\r\n", {"400 "}},
    {"GET nowhere HTTP/1.1\r\n\r\n", {"400 "}},
    {"G(T / HTTP/1.1\r\n\r\n", {"400 "}},
    {"GET / HTTP/2.0\r\n\r\n", {"505 "}},
    {"GET / SPDY\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nno colon\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\n folded: 1\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", {"400 "}},
    {"GET / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", {"413 ", "\"too_large\""}},
    {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", {"413 "}},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", {"411 "}},
    {"GET / HTTP/1.1\r\nExpect: miracles\r\n\r\n", {"417 "}},
};

START_TEST(answers)
{
    int fd = dial();
    const char *answer;

    say(fd, cases[_i].request);
    answer = hear(fd);
    for (int i = 0; i < 3 && cases[_i].answer[i]; i++)
        ck_assert_msg(strstr(answer, cases[_i].answer[i]) != NULL, "%s: no %s in %s", cases[_i].request,
                      cases[_i].answer[i], answer);
    close(fd);
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
    static const char text[] = "POST /slow HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
    int fd = dial();

    for (size_t i = 0; text[i]; i++)
        ck_assert_int_eq(send(fd, text + i, 1, 0), 1);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"body\":\"hi\""));
    close(fd);
}
END_TEST

START_TEST(a_client_may_close_its_side_after_asking)
{
    int fd = dial();

    say(fd, "GET /a HTTP/1.1\r\n\r\n");
    shutdown(fd, SHUT_WR);
    ck_assert_ptr_nonnull(strstr(hear(fd), "200 OK"));
    close(fd);
}
END_TEST

START_TEST(a_head_ends_at_8_kib)
{
    int fd = dial();
    char filler[1024];

    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    say(fd, "GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 9; i++)
        send(fd, filler, sizeof filler - 1, MSG_NOSIGNAL);
    ck_assert_ptr_nonnull(strstr(hear(fd), "431 "));
    close(fd);
}
END_TEST

START_TEST(a_nul_is_refused)
{
    int fd = dial();

    ck_assert_int_eq(send(fd, "GET /\0 HTTP/1.1\r\n\r\n", 20, 0), 20);
    ck_assert_ptr_nonnull(strstr(hear(fd), "400 "));
    close(fd);
}
END_TEST

START_TEST(idle_clients_are_closed)
{
    int idle = dial(), half = dial(), waits = dial();

    say(half, "GET / HT");
    say(waits, GET("/wait") "\r\n");
    ck_assert_str_eq(hear(idle), "");
    ck_assert_str_eq(hear(half), "");
    /* By now the one that waits has been quiet for longer than the others were: it is still there. */
    ck_assert_int_eq(recv(waits, (char[1]){0}, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    close(idle);
    close(half);
    close(waits);
}
END_TEST

START_TEST(leaving_while_waiting_is_noticed)
{
    int fd = dial();
    struct pollfd p = {.fd = gone[0], .events = POLLIN};

    say(fd, GET("/wait") "\r\n");
    close(fd);
    ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
}
END_TEST

START_TEST(who_waits_may_close_one_side_and_still_hear)
{
    int fd = dial();

    say(fd, GET("/half") "\r\n");
    shutdown(fd, SHUT_WR);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"half\":true"));
    close(fd);
}
END_TEST

/* The second path says what closing one side means when nobody has asked to be told of it. */
static const char *const leavings[] = {GET("/half") "\r\n", GET("/wait") "\r\n"};

START_TEST(closing_is_leaving)
{
    int fd = dial();
    struct pollfd p = {.fd = gone[0], .events = POLLIN};

    say(fd, leavings[_i]);
    if (_i == 0)
        close(fd);
    else
        shutdown(fd, SHUT_WR);
    ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
}
END_TEST

START_TEST(the_idle_make_room_for_more)
{
    int idle[CLIENTS_MAX], fd;

    for (int i = 0; i < CLIENTS_MAX; i++)
        idle[i] = dial();
    fd = dial();
    say(fd, GET("/a") CLOSE);
    ck_assert_ptr_nonnull(strstr(hear(fd), "200 OK"));
    ck_assert_str_eq(hear(idle[0]), "");
    say(idle[CLIENTS_MAX - 1], GET("/b") CLOSE);
    ck_assert_ptr_nonnull(strstr(hear(idle[CLIENTS_MAX - 1]), "200 OK"));
}
END_TEST

/* Each has been answered with a 100 before the next one comes, so it is known to be in the middle of its request. */
static int dial_and_wait(void)
{
    int fd = dial();
    char text[64] = "";

    say(fd, "GET /wait HTTP/1.1\r\nExpect: 100-continue\r\n\r\n");
    ck_assert_int_gt(recv(fd, text, sizeof text - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(text, "100 Continue"));
    return fd;
}

START_TEST(who_waits_is_not_thrown_out)
{
    int waiting[CLIENTS_MAX], fd;

    for (int i = 0; i < CLIENTS_MAX; i++)
        waiting[i] = dial_and_wait();
    fd = dial();
    ck_assert_ptr_nonnull(strstr(hear(fd), "503 "));
    close(fd);
    close(waiting[0]);
    ck_assert_int_eq(read(gone[0], (char[1]){0}, 1), 1);
    fd = dial();
    say(fd, GET("/a") CLOSE);
    ck_assert_ptr_nonnull(strstr(hear(fd), "200 OK"));
    ck_assert_int_eq(recv(waiting[1], (char[1]){0}, 1, MSG_DONTWAIT), -1);
}
END_TEST

START_TEST(who_does_not_read_is_closed)
{
    int slow = dial(), other = dial();
    struct pollfd p = {.fd = slow, .events = 0};

    say(slow, GET("/big") "\r\n");
    say(other, GET("/a") CLOSE);
    ck_assert_ptr_nonnull(strstr(hear(other), "200 OK"));
    ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
    ck_assert_int_ne(p.revents & POLLHUP, 0);
}
END_TEST

START_TEST(a_silent_stream_beats)
{
    int fd = dial();
    char text[ANSWER] = "";
    size_t len = 0;

    say(fd, "GET /stream/silent HTTP/1.0\r\n\r\n");
    while (!strstr(text, "\r\n\r\n\n\n\n")) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);

        ck_assert_int_gt(n, 0);
        len += (size_t)n;
    }
    close(fd);
    ck_assert_int_eq(read(gone[0], (char[1]){0}, 1), 1);
}
END_TEST

/* How many bytes come until the end of the connection, the last of them in `tail`. */
static size_t count_up(int fd, char *tail, size_t tail_size)
{
    char data[65536];
    size_t sum = 0;
    ssize_t n;

    while ((n = recv(fd, data, sizeof data, 0)) > 0) {
        size_t keep = (size_t)n < tail_size ? (size_t)n : tail_size - 1;

        memcpy(tail, data + n - keep, keep);
        tail[keep] = '\0';
        sum += (size_t)n;
    }
    ck_assert_int_eq(n, 0);
    return sum;
}

START_TEST(a_stream_is_bounded_and_its_last_line_comes)
{
    int fd = dial();
    char tail[16];
    size_t sum;

    say(fd, "GET /stream/flood HTTP/1.0\r\n\r\n");
    sum = count_up(fd, tail, sizeof tail);
    ck_assert_uint_ge(sum, 1 << 20);
    ck_assert_uint_le(sum, (1 << 20) + PIECE + 200);
    ck_assert_str_eq(tail + strlen(tail) - 6, "xlast\n");
    close(fd);
}
END_TEST

START_TEST(who_does_not_read_a_stream_that_has_ended_is_closed)
{
    int fd = dial();
    struct pollfd p = {.fd = fd, .events = 0};

    say(fd, GET("/stream/flood") "\r\n");
    ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
    ck_assert_int_ne(p.revents & POLLHUP, 0);
    close(fd);
}
END_TEST

static long cpu_ms(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, sys = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
    fclose(f);
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    return (long)(user + sys) * 1000 / sysconf(_SC_CLK_TCK);
}

/* All descriptors but the ones in use are taken away: accepting fails until there are some again. */
START_TEST(running_out_of_descriptors_is_survived)
{
    struct rlimit few = {.rlim_cur = 1, .rlim_max = 4096}, many = {.rlim_cur = 1024, .rlim_max = 4096};
    int fd = dial_and_wait(), late;
    struct pollfd p = {.events = POLLIN};
    long before;

    ck_assert_int_eq(prlimit(server, RLIMIT_NOFILE, &few, NULL), 0);
    late = dial();
    say(late, GET("/a") CLOSE);
    before = cpu_ms(server);
    p.fd = late;
    ck_assert_int_eq(poll(&p, 1, 500), 0);
    ck_assert_int_lt(cpu_ms(server) - before, 100);
    ck_assert_int_eq(prlimit(server, RLIMIT_NOFILE, &many, NULL), 0);
    ck_assert_ptr_nonnull(strstr(hear(late), "200 OK"));
    close(fd);
}
END_TEST

static const struct {
    const char *in;
    const char *out; /* NULL: refused */
} escapes[] = {
    {"plain", "plain"}, {"resize%402%2317", "resize@2#17"},
    {"%e2%82%AC", "€"}, {"%", NULL},
    {"%4", NULL},       {"%zz", NULL},
    {"a%00b", NULL},    {"%2F", "/"},
};

START_TEST(unescapes)
{
    char text[64];

    strcpy(text, escapes[_i].in);
    ck_assert_int_eq(http_unescape(text), escapes[_i].out != NULL);
    if (escapes[_i].out)
        ck_assert_str_eq(text, escapes[_i].out);
}
END_TEST

START_TEST(escaping_is_undone_by_unescaping)
{
    char in[256], out[1024];

    for (int i = 1; i < 256; i++)
        in[i - 1] = (char)i;
    in[255] = '\0';
    ck_assert(http_escape(in, out, sizeof out));
    ck_assert_uint_eq(strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@%"), strlen(out));
    ck_assert(http_unescape(out));
    ck_assert_str_eq(in, out);
    ck_assert(!http_escape("abc", out, 3));
    ck_assert(http_escape("abc", out, 4));
    ck_assert(!http_escape("#", out, 3));
}
END_TEST

static const struct {
    const char *query, *key, *value;
    bool there;
} queries[] = {
    {"a=1&b=2", "b", "2", true},     {"a=1&b=2", "a", "1", true}, {"ab=1", "b", NULL, false}, {"a", "a", NULL, false},
    {"a=", "a", "", true},           {NULL, "a", NULL, false},    {"a=%41", "a", "A", true},  {"a=%4", "a", NULL, true},
    {"a=12345678", "a", NULL, true}, {"&&a=1", "a", "1", true},
};

START_TEST(queries_are_searched)
{
    char value[8];
    bool found = http_query_get(queries[_i].query, queries[_i].key, value, sizeof value);

    ck_assert_int_eq(found, queries[_i].value != NULL);
    ck_assert_int_eq(http_query_has(queries[_i].query, queries[_i].key), queries[_i].there);
    if (found)
        ck_assert_str_eq(value, queries[_i].value);
}
END_TEST

static void add_server_tests(TCase *t)
{
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, answers, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, a_request_may_come_byte_by_byte);
    tcase_add_test(t, a_client_may_close_its_side_after_asking);
    tcase_add_test(t, a_head_ends_at_8_kib);
    tcase_add_test(t, a_nul_is_refused);
    tcase_add_test(t, idle_clients_are_closed);
    tcase_add_test(t, leaving_while_waiting_is_noticed);
    tcase_add_test(t, who_waits_may_close_one_side_and_still_hear);
    tcase_add_loop_test(t, closing_is_leaving, 0, (int)(sizeof leavings / sizeof *leavings));
    tcase_add_test(t, the_idle_make_room_for_more);
    tcase_add_test(t, who_waits_is_not_thrown_out);
    tcase_add_test(t, who_does_not_read_is_closed);
    tcase_add_test(t, a_silent_stream_beats);
    tcase_add_test(t, a_stream_is_bounded_and_its_last_line_comes);
    tcase_add_test(t, who_does_not_read_a_stream_that_has_ended_is_closed);
    tcase_add_test(t, running_out_of_descriptors_is_survived);
}

int main(void)
{
    Suite *s = suite_create("http");
    TCase *over_socket = tcase_create("server"), *pure = tcase_create("parse");
    SRunner *r = srunner_create(s);
    int failed;

    add_server_tests(over_socket);
    suite_add_tcase(s, over_socket);
    tcase_add_loop_test(pure, unescapes, 0, sizeof escapes / sizeof *escapes);
    tcase_add_test(pure, escaping_is_undone_by_unescaping);
    tcase_add_loop_test(pure, queries_are_searched, 0, sizeof queries / sizeof *queries);
    suite_add_tcase(s, pure);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
