#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/lifecycle.h"
#include "taskd/log.h"

enum { REPLICAS_MAX = 10000 };

/* "resize=4", taken apart in place. */
static int64_t take_order(char *order)
{
    char *equals = strrchr(order, '=');
    int64_t replicas;

    if (!equals || equals == order || !options_number(equals + 1, 0, REPLICAS_MAX, &replicas))
        fatal("scale: %s is not NAME=N, as in resize=4, with N from 0 to %d", order, REPLICAS_MAX);
    *equals = '\0';
    return replicas;
}

/* All are read before the first one is asked for. */
static void ask_all(struct lifecycle *l, const struct options *o)
{
    int64_t *replicas = calloc((size_t)o->operands_count, sizeof *replicas);

    if (!replicas)
        fatal("out of memory");
    for (int i = 0; i < o->operands_count; i++)
        replicas[i] = take_order(o->argv[i]);
    lifecycle_begin(l);
    for (int i = 0; i < o->operands_count; i++)
        lifecycle_ask(l, o->argv[i], json_pack("{s:I}", "replicas", (json_int_t)replicas[i]));
    free(replicas);
}

static int run_scale(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct lifecycle l = LIFECYCLE("scale", "scaled");
    const char *name, *value;

    while ((name = options_next(&o, &value)))
        lifecycle_take(&l, &o, name, value);
    if (o.operands_count == 0)
        fatal("scale: which worker, and how many tasks of it? As in `taskd scale resize=4`");
    ask_all(&l, &o);
    return lifecycle_end(&l);
}

extern const struct command command_scale;
const struct command command_scale = {
    .name = "scale",
    .usage = "[options] NAME=N…",
    .help = "Change how many tasks a worker has; idle ones go first.",
    .more_options = lifecycle_options,
    .details = "NAME is a worker, N from 0 to 10000. Tasks that are too many finish their unit before they leave. It\n"
               "returns when all are up or gone. ^C leaves; the change goes on.\n"
               "Exit status: 0; 1 when a task has failed; 124 when --timeout passed; 125 for taskd's own errors; 130\n"
               "after ^C.\n"
               "\nExample: taskd scale resize=4 upload=2",
    .operands = OPERANDS_COUNTS,
    .run = run_scale,
};
