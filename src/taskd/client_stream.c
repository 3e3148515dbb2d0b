#include "taskd/client_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"

enum { ANSWER_WITHIN_MS = 30 * 1000, LINE_MAX_BYTES = 256 << 20, READ_STEP = 64 * 1024 };

static const char accepted[] = "HTTP/1.1 200";

struct client_stream {
    int fd;
    bool past_head;
    struct linebuf *lines;
    linebuf_cb *on_line; /* of the read that is under way */
    void *arg;
};

/* 0: a stream begins; 1: an answer of another kind. Nothing is taken from the socket. */
static int look(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char start[sizeof accepted];
    ssize_t n;
    int rc = poll(&p, 1, ANSWER_WITHIN_MS);

    if (rc <= 0)
        return rc == 0 ? -ETIMEDOUT : -errno;
    n = recv(fd, start, sizeof start - 1, MSG_PEEK);
    if (n < 0)
        return -errno;
    start[n] = '\0';
    return strcmp(start, accepted) != 0;
}

static int stream_new(int fd, struct client_stream **ret)
{
    struct client_stream *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->lines = linebuf_new(LINE_MAX_BYTES);
    if (!s->lines) {
        free(s);
        return -ENOMEM;
    }
    s->fd = fd;
    *ret = s;
    return 0;
}

int client_stream_open(const char *socket_path, const char *path, struct client_stream **ret,
                       struct client_reply *refusal)
{
    int fd = -1, rc = client_start(socket_path, "GET", path, NULL, &fd);

    if (rc == 0)
        rc = look(fd);
    if (rc == 0)
        rc = stream_new(fd, ret);
    if (rc > 0) {
        rc = client_finish(fd, ANSWER_WITHIN_MS, refusal);
        return rc < 0 ? rc : 1;
    }
    if (rc < 0)
        fd_close(&fd);
    return rc;
}

void client_stream_free(struct client_stream *s)
{
    if (!s)
        return;
    fd_close(&s->fd);
    linebuf_free(s->lines);
    free(s);
}

/* The head of the answer is lines, too, up to an empty one. */
static void on_raw_line(void *arg, const char *line, size_t len, bool is_cut)
{
    struct client_stream *s = arg;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (s->past_head && len > 0)
        s->on_line(s->arg, line, len, is_cut);
    s->past_head = s->past_head || len == 0;
}

int client_stream_read(struct client_stream *s, linebuf_cb *on_line, void *arg)
{
    char data[READ_STEP];
    ssize_t n = recv(s->fd, data, sizeof data, 0);

    if (n <= 0)
        return n == 0 ? 0 : -errno;
    s->on_line = on_line;
    s->arg = arg;
    return linebuf_feed(s->lines, data, (size_t)n, on_raw_line, s) < 0 ? -ENOMEM : 1;
}
