#include "taskd/lifecycle.h"

static int run_drain(const struct command *self, int argc, char **argv)
{
    struct lifecycle l = LIFECYCLE("drain", "drained");

    return lifecycle_main(&l, self, argc, argv);
}

extern const struct command command_drain;
const struct command command_drain = {
    .name = "drain",
    .alias = "quiet",
    .usage = "[options] [NAME…]",
    .help = "Let tasks finish their units, however long that takes, and keep them down.",
    .more_options = lifecycle_options,
    .details = "NAME is a worker (resize), a group of workers or a task (resize@2); without one everything is drained "
               "and the daemon\n"
               "stays. What is drained stays down until `taskd resume` or `taskd start`. While it waits, it shows who "
               "is finishing\n"
               "what. ^C leaves; the drain goes on. `taskd stop` is for a stop that kills when the time is over.\n"
               "Exit status: 0; 1 when a task has failed; 124 when --timeout passed; 125 for taskd's own errors; 130 "
               "after ^C.",
    .operands = OPERANDS_SCOPES,
    .run = run_drain,
};
