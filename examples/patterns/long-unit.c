/* A worker with a unit of three seconds, during which it hears nothing.
 *
 *     taskd run -- examples/patterns/long-unit
 *
 * and ^C in the middle of a unit: taskd waits for its end, no other unit begins, and nothing is lost. Exit status 130.
 * An argument says how many milliseconds a unit takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "libtaskd/taskd.h"

static void work(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

int main(int argc, char **argv)
{
    long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 3000;
    char unit[16], value[32];
    taskd *t;
    int done = 0;

    if (taskd_open(&t) < 0)
        return 1;
    taskd_ready(t);
    while (!taskd_should_stop(t)) {
        snprintf(unit, sizeof unit, "unit-%d", done + 1);
        if (taskd_begin(t, unit) < 0)
            break;
        work(ms);
        taskd_end(t, unit);
        done++;
    }
    snprintf(value, sizeof value, "{\"done\":%d}", done);
    taskd_result(t, value, false);
    taskd_close(t);
    return 0;
}
