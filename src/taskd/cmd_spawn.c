/* taskd spawn: one more task in a running daemon, for one life. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/record_report.h"
#include "taskd/status_text.h"
#include "taskd/term.h"
#include "taskd/worker_options.h"

enum { EXIT_SIGNAL = 128, EXIT_TASKD = 125, ANSWER_MS = 30 * 1000 };

static const struct option_spec spawn_options[] = {
    {"detach", 'd', NULL, "print the handle and return; the task stays when this command is gone"},
    {"input", 0, "JSON", "data that the worker finds in its hello"},
    {"name", 0, "NAME", "what to call it after -- (default: its file name)"},
    {"json", 'j', NULL, "with --detach, print the daemon's answer as it is; records are JSON in any case"},
    {NULL},
};

struct spawn {
    const char *name, *input;
    bool detach, json;
    struct worker_settings settings;
};

static void take_option(struct spawn *s, const char *option, const char *value)
{
    if (strcmp(option, "detach") == 0)
        s->detach = true;
    else if (strcmp(option, "json") == 0)
        s->json = true;
    else if (strcmp(option, "name") == 0)
        s->name = value;
    else if (strcmp(option, "input") == 0)
        s->input = value;
    else
        worker_settings_add(&s->settings, "spawn", option, value);
}

/* --- the request */

static void put(json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new(object, key, value) < 0)
        fatal("spawn: %s: out of memory, or not valid UTF-8", key);
}

static json_t *working_directory(void)
{
    char dir[PATH_MAX];

    if (!getcwd(dir, sizeof dir))
        fatal("spawn: the working directory: %s", strerror(errno));
    return json_string(dir);
}

/* The daemon has another working directory: what is relative here must not be so there. */
static json_t *setting_value(const struct worker_setting *s)
{
    static const char *const paths[] = {"cwd", "env-file", "log-file"};
    char dir[PATH_MAX];

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(s->option, paths[i]) == 0 && s->text[0] != '/' && getcwd(dir, sizeof dir))
            return json_sprintf("%s/%s", dir, s->text);
    return json_string(s->text);
}

/* Every option is a list, since it may have been given several times. */
static json_t *make_settings(const struct worker_settings *settings)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < settings->count; i++) {
        const struct worker_setting *s = &settings->list[i];
        json_t *values = json_object_get(object, s->option), *value = setting_value(s);

        if (!values)
            put(object, s->option, values = json_array());
        if (!value || json_array_append_new(values, value) < 0)
            fatal("spawn: --%s %s: out of memory, or not valid UTF-8", s->option, s->text);
    }
    return object;
}

static void add_command(json_t *body, const struct spawn *s, char **words, int count)
{
    json_t *command = json_array();

    for (int i = 0; i < count; i++)
        if (json_array_append_new(command, json_string(words[i])) < 0)
            fatal("spawn: %s: out of memory, or not valid UTF-8", words[i]);
    put(body, "command", command);
    put(body, "cwd", working_directory());
    if (s->settings.count > 0)
        put(body, "options", make_settings(&s->settings));
    if (s->name)
        put(body, "name", json_string(s->name));
}

static json_t *parse_input(const char *text)
{
    json_error_t error;
    json_t *input = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

    if (!input)
        fatal("spawn: --input is not JSON: %s", error.text);
    return input;
}

static bool has_command(const struct options *o)
{
    return o->saw_dashdash && o->before_dashdash == 0;
}

static void check(const struct spawn *s, const struct options *o)
{
    if (o->operands_count == 0)
        fatal("spawn: what? Name a worker, or give a command after --");
    if (has_command(o))
        return;
    if (o->operands_count > 1)
        fatal("spawn: one NAME, or -- and a command");
    if (s->settings.count > 0 || s->name)
        fatal("spawn: --%s is for `spawn -- CMD`: %s has what the configuration says",
              s->name ? "name" : s->settings.list[0].option, o->argv[0]);
}

static json_t *make_body(const struct spawn *s, const struct options *o)
{
    json_t *input = s->input ? parse_input(s->input) : NULL, *body = json_object();

    if (!body)
        fatal("out of memory");
    if (has_command(o))
        add_command(body, s, o->argv, o->operands_count);
    else
        put(body, "worker", json_string(o->argv[0]));
    if (input)
        put(body, "input", input);
    put(body, "detach", json_boolean(s->detach));
    return body;
}

/* --- the answer */

/* To close our side asks for a stop; the daemon still tells how it ended. A second signal has its usual effect. */
static void await_answer(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool told = false;

    while (term_poll(&p) < 0) {
        if (!term_interrupted() || told)
            continue;
        told = true;
        shutdown(fd, SHUT_WR);
        log_info("the task was asked to stop: waiting for its end; once more leaves");
    }
}

/* A shell must not go on after ^C as if all had been done; what was done in spite of it is done. */
static int status_of(const json_t *answer)
{
    const json_t *record = json_array_get(json_object_get(answer, "results"), 0);
    int status = record_print_all(answer), signo = term_interrupted();
    bool cancelled = strcmp(status_string(record, "outcome"), "cancelled") == 0;

    return signo && cancelled && status == 0 ? EXIT_SIGNAL + signo : status;
}

static int print_handle(const struct spawn *s, const json_t *answer)
{
    if (s->json)
        json_dumpf(answer, stdout, JSON_COMPACT);
    else
        fputs(status_string(answer, "handle"), stdout);
    putchar('\n');
    return 0;
}

static int spawn(const struct spawn *s, json_t *body)
{
    const char *socket = client_socket();
    struct client_reply reply = {0};
    int fd = -1, status = EXIT_TASKD, rc;

    if (!s->detach)
        term_catch_end();
    rc = client_start(socket, "POST", "/v1/spawn", body, &fd);
    if (rc == 0 && !s->detach)
        await_answer(fd);
    if (rc == 0)
        rc = client_finish(fd, ANSWER_MS, &reply);
    if (!client_succeeded(rc, &reply))
        client_complain(socket, rc, &reply);
    else
        status = s->detach ? print_handle(s, reply.body) : status_of(reply.body);
    client_reply_free(&reply);
    return status;
}

static int run_spawn(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct spawn s = {.name = NULL};
    const char *option, *value;
    json_t *body;
    int status;

    while ((option = options_next(&o, &value)))
        take_option(&s, option, value);
    check(&s, &o);
    body = make_body(&s, &o);
    status = spawn(&s, body);
    json_decref(body);
    return status;
}

extern const struct command command_spawn;
const struct command command_spawn = {
    .name = "spawn",
    .usage = "[options] NAME\n       taskd spawn [options] -- CMD ARG…",
    .help = "Run one more task in a running daemon, for one life.",
    .options = spawn_options,
    .more_options = worker_options,
    .details = "NAME is a worker of the configuration. CMD runs in the working directory of this command, with the "
               "environment\n"
               "of the daemon. Attached, as it is without --detach, the task belongs to this command: its end, by ^C, "
               "SIGTERM,\n"
               "SIGHUP or in any other way, asks the task to stop. It waits and prints the record, as `taskd wait` "
               "does; after\n"
               "a second signal it does not wait any longer.\n"
               "Exit status: as of `taskd wait`; 130, 143 or 129 when a signal to this command stopped the task in "
               "order; 125\n"
               "for taskd's own errors.\n\n"
               "Examples:\n"
               "  taskd spawn --input '{\"date\":\"2026-11-23\"}' report\n"
               "  taskd spawn --stop-timeout 1min -- ./import.py new.csv\n"
               "  handle=$(taskd spawn --detach resize) && taskd wait \"$handle\"",
    .operands = OPERANDS_WORKERS,
    .run = run_spawn,
};
