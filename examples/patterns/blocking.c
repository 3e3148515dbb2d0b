/* A worker that never looks at its channel: what a task that blocks its thread is to an async runtime.
 *
 *     taskd run --stop-timeout 2s -- examples/patterns/blocking
 *
 * and ^C: the stop is never acknowledged, `taskd status` says "unresponsive", and after the grace of 2 s the whole tree
 * is killed; exit status 137. The last line names the unit whose effect is unknown. */
#include <signal.h>
#include <unistd.h>

#include "libtaskd/taskd.h"

int main(void)
{
    taskd *t;

    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (taskd_open(&t) < 0)
        return 1;
    taskd_ready(t);
    taskd_begin(t, "a call that never returns");
    for (;;)
        pause();
}
