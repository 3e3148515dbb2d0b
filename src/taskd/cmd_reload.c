#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/status_text.h"

enum { EXIT_WRONG = 1, EXIT_TASKD = 125, STATUS_WRONG = 422, ANSWER_MS = 30 * 1000, TEXT = 512 };

static const struct option_spec reload_options[] = {
    {"dry-run", 'n', NULL, "say what would change, and change nothing"},
    {"json", 'j', NULL, "print the daemon's answer as it is"},
    {NULL},
};

static const char *printable(const char *s)
{
    static char text[TEXT];

    return text_printable(s, strlen(s), text, sizeof text);
}

static void print_names(const json_t *names, char mark)
{
    json_t *name;
    size_t i;

    json_array_foreach (names, i, name) {
        printf("%c %s\n", mark, printable(json_string_value(name)));
    }
}

static void print_changed(const json_t *changed)
{
    char keys[TEXT];
    json_t *c;
    size_t i;

    json_array_foreach (changed, i, c) {
        status_names(json_object_get(c, "keys"), keys, sizeof keys);
        printf("~ %s", printable(status_string(c, "worker")));
        printf(" (%s): %s\n", printable(keys),
               json_is_true(json_object_get(c, "replaced")) ? "replaced after their unit" : "at once");
    }
}

static void print_diff(const json_t *diff)
{
    char keys[TEXT];

    print_names(json_object_get(diff, "added"), '+');
    print_names(json_object_get(diff, "removed"), '-');
    print_changed(json_object_get(diff, "changed"));
    print_names(json_object_get(diff, "unchanged"), '=');
    if (*status_names(json_object_get(diff, "daemon"), keys, sizeof keys))
        printf("! daemon (%s): only when taskd is restarted\n", printable(keys));
}

static void complain(const char *socket, int rc, const struct client_reply *reply)
{
    const json_t *errors = json_object_get(json_object_get(reply->body, "error"), "errors");
    json_t *line;
    size_t i;

    json_array_foreach (errors, i, line) {
        fprintf(stderr, "%s\n", printable(json_string_value(line)));
    }
    client_complain(socket, rc, reply);
}

static int reload(bool dry_run, bool json)
{
    const char *socket = client_socket();
    json_t *body = json_pack("{s:b}", "dry_run", dry_run);
    struct client_reply reply = {0};
    int rc = client_request(socket, "POST", "/v1/reload", body, ANSWER_MS, &reply), status = 0;

    if (!client_succeeded(rc, &reply)) {
        complain(socket, rc, &reply);
        status = rc == 0 && reply.status == STATUS_WRONG ? EXIT_WRONG : EXIT_TASKD;
    } else if (json) {
        json_dumpf(reply.body, stdout, JSON_COMPACT);
        putchar('\n');
    } else
        print_diff(reply.body);
    client_reply_free(&reply);
    json_decref(body);
    return status;
}

static int run_reload(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    bool dry_run = false, json = false;
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        dry_run |= strcmp(name, "dry-run") == 0;
        json |= strcmp(name, "json") == 0;
    }
    if (o.operands_count > 0)
        fatal("reload: the daemon reads its own configuration again, %s is not asked for", o.argv[0]);
    return reload(dry_run, json);
}

extern const struct command command_reload;
const struct command command_reload = {
    .name = "reload",
    .usage = "[options]",
    .help = "Let the daemon read its configuration again.",
    .options = reload_options,
    .details =
        "Prints what differs, a worker a line: + added, - removed, ~ changed, with the keys, = unchanged. Unchanged\n"
        "workers run on; tasks of changed ones are replaced after their unit, unless the change needs no new process;\n"
        "those of removed ones are stopped. SIGHUP does the same. A configuration that is wrong changes nothing.\n"
        "Exit status: 0; 1 when the configuration is wrong; 125 for taskd's own errors.\n"
        "\nExample: taskd reload --dry-run && taskd reload",
    .run = run_reload,
};
