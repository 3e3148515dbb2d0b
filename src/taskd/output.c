#include "taskd/output.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

/* The pipe holds what a worker may write while the loop is elsewhere. A dead worker's cannot hold more than DRAIN_READS
 * of the blocks. */
enum { READ_SIZE = 64 * 1024, READS = 4, DRAIN_READS = 64, PIPE_SIZE = 256 * 1024, PAUSE_MS = 50 };

struct output {
    int fd;
    struct event *readable, *paused;
    struct output_hooks hooks;
    char *part; /* the beginning of a line, NULL: none */
    size_t part_len;
};

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void hand_over(struct output *o, const char *line, size_t len, bool more)
{
    o->hooks.on_line(o->hooks.arg, line, len, more);
}

/* An output that is quiet keeps no memory. */
static void hand_over_part(struct output *o, bool more)
{
    hand_over(o, o->part, o->part_len, more);
    o->part_len = 0;
    if (more)
        return;
    free(o->part);
    o->part = NULL;
}

static void keep_part(struct output *o, const char *data, size_t len)
{
    if (!o->part)
        o->part = malloc(OUTPUT_LINE_MAX);
    if (!o->part) { /* rather in two lines than not at all */
        hand_over(o, data, len, true);
        return;
    }
    memcpy(o->part + o->part_len, data, len);
    o->part_len += len;
}

static void feed(struct output *o, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end) {
        if (o->part_len == OUTPUT_LINE_MAX && *data != '\n')
            hand_over_part(o, true);
        size_t room = OUTPUT_LINE_MAX - o->part_len, left = (size_t)(end - data), n = left < room ? left : room;
        const char *newline = memchr(data, '\n', left <= room ? left : room + 1);
        n = newline ? (size_t)(newline - data) : n;
        if (newline && !o->part)
            hand_over(o, data, n, false);
        else if (n > 0)
            keep_part(o, data, n);
        if (newline && o->part)
            hand_over_part(o, false);
        data += n + (newline != NULL);
    }
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* One for all outputs: it holds nothing between two reads. */
static char read_buffer[READ_SIZE];

static ssize_t read_lines(struct output *o)
{
    ssize_t n = read(o->fd, read_buffer, sizeof read_buffer);

    if (n > 0)
        feed(o, read_buffer, (size_t)n);
    return n < 0 ? -errno : n;
}

/* true while there may be more. */
static bool take_some(struct output *o)
{
    ssize_t n = o->hooks.move ? o->hooks.move(o->hooks.arg, o->fd) : read_lines(o);

    if (n > 0 || n == -EINTR)
        return true;
    if (n != -EAGAIN)
        event_del(o->readable);
    return false;
}

static void take(struct output *o, int times)
{
    while (times-- > 0 && take_some(o))
        continue;
    o->hooks.on_pause(o->hooks.arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct output *o = arg;
    struct timeval soon = {.tv_usec = PAUSE_MS * 1000};

    if (o->hooks.may(o->hooks.arg)) {
        if (o->hooks.before)
            o->hooks.before(o->hooks.arg);
        take(o, READS);
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

void output_poll(struct output *o)
{
    if (!o->hooks.move && o->hooks.may(o->hooks.arg))
        take(o, READS);
}

void output_drain(struct output *o)
{
    take(o, DRAIN_READS);
    if (o->part_len > 0)
        hand_over_part(o, false);
    o->hooks.on_pause(o->hooks.arg);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

/* A pipe that is opened anew for both can be opened by its name in /proc alone; without it the plain end has to do. */
static int open_both_ways(int fd)
{
    char path[32];
    int both;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    both = open(path, O_RDWR | O_CLOEXEC);
    if (both < 0)
        return fd;
    close(fd);
    return both;
}

int output_new(struct event_base *base, const struct output_hooks *hooks, struct output **ret, int *ret_child_fd)
{
    struct output *o = calloc(1, sizeof *o);
    int fds[2];

    if (!o || pipe2(fds, O_CLOEXEC) < 0) {
        free(o);
        return o ? -errno : -ENOMEM;
    }
    *o = (struct output){.fd = fds[0], .hooks = *hooks};
    o->readable = event_new(base, o->fd, EV_READ | EV_PERSIST, on_readable, o);
    o->paused = evtimer_new(base, on_pause_over, o);
    if (!o->readable || !o->paused || fd_nonblock(o->fd) < 0 || event_add(o->readable, NULL) < 0) {
        close(fds[1]);
        output_free(o);
        return -ENOMEM;
    }
    (void)fcntl(o->fd, F_SETPIPE_SZ, PIPE_SIZE); /* as large as it may be */
    *ret = o;
    *ret_child_fd = open_both_ways(fds[1]);
    return 0;
}

void output_free(struct output *o)
{
    if (!o)
        return;
    if (o->readable)
        event_free(o->readable);
    if (o->paused)
        event_free(o->paused);
    fd_close(&o->fd);
    free(o->part);
    free(o);
}
