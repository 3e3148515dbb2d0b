#include "taskd/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/linebuf.h"

/* A turn reads at most READS buffers; a dead worker's socket cannot hold more than DRAIN_READS of them. */
enum { READ_SIZE = 64 * 1024, READS = 4, DRAIN_READS = 256 };

struct channel {
    int fd;
    bool eof, reading;
    struct event *readable, *writable;
    struct linebuf *lines;
    char *out;
    size_t out_len;
    struct channel_hooks hooks;
};

/* One for all channels: it holds nothing between two reads. */
static char read_buffer[READ_SIZE];

static void at_eof(struct channel *c, bool unread)
{
    c->eof = true;
    event_del(c->readable);
    event_del(c->writable);
    linebuf_finish(c->lines, c->hooks.on_line, c->hooks.arg);
    c->hooks.on_eof(c->hooks.arg, unread);
}

/* true while there may be more. A plain read() leaves descriptors that were passed to us behind: unix(7). */
static bool read_some(struct channel *c)
{
    /* A line's handler may ask for more of the same channel, while the buffer still holds the lines behind it. */
    if (c->reading)
        return false;
    ssize_t n = read(c->fd, read_buffer, sizeof read_buffer);
    if (n > 0) {
        c->reading = true;
        linebuf_feed(c->lines, read_buffer, (size_t)n, c->hooks.on_line, c->hooks.arg);
        c->reading = false;
        return true;
    }
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN)
        return false;
    at_eof(c, n < 0 && errno == ECONNRESET);
    return false;
}

void channel_poll(struct channel *c)
{
    for (int i = 0; i < READS && !c->eof; i++)
        if (!read_some(c))
            return;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    channel_poll(arg);
}

static int flush(struct channel *c)
{
    size_t sent = 0;
    if (c->out_len == 0) /* another flush was faster */
        return 0;
    while (sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + sent, c->out_len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            c->out_len = 0;
            return -errno;
        }
        sent += (size_t)n;
    }
    c->out_len -= sent;
    memmove(c->out, c->out + sent, c->out_len);
    return c->out_len ? event_add(c->writable, NULL) : 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg); /* a peer that is gone is on_readable's news */
}

int channel_new(struct event_base *base, int fd, size_t max_line, const struct channel_hooks *hooks,
                struct channel **ret)
{
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    c->fd = fd;
    c->hooks = *hooks;
    c->lines = linebuf_new(max_line);
    c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(base, fd, EV_WRITE, on_writable, c);
    if (!c->lines || !c->readable || !c->writable || event_add(c->readable, NULL) < 0) {
        channel_free(c);
        return -ENOMEM;
    }
    *ret = c;
    return 0;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    linebuf_free(c->lines);
    free(c->out);
    fd_close(&c->fd);
    free(c);
}

int channel_send(struct channel *c, const char *line, size_t len, bool urgent)
{
    if (c->eof)
        return -EPIPE;
    /* One message always fits, however long. */
    if (!urgent && c->out_len > 0 && c->out_len + len > CHANNEL_OUT_MAX)
        return -ENOBUFS;
    char *out = realloc(c->out, c->out_len + len);
    if (!out)
        return -ENOMEM;
    memcpy(out + c->out_len, line, len);
    c->out = out;
    c->out_len += len;
    int r = flush(c);
    if (c->out_len == 0) {
        free(c->out);
        c->out = NULL;
    }
    return r;
}

void channel_drain(struct channel *c)
{
    for (int i = 0; i < DRAIN_READS && !c->eof; i++)
        if (!read_some(c))
            break;
    if (!c->eof)
        linebuf_finish(c->lines, c->hooks.on_line, c->hooks.arg);
}

bool channel_open(const struct channel *c)
{
    return c && !c->eof;
}
