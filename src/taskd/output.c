#include "taskd/output.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/linebuf.h"

enum { LINE_MAX_BYTES = 8192, READ_SIZE = 2048, DRAIN_READS = 512, PAUSE_MS = 50 };

struct output {
    int fd;
    struct event *readable, *paused;
    struct linebuf *lines;
    output_cb *on_line;
    output_may_cb *may;
    void *arg;
};

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    (void)cut;
    struct output *o = arg;
    o->on_line(o->arg, line, len);
}

static bool read_some(struct output *o)
{
    char buffer[READ_SIZE];
    ssize_t n = read(o->fd, buffer, sizeof buffer);
    if (n > 0) {
        linebuf_feed(o->lines, buffer, (size_t)n, on_line, o);
        return true;
    }
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN)
        return false;
    event_del(o->readable);
    linebuf_finish(o->lines, on_line, o);
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct output *o = arg;
    struct timeval soon = {.tv_usec = PAUSE_MS * 1000};
    if (o->may(o->arg)) {
        read_some(o);
        return;
    }
    event_del(o->readable);
    event_add(o->paused, &soon);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct output *o = arg;
    event_add(o->readable, NULL);
}

int output_new(struct event_base *base, output_cb *cb, output_may_cb *may, void *arg, struct output **ret,
               int *ret_child_fd)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    struct output *o = calloc(1, sizeof *o);
    if (o) {
        *o = (struct output){.fd = fds[0], .on_line = cb, .may = may, .arg = arg, .lines = linebuf_new(LINE_MAX_BYTES)};
        o->readable = event_new(base, fds[0], EV_READ | EV_PERSIST, on_readable, o);
        o->paused = evtimer_new(base, on_pause_over, o);
    }
    if (!o || !o->lines || !o->readable || !o->paused || fd_nonblock(fds[0]) < 0 || event_add(o->readable, NULL) < 0) {
        close(fds[1]);
        if (o)
            output_free(o);
        else
            close(fds[0]);
        return -ENOMEM;
    }
    *ret = o;
    *ret_child_fd = fds[1];
    return 0;
}

void output_drain(struct output *o)
{
    for (int i = 0; i < DRAIN_READS && read_some(o); i++)
        ;
    linebuf_finish(o->lines, on_line, o);
}

void output_free(struct output *o)
{
    if (!o)
        return;
    if (o->readable)
        event_free(o->readable);
    if (o->paused)
        event_free(o->paused);
    linebuf_free(o->lines);
    fd_close(&o->fd);
    free(o);
}
