/* A worker with an event loop of its own: the channel is one descriptor among those that it waits for.
 *
 *     (echo one; echo two; cat) | taskd run -- examples/patterns/event-loop
 *
 * Each line of standard input is a unit. The loop sleeps in poll(2) and hears a stop at once, because the channel
 * becomes readable; the library makes no thread and installs no handler. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libtaskd/taskd.h"

static void do_line(taskd *t, const char *line)
{
    if (taskd_begin(t, line) < 0)
        return;
    printf("did %s\n", line);
    fflush(stdout);
    taskd_end(t, line);
}

static bool on_input(taskd *t)
{
    char text[512], *rest = text;
    ssize_t n = read(STDIN_FILENO, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            do_line(t, line);
    return n > 0;
}

int main(void)
{
    taskd *t;
    bool more = true, stop = false;

    if (taskd_open(&t) < 0)
        return 1;
    taskd_ready(t);
    while (more && !stop) {
        struct pollfd fds[] = {{.fd = taskd_fd(t), .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            continue;
        stop = taskd_dispatch(t) & TASKD_STOP; /* first: a stop wins over the next line */
        if (!stop && fds[1].revents)
            more = on_input(t);
    }
    taskd_result(t, NULL, !more);
    taskd_close(t);
    return 0;
}
