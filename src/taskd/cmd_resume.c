#include "taskd/lifecycle.h"

static int run_resume(const struct command *self, int argc, char **argv)
{
    struct lifecycle l = LIFECYCLE("resume", "resumed");

    return lifecycle_main(&l, self, argc, argv);
}

extern const struct command command_resume;
const struct command command_resume = {
    .name = "resume",
    .usage = "[options] [NAME…]",
    .help = "Let what was drained work again; without a NAME everything.",
    .more_options = lifecycle_options,
    .details = "NAME is a worker (resize), a group of workers or a task (resize@2). It returns when all are up again.\n"
               "^C leaves; the tasks start all the same.\n"
               "Exit status: 0; 1 when a task has failed; 124 when --timeout passed; 125 for taskd's own errors; 130 "
               "after ^C.",
    .operands = OPERANDS_SCOPES,
    .run = run_resume,
};
