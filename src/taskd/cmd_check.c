#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "taskd/command.h"
#include "taskd/config.h"
#include "taskd/log.h"
#include "taskd/paths.h"

enum { EXIT_OK = 0, EXIT_WRONG = 1, EXIT_TASKD = 125 };

static const struct option_spec check_options[] = {
    {"json", 0, NULL, "print one JSON object on standard output"},
    {NULL},
};

static int64_t count_tasks(const struct config *c)
{
    int64_t tasks = 0;

    for (size_t i = 0; i < c->workers_count; i++)
        tasks += c->workers[i].replicas;
    return tasks;
}

static json_t *error_json(const struct config_error *e)
{
    json_t *error = json_pack("{s:s*,s:s,s:s}", "file", e->file, "path", e->path, "message", e->message);

    if (e->line) {
        json_object_set_new(error, "line", json_integer((json_int_t)e->line));
        json_object_set_new(error, "column", json_integer((json_int_t)e->column));
    }
    return error;
}

static int print_json(const char *path, const struct config *c, const struct config_errors *errors)
{
    json_t *list = json_array(), *result;
    int r;

    for (size_t i = 0; i < config_errors_count(errors); i++)
        json_array_append_new(list, error_json(config_errors_get(errors, i)));
    result = json_pack("{s:b,s:s,s:I,s:I,s:o}", "ok", c != NULL, "file", path, "workers",
                       (json_int_t)(c ? c->workers_count : 0), "tasks", (json_int_t)(c ? count_tasks(c) : 0), "errors",
                       list);
    r = result ? json_dumpf(result, stdout, JSON_COMPACT) : -1;
    json_decref(result);
    puts("");
    return r;
}

static void print_text(const char *path, const struct config *c, const struct config_errors *errors)
{
    if (c)
        printf("%s: ok: %zu worker%s, %" PRId64 " task%s\n", path, c->workers_count, c->workers_count == 1 ? "" : "s",
               count_tasks(c), count_tasks(c) == 1 ? "" : "s");
    else
        config_errors_print(errors, stderr);
}

static int check_file(const char *path, bool json)
{
    struct config_errors *errors = config_errors_new();
    struct config *c = NULL;
    int r;

    if (!errors)
        fatal("out of memory");
    r = config_load(path, &c, errors);
    if (!json)
        print_text(path, c, errors);
    else if (print_json(path, c, errors) < 0)
        r = -ENOMEM;
    config_free(c);
    config_errors_free(errors);
    return r == 0 ? EXIT_OK : r == -EINVAL ? EXIT_WRONG : EXIT_TASKD;
}

static int run_check(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    const char *value;
    bool json = false;

    while (options_next(&o, &value))
        json = true;
    if (o.operands_count > 1)
        fatal("check: one FILE at a time, not \"%s\" as well", argv[1]);
    return check_file(o.operands_count == 1 ? argv[0] : PATHS_CONFIG, json);
}

extern const struct command command_check;
const struct command command_check = {
    .name = "check",
    .usage = "[options] [FILE]",
    .help = "Say whether a configuration is right, without running it.",
    .options = check_options,
    .details =
        "FILE is " PATHS_CONFIG " unless it is given; - is standard input. Everything that is wrong is told at once.\n"
        "\nExit status: 0 the file is right; 1 it is wrong; 125 it cannot be read.\n"
        "\nExample: taskd check ./taskd.json && taskd run -c ./taskd.json",
    .operands = OPERANDS_FILES,
    .run = run_check,
};
