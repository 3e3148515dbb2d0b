/* The table of commands, and the way from argv to a row of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "taskd/command.h"
#include "taskd/log.h"

enum { EXIT_TASKD = 125, NAME_COLUMN = 10, COMMANDS_MAX = 32 };

extern const struct command command_run, command_start, command_stop, command_restart, command_reload, command_scale,
    command_drain, command_resume, command_spawn, command_status, command_wait, command_abort, command_results,
    command_events, command_logs, command_check, command_schema, command_version, command_complete;

static int run_help(const struct command *, int argc, char **argv);

static const struct command command_help_row = {
    .name = "help",
    .usage = "[COMMAND]",
    .help = "What taskd can do, or what one command does.",
    .operands = OPERANDS_COMMANDS,
    .run = run_help,
};

const struct command *const commands[] = {
    &command_run,   &command_start,  &command_stop,    &command_restart,  &command_reload,
    &command_scale, &command_drain,  &command_resume,  &command_spawn,    &command_status,
    &command_wait,  &command_abort,  &command_results, &command_logs,     &command_events,
    &command_check, &command_schema, &command_version, &command_help_row, &command_complete,
    NULL,
};

static const struct option_spec main_options[] = {
    {"version", 'V', NULL, "print the version"},
    {NULL},
};

static void print_commands(void)
{
    printf("usage: taskd COMMAND [options] …\n\n"
           "taskd supervises workers and stops them between units of work, never in the middle.\n\nCommands:\n");
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            printf("  %-*s %s\n", NAME_COLUMN, (*c)->name, (*c)->help);
    printf("\nTo begin:  taskd run -- CMD ARG…     supervise one command; ^C lets it finish its unit\n"
           "           taskd COMMAND --help      options, exit status, examples\n"
           "           man taskd                 the whole manual\n\n"
           "Every command takes --socket PATH, --state-dir DIR and --help.\n");
}

/* `taskd --help` walks the same options as every command, so it gets a row of its own. */
const struct command command_taskd = {
    .usage = "COMMAND [options] …",
    .help = "A process supervisor that stops workers between units of work.",
    .options = main_options,
    .details = "`taskd help` lists the commands.",
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0 || ((*c)->alias && strcmp((*c)->alias, name) == 0))
            return *c;
    return NULL;
}

static _Noreturn void unknown_command(const char *name)
{
    const char *known[2 * COMMANDS_MAX], *near;
    size_t count = 0;

    for (const struct command *const *c = commands; *c && count < 2 * COMMANDS_MAX - 2; c++) {
        if ((*c)->hidden)
            continue;
        known[count++] = (*c)->name;
        if ((*c)->alias)
            known[count++] = (*c)->alias;
    }
    known[count] = NULL;
    near = text_nearest(name, known);
    if (near)
        fatal("there is no command \"%s\" (did you mean `taskd %s`?)", name, near);
    fatal("there is no command \"%s\": `taskd help` lists them", name);
}

static const struct command *need_command(const char *name)
{
    const struct command *c = command_find(name);

    if (!c)
        unknown_command(name);
    return c;
}

static int run_help(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    const char *value;

    while (options_next(&o, &value))
        continue;
    if (o.operands_count == 0) {
        print_commands();
        return 0;
    }
    for (int i = 0; i < o.operands_count; i++)
        command_help(need_command(o.argv[i]));
    return 0;
}

/* With a standard descriptor closed, the next file that is opened would take its number and get our output. What stands
 * in for it fails as a closed one does: opened the wrong way round. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(EXIT_TASKD);
}

static bool is_help(const struct options *o)
{
    return o->argc == 1 && (strcmp(o->argv[0], "--help") == 0 || strcmp(o->argv[0], "-h") == 0);
}

static int dispatch(struct options *o)
{
    const struct command *command;
    const char *value;

    if (is_help(o)) {
        print_commands();
        return 0;
    }
    if (options_next(o, &value))
        return command_version.run(&command_version, 0, NULL);
    if (o->operands_count == 0) {
        print_commands();
        return 0;
    }
    command = need_command(o->argv[0]);
    return command->run(command, o->operands_count - 1, o->argv + 1);
}

int main(int argc, char **argv)
{
    struct options o = {.command = &command_taskd, .stop_at_operand = true};
    int status;

    fill_standard_descriptors();
    log_init(LOG_L_INFO);
    o.argc = argc > 0 ? argc - 1 : 0;
    o.argv = argv + (argc > 0);
    status = dispatch(&o);
    /* A full disk shows only here: a command that could not say its result has not succeeded. */
    if (fflush(stdout) != 0 || ferror(stdout))
        fatal("standard output: %s", strerror(errno));
    return status;
}
