/* The keys of a worker as options of a command line, for those commands that take a command to run.
 *
 * Owner: cmd_run.c, cmd_spawn.c. Calls config. */
#pragma once
#include <stddef.h>

#include "taskd/command.h"

/* All of them, for `more_options` of a command; lives as long as the program. */
const struct option_spec *worker_options(void);

enum { WORKER_SETTINGS_MAX = 128 };

/* What the command line has set, in its order; strings are borrowed. Zeroed to begin with. */
struct worker_settings {
    struct worker_setting {
        const char *option, *text;
    } list[WORKER_SETTINGS_MAX];
    size_t count;
};

/* One more; too many are fatal. `command` is the name of the one that takes them. */
void worker_settings_add(struct worker_settings *, const char *command, const char *option, const char *text);
