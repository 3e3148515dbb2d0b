/* Against a server that says what the table tells it to: one connection, one answer. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taskd/client.h"
#include "taskd/client_stream.h"
#include "taskd/sockets.h"

static char dir[] = "/tmp/taskd-test-client-XXXXXX";
static char path[108];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/taskd.sock", dir);
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
}

static int listen_at(const char *at)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(addr.sun_path, at);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

/* Takes one request, keeps it in `asked` by way of a pipe, says `answer`; NULL: says nothing and stays. */
static pid_t serve(const char *answer, int *ret_asked)
{
    int asked[2], listener = listen_at(path);
    pid_t pid;

    ck_assert_int_eq(pipe(asked), 0);
    pid = fork();
    if (pid == 0) {
        char request[4096];
        int fd = accept(listener, NULL, NULL);
        ssize_t n = recv(fd, request, sizeof request, 0);

        if (n < 0 || write(asked[1], request, (size_t)n) != n)
            _exit(1);
        if (!answer)
            pause();
        if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
            _exit(1);
        _exit(0);
    }
    close(listener);
    close(asked[1]);
    *ret_asked = asked[0];
    return pid;
}

static void end(pid_t pid)
{
    ck_assert_int_gt(pid, 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static const struct {
    const char *answer;
    int rc, status;
    const char *body;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\":1}\n", 0, 200, "{\"a\":1}"},
    {"HTTP/1.0 202 Accepted\r\n\r\n{\"a\":[]}", 0, 202, "{\"a\":[]}"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 0, 404, "{}"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 0, 204, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"a\":1}\n", -ECONNRESET, 0, NULL},
    {"HTTP/1.1 200 OK\r\nConte", -ECONNRESET, 0, NULL},
    {"", -ECONNRESET, 0, NULL},
    {"HTTP/1.1 200 OK\r\n\r\nnot json", -EPROTO, 0, NULL},
    {"SSH-2.0-OpenSSH\r\n\r\n", -EPROTO, 0, NULL},
    {"HTTP/1.1 what\r\n\r\n{}", -EPROTO, 0, NULL},
};

START_TEST(answers_are_read)
{
    int asked;
    pid_t pid = serve(cases[_i].answer, &asked);
    struct client_reply reply = {0};

    ck_assert_int_eq(client_request(path, "GET", "/x", NULL, 20000, &reply), cases[_i].rc);
    ck_assert_int_eq(reply.status, cases[_i].status);
    if (cases[_i].body) {
        char *text = json_dumps(reply.body, JSON_COMPACT);

        ck_assert_str_eq(text, cases[_i].body);
        free(text);
    } else
        ck_assert_ptr_null(reply.body);
    client_reply_free(&reply);
    end(pid);
}
END_TEST

static const struct {
    const char *answer;
    int rc, status; /* of client_stream_open, of the refusal */
    const char *lines;
} streams[] = {
    {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{1}\n\n\n{2}\n", 0, 0, "{1}|{2}|"},
    {"HTTP/1.1 200 OK\r\n\r\n{1}\n{torn", 0, 0, "{1}|"},
    {"HTTP/1.1 200 OK\r\nConn", 0, 0, ""},
    {"HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\n{}", 1, 410, ""},
    {"SSH-2.0-OpenSSH\r\n\r\n", -EPROTO, 0, ""},
    {"HTTP/1.1 2", -ECONNRESET, 0, ""},
    {"", -ECONNRESET, 0, ""},
};

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    char *lines = arg;

    ck_assert(!cut);
    snprintf(lines + strlen(lines), 200 - strlen(lines), "%.*s|", (int)len, line);
}

START_TEST(streams_are_read_line_by_line)
{
    int asked, rc;
    pid_t pid = serve(streams[_i].answer, &asked);
    struct client_stream *stream = NULL;
    struct client_reply refusal = {0};
    char lines[200] = "";

    ck_assert_int_eq(client_stream_open(path, "/x", &stream, &refusal), streams[_i].rc);
    ck_assert_int_eq(refusal.status, streams[_i].status);
    while (stream && (rc = client_stream_read(stream, on_line, lines)) != 0)
        ck_assert_int_eq(rc, 1);
    ck_assert_str_eq(lines, streams[_i].lines);
    client_stream_free(stream);
    client_reply_free(&refusal);
    end(pid);
}
END_TEST

START_TEST(the_request_is_whole)
{
    int asked, fd;
    pid_t pid = serve("HTTP/1.1 200 OK\r\n\r\n{}", &asked);
    json_t *body = json_pack("{s:b}", "now", 1);
    char text[512] = "";
    struct client_reply reply = {0};

    ck_assert_int_eq(client_start(path, "POST", "/v1/shutdown", body, &fd), 0);
    ck_assert_int_eq(client_finish(fd, 20000, &reply), 0);
    ck_assert_int_gt(read(asked, text, sizeof text - 1), 0);
    ck_assert_str_eq(text, "POST /v1/shutdown HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
                           "{\"now\":true}");
    json_decref(body);
    client_reply_free(&reply);
    end(pid);
}
END_TEST

START_TEST(patience_ends)
{
    int asked;
    pid_t pid = serve(NULL, &asked);
    struct client_reply reply = {.status = 7};

    ck_assert_int_eq(client_request(path, "GET", "/x", NULL, 50, &reply), -ETIMEDOUT);
    ck_assert_int_eq(reply.status, 7);
    end(pid);
}
END_TEST

START_TEST(nobody_there)
{
    struct client_reply reply = {0};
    char too_long[256] = "";

    ck_assert_int_eq(client_request(path, "GET", "/x", NULL, 1000, &reply), -ENOENT);
    close(listen_at(path));
    ck_assert_int_eq(client_request(path, "GET", "/x", NULL, 1000, &reply), -ECONNREFUSED);
    memset(too_long, 'x', sizeof too_long - 1);
    ck_assert_int_eq(client_request(too_long, "GET", "/x", NULL, 1000, &reply), -ENAMETOOLONG);
}
END_TEST

START_TEST(paths_are_encoded)
{
    char out[64] = "old";

    ck_assert_int_eq(client_path(out, sizeof out, "/v1/tasks/", "resize@2#17", "/wait"), 0);
    ck_assert_str_eq(out, "/v1/tasks/resize@2%2317/wait");
    ck_assert_int_eq(client_path(out, 12, "/v1/tasks/", "resize", "/wait"), -ENAMETOOLONG);
    ck_assert_int_eq(client_path(out, 18, "/v1/tasks/", "resize", "/wait"), -ENAMETOOLONG);
    ck_assert_int_eq(client_path(out, 22, "/v1/tasks/", "resize", "/wait"), 0);
}
END_TEST

static const struct {
    const char *json;
    int rc, status, ok;
} successes[] = {
    {"{}", 0, 200, 1}, {"{}", 0, 202, 1}, {"{}", 0, 404, 0}, {"{}", -EPROTO, 200, 0}, {NULL, 0, 200, 0},
};

START_TEST(success_is_2xx_with_a_body)
{
    struct client_reply reply = {successes[_i].status, successes[_i].json ? json_object() : NULL};

    ck_assert_int_eq(client_succeeded(successes[_i].rc, &reply), successes[_i].ok);
    ck_assert_str_eq(client_error_code(&reply), "");
    client_reply_free(&reply);
}
END_TEST

START_TEST(neighbours_are_found)
{
    char other[108], dead[108], stranger[108], found[108] = "";
    char **all;

    snprintf(other, sizeof other, "%s/taskd-7.sock", dir);
    snprintf(dead, sizeof dead, "%s/taskd-6.sock", dir);
    snprintf(stranger, sizeof stranger, "%s/other.sock", dir);
    close(listen_at(dead));
    listen_at(stranger);
    ck_assert(!sockets_find_other(path, found, sizeof found));
    listen_at(other);
    ck_assert(sockets_find_other(path, found, sizeof found));
    ck_assert_str_eq(found, other);
    ck_assert(!sockets_alive(path));
    listen_at(path);
    ck_assert(sockets_alive(path));
    all = sockets_find(path);
    ck_assert_str_eq(all[0], path);
    ck_assert_str_eq(all[1], other);
    ck_assert_ptr_null(all[2]);
    free(all);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("client");
    TCase *t = tcase_create("client");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, answers_are_read, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, streams_are_read_line_by_line, 0, sizeof streams / sizeof *streams);
    tcase_add_test(t, the_request_is_whole);
    tcase_add_test(t, patience_ends);
    tcase_add_test(t, nobody_there);
    tcase_add_test(t, paths_are_encoded);
    tcase_add_loop_test(t, success_is_2xx_with_a_body, 0, sizeof successes / sizeof *successes);
    tcase_add_test(t, neighbours_are_found);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
