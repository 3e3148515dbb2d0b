#include <string.h>

#include "taskd/lifecycle.h"

enum { UNAVAILABLE_MAX = 10000 };

static const struct option_spec restart_options[] = {
    {"max-unavailable", 0, "N", "how many tasks of a worker may be down at a time (default 1)"},
    {NULL},
};

static json_t *make_body(int64_t max_unavailable)
{
    json_t *body = json_object();

    if (body && max_unavailable > 0)
        json_object_set_new(body, "max_unavailable", json_integer(max_unavailable));
    return body;
}

static int run_restart(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct lifecycle l = LIFECYCLE("restart", "restarted");
    int64_t max_unavailable = 0;
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "max-unavailable") == 0)
            max_unavailable = options_count(&o, name, value, 1, UNAVAILABLE_MAX);
        lifecycle_take(&l, &o, name, value);
    }
    lifecycle_begin(&l);
    if (o.operands_count == 0)
        lifecycle_ask(&l, NULL, make_body(max_unavailable));
    for (int i = 0; i < o.operands_count; i++)
        lifecycle_ask(&l, o.argv[i], make_body(max_unavailable));
    return lifecycle_end(&l);
}

extern const struct command command_restart;
const struct command command_restart = {
    .name = "restart",
    .usage = "[options] [NAME…]",
    .help = "Replace tasks between two of their units, the idle ones first.",
    .options = restart_options,
    .more_options = lifecycle_options,
    .details =
        "NAME is a worker (resize), a group of workers or a task (resize@2); without one everything is restarted.\n"
        "One task of a worker at a time is down, the others go on; what was down is started. It returns when all\n"
        "are up again; meanwhile it shows who is finishing what. ^C leaves; the restart goes on.\n"
        "Exit status: 0; 1 when a task has failed; 124 when --timeout passed; 125 for taskd's own errors; 130\n"
        "after ^C.",
    .operands = OPERANDS_SCOPES,
    .run = run_restart,
};
