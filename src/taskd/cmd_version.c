#include <stdio.h>

#include "autoconf.h"
#include "taskd/command.h"

static const struct option_spec version_options[] = {{NULL}};

static int run_version(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    const char *value;

    while (options_next(&o, &value))
        continue;
    printf("taskd %s\n", PACKAGE_VERSION);
    return 0;
}

extern const struct command command_version;
const struct command command_version = {
    .name = "version",
    .usage = "",
    .help = "Print the version.",
    .options = version_options,
    .run = run_version,
};
