#include "taskd/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/command.h"
#include "taskd/http_parse.h"
#include "taskd/log.h"
#include "taskd/paths.h"
#include "taskd/sockets.h"

enum { ANSWER_MAX = 256 << 20, READ_STEP = 64 * 1024, CALL_TIMEOUT_MS = 30 * 1000 };

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Others may write to a folder like /tmp: who answers there must be root, ourselves, or somebody whom root asks. */
static int check_peer(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    return geteuid() == 0 || cred.uid == 0 || cred.uid == geteuid() ? 0 : -EACCES;
}

/* For connect(2) and for each send(2): one that takes longer fails with EAGAIN. -1: for ever. */
static void limit_sending(int fd, int timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    if (timeout_ms > 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int connect_to(const char *socket_path, int timeout_ms, int *ret_fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, rc;

    if (strlen(socket_path) >= sizeof addr.sun_path)
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, socket_path, strlen(socket_path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    limit_sending(fd, timeout_ms);
    rc = connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0 ? -errno : check_peer(fd);
    if (rc < 0)
        fd_close(&fd);
    else
        *ret_fd = fd;
    return rc;
}

static int send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        /* A server that is full says so and hangs up without reading: its words are worth more than EPIPE. */
        if (n < 0)
            return errno == EPIPE ? 0 : -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_request(int fd, const char *method, const char *path, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, *message = NULL;
    int rc = -ENOMEM, len = -1;

    if (text || !body)
        len = asprintf(&message, "%s %s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       method, path, text ? strlen(text) : 0, text ? text : "");
    if (len >= 0) {
        rc = send_all(fd, message, (size_t)len);
        free(message);
    }
    free(text);
    return rc;
}

static int start(const char *socket_path, const char *method, const char *path, json_t *body, int timeout_ms,
                 int *ret_fd)
{
    int fd = -1, rc = connect_to(socket_path, timeout_ms, &fd);

    if (rc == 0)
        rc = send_request(fd, method, path, body);
    if (rc == 0)
        *ret_fd = fd;
    else
        fd_close(&fd);
    return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

int client_start(const char *socket_path, const char *method, const char *path, json_t *body, int *ret_fd)
{
    return start(socket_path, method, path, body, -1, ret_fd);
}

/* 0 when there is something to read, -ETIMEDOUT after `deadline` (-1: never). */
static int wait_readable(int fd, int64_t deadline)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = deadline < 0 ? -1 : deadline - now_ms();
        int n;

        if (deadline >= 0 && left < 0)
            left = 0;
        n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

struct answer {
    char *data;
    size_t len, cap;
};

static int reserve(struct answer *a)
{
    size_t cap = a->cap ? a->cap * 2 : READ_STEP;
    char *data;

    if (a->cap - a->len > READ_STEP / 2)
        return 0;
    if (cap > ANSWER_MAX)
        return -EPROTO;
    data = realloc(a->data, cap);
    if (!data)
        return -ENOMEM;
    a->data = data;
    a->cap = cap;
    return 0;
}

static int read_answer(int fd, int64_t deadline, struct answer *a)
{
    for (;;) {
        ssize_t n;
        int rc = reserve(a);

        if (rc == 0)
            rc = wait_readable(fd, deadline);
        if (rc < 0)
            return rc;
        n = recv(fd, a->data + a->len, a->cap - a->len - 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        /* Reset after a whole answer: the server did not care to read the rest of what we said. */
        if (n < 0 && !(errno == ECONNRESET && a->len > 0))
            return -errno;
        if (n <= 0)
            break;
        a->len += (size_t)n;
    }
    a->data[a->len] = '\0';
    return a->len > 0 ? 0 : -ECONNRESET;
}

/* The body is whole when it has the length that its head announces. */
static bool is_whole(const char *head, size_t head_len, size_t body_len)
{
    const char *field = strcasestr(head, "\ncontent-length:");

    return !field || field > head + head_len || strtoul(field + strlen("\ncontent-length:"), NULL, 10) <= body_len;
}

static int parse_answer(const struct answer *a, struct client_reply *ret)
{
    size_t head_len = http_head_end(a->data, a->len);
    json_t *body;
    long status;

    if (head_len == 0 || !is_whole(a->data, head_len, a->len - head_len))
        return strncmp(a->data, "HTTP/1.", a->len < 7 ? a->len : 7) == 0 ? -ECONNRESET : -EPROTO;
    status = strncmp(a->data, "HTTP/1.", 7) == 0 ? strtol(a->data + strcspn(a->data, " "), NULL, 10) : 0;
    if (status < 100 || status > 599)
        return -EPROTO;
    body = json_loadb(a->data + head_len, a->len - head_len, JSON_REJECT_DUPLICATES, NULL);
    if (!body && a->len > head_len)
        return -EPROTO;
    *ret = (struct client_reply){.status = (int)status, .body = body};
    return 0;
}

int client_finish(int fd, int timeout_ms, struct client_reply *ret)
{
    struct answer a = {0};
    int rc = read_answer(fd, timeout_ms < 0 ? -1 : now_ms() + timeout_ms, &a);

    if (rc == 0)
        rc = parse_answer(&a, ret);
    free(a.data);
    fd_close(&fd);
    return rc;
}

int client_request(const char *socket_path, const char *method, const char *path, json_t *body, int timeout_ms,
                   struct client_reply *ret)
{
    int fd = -1, rc = start(socket_path, method, path, body, timeout_ms, &fd);

    return rc < 0 ? rc : client_finish(fd, timeout_ms, ret);
}

void client_reply_free(struct client_reply *reply)
{
    json_decref(reply->body);
    reply->body = NULL;
}

int client_peer_pidfd(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    int pidfd;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    /* 0: it lives in a pid namespace that cannot be seen from here. */
    if (cred.pid <= 0)
        return -ESRCH;
    pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
    return pidfd < 0 ? -errno : pidfd;
}

int client_path(char *out, size_t out_size, const char *prefix, const char *name, const char *suffix)
{
    size_t before = strlen(prefix), after = strlen(suffix), len;

    if (before + after >= out_size || !http_escape(name, out + before, out_size - before - after))
        return -ENAMETOOLONG;
    len = before + strlen(out + before);
    for (size_t i = 0; i < before; i++)
        out[i] = prefix[i];
    snprintf(out + len, out_size - len, "%s", suffix);
    return 0;
}

static void complain_nobody(const char *socket_path)
{
    char other[sizeof(((struct sockaddr_un *)0)->sun_path)];

    if (sockets_find_other(socket_path, other, sizeof other))
        log_error("no taskd is listening at %s, but one is at %s: use --socket %s", socket_path, other, other);
    else
        log_error("no taskd is listening at %s: start one with `taskd run`", socket_path);
}

static const struct {
    int rc;
    const char *text;
} complaints[] = {
    {-EACCES, "only root and the user who runs that taskd may use it"},
    {-EPERM, "only root and the user who runs that taskd may use it"},
    {-ETIMEDOUT, "it does not answer: is it stopped?"},
    {-EPROTO, "what listens there is not taskd"},
    {-ENAMETOOLONG, "the path is too long for a UNIX socket"},
    {-ECONNRESET, "taskd went away before it answered; `taskd results` shows what has ended"},
};

void client_complain(const char *socket_path, int rc, const struct client_reply *reply)
{
    const char *message;

    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        complain_nobody(socket_path);
        return;
    }
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
        if (rc == complaints[i].rc) {
            log_error("%s: %s", socket_path, complaints[i].text);
            return;
        }
    message =
        rc < 0 ? strerror(-rc) : json_string_value(json_object_get(json_object_get(reply->body, "error"), "message"));
    if (message)
        log_error("%s", message);
    else
        log_error("%s: answered with status %d", socket_path, reply->status);
}

int client_succeeded(int rc, const struct client_reply *reply)
{
    return rc == 0 && reply->status >= 200 && reply->status < 300 && reply->body;
}

const char *client_error_code(const struct client_reply *reply)
{
    const char *code = json_string_value(json_object_get(json_object_get(reply->body, "error"), "code"));

    return code ? code : "";
}

json_t *client_call(const char *socket_path, const char *method, const char *path, json_t *body)
{
    struct client_reply reply = {0};
    json_t *result = NULL;
    int rc = client_request(socket_path, method, path, body, CALL_TIMEOUT_MS, &reply);

    if (client_succeeded(rc, &reply))
        result = json_incref(reply.body);
    else
        client_complain(socket_path, rc, &reply);
    client_reply_free(&reply);
    return result;
}

const char *client_socket(void)
{
    static char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

    if (paths_socket(global_options.socket, NULL, path, sizeof path) < 0)
        fatal("the path of the socket is too long: --socket names a shorter one");
    return path;
}
