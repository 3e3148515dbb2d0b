/* taskd run: what to supervise, from a file or from the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/command.h"
#include "taskd/config.h"
#include "taskd/config_name.h"
#include "taskd/daemon.h"
#include "taskd/log.h"
#include "taskd/paths.h"
#include "taskd/signals.h"
#include "taskd/worker_options.h"

struct run {
    const char *config_path, *result_path, *name;
    struct worker_settings settings; /* kept until the worker that they are for exists */
    const char *listen[CONFIG_SOCKETS_MAX];
    size_t listen_count;
    bool one_shot, verbose;
    struct config *config;
};

static void add_listen(struct run *r, const char *text)
{
    if (r->listen_count == CONFIG_SOCKETS_MAX)
        fatal("run: more than %d addresses", CONFIG_SOCKETS_MAX);
    r->listen[r->listen_count++] = text;
}

static void take_option(struct run *r, const char *option, const char *value)
{
    if (strcmp(option, "config") == 0)
        r->config_path = value;
    else if (strcmp(option, "result") == 0)
        r->result_path = value;
    else if (strcmp(option, "name") == 0)
        r->name = value;
    else if (strcmp(option, "listen") == 0)
        add_listen(r, value);
    else if (strcmp(option, "verbose") == 0)
        r->verbose = true;
    else
        worker_settings_add(&r->settings, "run", option, value);
}

static void apply_settings(struct run *r)
{
    char why[512];
    for (size_t i = 0; i < r->settings.count; i++) {
        const struct worker_setting *s = &r->settings.list[i];
        if (worker_config_set(&r->config->workers[0], s->option, s->text, why, sizeof why) < 0)
            fatal("run: --%s %s: %s", s->option, s->text, why);
    }
    for (size_t i = 0; i < r->listen_count; i++)
        if (config_add_listen(r->config, r->listen[i], why, sizeof why) < 0)
            fatal("run: --listen %s: %s", r->listen[i], why);
}

static void check_config(const struct run *r)
{
    struct config_errors *errors = config_errors_new();
    if (!errors)
        fatal("no memory");
    if (config_check(r->config, errors) < 0) {
        config_errors_print(errors, stderr);
        exit(125);
    }
    config_errors_free(errors);
}

static void load_command(struct run *r, char **command)
{
    if (r->config_path)
        fatal("run: either --config FILE or a command after --, not both");
    char *name = r->name ? strdup(r->name) : config_name_from(command[0]);
    r->one_shot = true;
    r->config = name ? config_from_command(name, command) : NULL;
    free(name);
    if (!r->config)
        fatal("no memory");
    apply_settings(r);
    check_config(r);
}

static void load_file(struct run *r)
{
    const char *misplaced = r->name                 ? "name"
                            : r->result_path        ? "result"
                            : r->listen_count > 0   ? "listen"
                            : r->settings.count > 0 ? r->settings.list[0].option
                                                    : NULL;
    if (misplaced)
        fatal("run: --%s is for `run -- CMD`: with a configuration it belongs there", misplaced);
    struct config_errors *errors = config_errors_new();
    const char *path = r->config_path ? r->config_path : PATHS_CONFIG;
    if (!errors)
        fatal("no memory");
    if (config_load(path, &r->config, errors) < 0) {
        config_errors_print(errors, stderr);
        if (!r->config_path)
            log_error("run: give a configuration with `taskd run -c FILE`, or a command with `taskd run -- CMD`");
        exit(125);
    }
    config_errors_free(errors);
}

static void parse(struct run *r, const struct command *command, int argc, char **argv)
{
    struct options o = {.command = command, .argc = argc, .argv = argv, .stop_at_operand = true};
    const char *option, *value;
    while ((option = options_next(&o, &value)))
        take_option(r, option, value);
    if (o.operands_count > 0) {
        argv[o.operands_count] = NULL;
        load_command(r, argv);
    } else if (o.saw_dashdash) {
        fatal("run: a command is missing after --");
    } else {
        load_file(r);
    }
}

static int run(const struct command *command, int argc, char **argv)
{
    struct run r = {0};
    signals_hold();
    parse(&r, command, argc, argv);
    log_init(r.verbose ? LOG_L_DEBUG : LOG_L_INFO);
    struct daemon_request req = {
        .config = r.config,
        .one_shot = r.one_shot,
        .result_path = r.result_path,
        .socket = global_options.socket,
        .state_dir = global_options.state_dir,
    };
    int status = daemon_run(&req);
    config_free(r.config);
    return status;
}

static const struct option_spec run_options[] = {
    {"config", 'c', "FILE", "the configuration (default " PATHS_CONFIG ")"},
    {"listen", 0, "NAME=ADDRESS", "open this socket and hand it to the one command as LISTEN_FDS; can be repeated"},
    {"name", 0, "NAME", "what to call the one worker (default: its file name)"},
    {"result", 0, "FILE", "write the outcome record of the one command to FILE, or to standard output (-)"},
    {"verbose", 'v', NULL, "log more"},
    {NULL},
};

const struct command command_run = {
    .name = "run",
    .usage = "[-c FILE]\n       taskd run [options] -- CMD ARG…",
    .help = "Supervise a configuration, or one command, in the foreground.",
    .options = run_options,
    .more_options = worker_options,
    .details = "^C or SIGTERM asks every worker to finish its current unit and leave; a second ^C kills.\n\n"
               "Exit status with a configuration: 0 after a graceful stop in which no unit was cut, or when every\n"
               "worker ended ok; 1 otherwise; 125 for errors of taskd's own.\n"
               "Exit status of one command: its own; 128+n when signal n ended it; 126 or 127 when it could not be\n"
               "started; 130 or 143 when ^C or SIGTERM stopped taskd and the command left by itself; 137 when it had\n"
               "to be killed; 125 for errors of taskd's own.\n\n"
               "Examples:\n"
               "  taskd run -- ./resize in/*.jpg\n"
               "  taskd run --stop-timeout 1min --result - -- ./import.py\n"
               "  taskd run -c jobs.json",
    .operands = OPERANDS_COMMAND,
    .run = run,
};
