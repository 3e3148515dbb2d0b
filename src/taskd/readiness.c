#include "taskd/readiness.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

enum { READ_SIZE = 512, READS = 16 };

struct readiness {
    int fd; /* -1: the other end is closed */
    bool said;
    struct event *readable;
    readiness_cb *on_ready;
    void *arg;
};

/* Whatever follows the line feed is read, too: a worker that goes on writing would otherwise die of SIGPIPE. */
static bool read_some(struct readiness *r)
{
    char buffer[READ_SIZE];
    ssize_t n = read(r->fd, buffer, sizeof buffer);
    if (n < 0)
        return errno == EINTR;
    if (n == 0) {
        event_del(r->readable);
        fd_close(&r->fd);
        return false;
    }
    if (!r->said && memchr(buffer, '\n', (size_t)n)) {
        r->said = true;
        r->on_ready(r->arg);
    }
    return true;
}

void readiness_poll(struct readiness *r)
{
    for (int i = 0; r && r->fd >= 0 && i < READS && read_some(r); i++)
        ;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    readiness_poll(arg);
}

int readiness_new(struct event_base *base, readiness_cb *on_ready, void *arg, struct readiness **ret, int *ret_child_fd)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    struct readiness *r = calloc(1, sizeof *r);
    if (r) {
        *r = (struct readiness){.fd = fds[0], .on_ready = on_ready, .arg = arg};
        r->readable = event_new(base, fds[0], EV_READ | EV_PERSIST, on_readable, r);
    }
    if (!r || !r->readable || fd_nonblock(fds[0]) < 0 || event_add(r->readable, NULL) < 0) {
        close(fds[1]);
        if (!r)
            close(fds[0]);
        readiness_free(r);
        return -ENOMEM;
    }
    *ret = r;
    *ret_child_fd = fds[1];
    return 0;
}

void readiness_free(struct readiness *r)
{
    if (!r)
        return;
    if (r->readable)
        event_free(r->readable);
    fd_close(&r->fd);
    free(r);
}
