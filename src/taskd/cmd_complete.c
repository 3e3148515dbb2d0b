/* taskd complete: what a shell offers at Tab. The scripts in etc/completions are thin, and ask here, so that what they
 * offer is always what this taskd can do.
 *
 * A candidate a line, its description behind a tab; then, where the shell knows better, a word for it: ":files",
 * ":dirs" or ":command N", a command line of its own from that word on. Nothing is ever said on standard error. */
#include <stdio.h>
#include <string.h>

#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/completion.h"
#include "taskd/log.h"
#include "taskd/status_text.h"

enum { PATIENCE_MS = 1000, HELP_MAX = 80 };

/* To its first sentence, on one line: a shell shows many of them. */
static void print_help(const char *help)
{
    const char *stop = strstr(help, ". ");
    size_t len = stop ? (size_t)(stop - help) : strcspn(help, ".\n");

    printf("%s%.*s\n", *help ? "\t" : "", (int)(len < HELP_MAX ? len : HELP_MAX), help);
}

static void offer(const struct completion *c, const char *value, const char *help)
{
    if (strncmp(value, c->text, strlen(c->text)) != 0)
        return;
    printf("%.*s%s", c->lead_len, c->lead, value);
    print_help(help);
}

static void offer_option(void *arg, const struct option_spec *s)
{
    char name[64];

    snprintf(name, sizeof name, "--%s", s->name);
    offer(arg, name, s->help);
}

static void offer_commands(const struct completion *c)
{
    for (const struct command *const *row = commands; *row; row++)
        if (!(*row)->hidden)
            offer(c, (*row)->name, (*row)->help);
}

/* --- names, which only the daemon knows ----------------------------------------------------------------------------
 */

/* A name that came over the socket is written into somebody's command line: nothing in it may mean anything there. */
static bool is_harmless(const char *name)
{
    return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@#-") == strlen(name);
}

static void offer_name(const struct completion *c, const char *name, const char *help)
{
    if (is_harmless(name))
        offer(c, name, help);
}

static bool is_first_of_worker(const json_t *tasks, size_t index)
{
    const char *worker = status_string(json_array_get(tasks, index), "worker");

    return index == 0 || strcmp(worker, status_string(json_array_get(tasks, index - 1), "worker")) != 0;
}

static void offer_task(const struct completion *c, const json_t *tasks, size_t index)
{
    const json_t *task = json_array_get(tasks, index);
    const char *worker = status_string(task, "worker"), *state = status_string(task, "state");
    enum operands what = c->command->operands;
    char count[256];

    if (is_first_of_worker(tasks, index) && what != OPERANDS_COUNTS)
        offer_name(c, worker, "all tasks of this worker");
    if (is_first_of_worker(tasks, index) && what == OPERANDS_COUNTS && is_harmless(worker)) {
        snprintf(count, sizeof count, "%s=", worker);
        offer(c, count, "how many tasks");
    }
    if (what == OPERANDS_SCOPES || what == OPERANDS_LIVES)
        offer_name(c, status_string(task, "id"), state);
    if (what == OPERANDS_LIVES)
        offer_name(c, status_string(task, "handle"), state);
}

static void offer_tasks(const struct completion *c)
{
    struct client_reply reply = {0};
    int rc;
    size_t i;
    json_t *task;

    if (c->socket)
        global_options.socket = c->socket;
    rc = client_request(client_socket(), "GET", "/v1/status", NULL, PATIENCE_MS, &reply);
    if (client_succeeded(rc, &reply)) {
        const json_t *tasks = json_object_get(reply.body, "tasks");

        json_array_foreach (tasks, i, task) {
            offer_task(c, tasks, i);
        }
    }
    client_reply_free(&reply);
}

/* --- what goes where -----------------------------------------------------------------------------------------------
 */

static void offer_choices(const struct completion *c, const char *const *choices)
{
    for (; *choices; choices++)
        offer(c, *choices, "");
}

static void offer_value(const struct completion *c)
{
    static const char *const signals[] = {"HUP",  "INT",  "QUIT",  "ABRT", "USR1", "USR2",
                                          "TERM", "CONT", "WINCH", "KILL", NULL};
    static const struct {
        const char *placeholder, *word;
    } paths[] = {{"FILE", ":files"}, {"PATH", ":files"}, {"TEXT", ":files"}, {"DIR", ":dirs"}};

    if (c->option->choices)
        offer_choices(c, c->option->choices);
    else if (strcmp(c->option->value, "SIGNAL") == 0)
        offer_choices(c, signals);
    else
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            if (strcmp(paths[i].placeholder, c->option->value) == 0)
                puts(paths[i].word);
}

static void offer_operand(const struct completion *c)
{
    switch (c->command->operands) {
    case OPERANDS_NONE:
        break;
    case OPERANDS_WORKERS:
        offer_tasks(c);
        offer(c, "--", "a command follows");
        break;
    case OPERANDS_SCOPES:
    case OPERANDS_LIVES:
    case OPERANDS_COUNTS:
        offer_tasks(c);
        break;
    case OPERANDS_COMMAND:
        offer(c, "--", "a command follows");
        break;
    case OPERANDS_FILES:
        puts(":files");
        break;
    case OPERANDS_COMMANDS:
        offer_commands(c);
        break;
    }
}

static void offer_all(struct completion *c)
{
    switch (c->kind) {
    case COMPLETE_NOTHING:
        break;
    case COMPLETE_COMMAND:
        offer_commands(c);
        break;
    case COMPLETE_OPTION:
        option_each(c->command, offer_option, c);
        break;
    case COMPLETE_VALUE:
        offer_value(c);
        break;
    case COMPLETE_OPERAND:
        offer_operand(c);
        break;
    case COMPLETE_OTHER:
        printf(":command %d\n", c->from);
        break;
    }
}

static int run_complete(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv, .stop_at_operand = true};
    struct completion c;
    const char *value;

    while (options_next(&o, &value))
        continue;
    if (o.operands_count == 0)
        fatal("complete: no words: taskd complete -- WORD…");
    c = completion_find((const char *const *)o.argv, o.operands_count);
    offer_all(&c);
    return 0;
}

extern const struct command command_complete;
const struct command command_complete = {
    .name = "complete",
    .usage = "-- WORD…",
    .help = "Say what can stand in place of the last word; for the completion scripts of shells.",
    .run = run_complete,
    .hidden = true,
};
