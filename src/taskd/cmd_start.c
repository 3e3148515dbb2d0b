#include "taskd/lifecycle.h"

static int run_start(const struct command *self, int argc, char **argv)
{
    struct lifecycle l = LIFECYCLE("start", "started");

    return lifecycle_main(&l, self, argc, argv);
}

extern const struct command command_start;
const struct command command_start = {
    .name = "start",
    .usage = "[options] [NAME…]",
    .help = "Start what is down; without a NAME everything.",
    .more_options = lifecycle_options,
    .details = "NAME is a worker (resize), a group of workers or a task (resize@2). What failed is tried again, and a "
               "drain ends.\n"
               "It returns when all are up; meanwhile it shows who is not. ^C leaves; the start goes on.\n"
               "Exit status: 0; 1 when a task has failed; 124 when --timeout passed; 125 for taskd's own errors; 130 "
               "after ^C.",
    .operands = OPERANDS_SCOPES,
    .run = run_start,
};
