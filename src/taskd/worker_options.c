#include "taskd/worker_options.h"

#include "taskd/config.h"
#include "taskd/log.h"

enum { OPTIONS_MAX = 96 };

static struct option_spec specs[OPTIONS_MAX];
static size_t specs_count;

static void on_option(void *arg, const struct config_option *o)
{
    (void)arg;
    if (specs_count < OPTIONS_MAX - 1)
        specs[specs_count++] =
            (struct option_spec){.name = o->name, .value = o->placeholder, .help = o->help, .choices = o->choices};
}

const struct option_spec *worker_options(void)
{
    if (specs_count == 0)
        config_each_option(on_option, NULL);
    return specs;
}

void worker_settings_add(struct worker_settings *s, const char *command, const char *option, const char *text)
{
    if (s->count >= WORKER_SETTINGS_MAX)
        fatal("%s: more than %d settings", command, WORKER_SETTINGS_MAX);
    s->list[s->count++] = (struct worker_setting){option, text};
}
