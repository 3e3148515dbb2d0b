/* A worker that says on a period what it is at: a line for `taskd status`, which is also a sign of life.
 *
 *     taskd run -- examples/patterns/heartbeat 200
 *
 * The argument is the period in milliseconds. Waiting on the channel instead of sleeping makes the stop as quick as the
 * period is long, or quicker. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "libtaskd/taskd.h"

int main(int argc, char **argv)
{
    int period_ms = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
    char text[32];
    taskd *t;

    if (taskd_open(&t) < 0)
        return 1;
    taskd_ready(t);
    for (int beat = 1; !taskd_should_stop(t); beat++) {
        struct pollfd channel = {.fd = taskd_fd(t), .events = POLLIN};
        snprintf(text, sizeof text, "beat %d", beat);
        taskd_heartbeat(t);
        taskd_status(t, text);
        poll(&channel, 1, period_ms);
        taskd_dispatch(t);
    }
    taskd_close(t);
    return 0;
}
