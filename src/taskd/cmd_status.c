#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/record_status.h"
#include "taskd/sockets.h"
#include "taskd/status_text.h"
#include "taskd/table.h"
#include "taskd/term.h"

enum {
    EXIT_UNKNOWN = 1,
    EXIT_TASKD = 125,
    EXIT_INTERRUPTED = 130,
    TEXT = 256,
    DETAIL = 1024,
    WATCH_MS = 1000,
    TIMEOUT_MS = 30 * 1000
};

static const struct option_spec status_options[] = {
    {"json", 'j', NULL, "print the answer of the daemon as it is, one line a daemon"},
    {"watch", 'w', NULL, "print it anew every second until ^C"},
    {NULL},
};

static const struct table_column columns[] = {
    {"ID", 0, 40},    {"STATE", 0, 0}, {"PID", 1, 0},      {"UPTIME", 1, 0}, {"UNIT", 0, 48}, {"DONE", 1, 0},
    {"FAILED", 1, 0}, {"RATE", 1, 0},  {"RESTARTS", 1, 0}, {"LAST", 0, 32},  {NULL},
};

struct wish {
    char **names;
    int names_count;
    bool json, watch;
};

static void add_number(struct table *t, bool present, json_int_t n)
{
    if (present)
        table_cellf(t, TABLE_PLAIN, "%" JSON_INTEGER_FORMAT, n);
    else
        table_cell(t, TABLE_PLAIN, NULL);
}

static void add_rate(struct table *t, double per_s)
{
    if (per_s > 0)
        table_cellf(t, TABLE_PLAIN, "%.1f/s", per_s);
    else
        table_cell(t, TABLE_PLAIN, NULL);
}

static void add_row(struct table *t, const json_t *task)
{
    const json_t *units = json_object_get(task, "units"), *last = json_object_get(task, "last");
    bool up = json_is_integer(json_object_get(task, "pid"));
    char text[TEXT];

    table_cell(t, TABLE_PLAIN, status_string(task, "id"));
    table_cell(t, status_colour(task), status_state(task, text, sizeof text));
    add_number(t, up, status_number(task, "pid"));
    table_cell(t, TABLE_PLAIN, up ? duration_brief(status_number(task, "uptime_ms"), text, sizeof text) : NULL);
    table_cell(t, TABLE_PLAIN, *status_unit(task, text, sizeof text) ? text : status_string(task, "text"));
    add_number(t, true, status_number(units, "done"));
    add_number(t, true, status_number(units, "failed"));
    add_rate(t, json_number_value(json_object_get(units, "per_s")));
    add_number(t, true, status_number(task, "restarts"));
    table_cell(t, TABLE_PLAIN, json_is_object(last) ? record_brief(last, text, sizeof text) : NULL);
}

static void print_detail(const json_t *task, const char *what, const char *text)
{
    char line[DETAIL], out[DETAIL];

    if (!*text)
        return;
    snprintf(line, sizeof line, "%s %s: %s", status_string(task, "id"), what, text);
    printf("%s\n", text_printable(line, strlen(line), out, sizeof out));
}

static void print_lost(const json_t *task)
{
    const json_t *lost = json_object_get(json_object_get(task, "log"), "lost");
    json_int_t lines = status_number(lost, "lines"), bytes = status_number(lost, "bytes");
    char text[TEXT];

    if (lines == 0 && bytes == 0)
        return;
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT " lines, %" JSON_INTEGER_FORMAT " bytes could not be written",
             lines, bytes);
    print_detail(task, "log", text);
}

static void print_said(const json_t *task)
{
    json_t *line;
    size_t i;

    json_array_foreach (json_object_get(task, "said"), i, line) {
        print_detail(task, "said", json_string_value(line) ? json_string_value(line) : "");
    }
}

/* What is rare and too long for a column. */
static void print_details(const json_t *tasks)
{
    char units[DETAIL];
    json_t *task;
    size_t i;

    json_array_foreach (tasks, i, task) {
        print_detail(task, "failed", status_string(task, "failed_reason"));
        print_detail(task, "avoids", status_names(json_object_get(task, "avoid"), units, sizeof units));
        print_lost(task);
        print_said(task);
    }
}

static void print_human(const json_t *status)
{
    const json_t *daemon = json_object_get(status, "daemon");
    struct table *t = table_new(columns);
    char uptime[TEXT];
    json_t *task;
    size_t i;

    if (!t)
        fatal("out of memory");
    printf("taskd %s, pid %" JSON_INTEGER_FORMAT ": %s, up %s, %s\n", status_string(daemon, "version"),
           status_number(daemon, "pid"), status_string(daemon, "state"),
           duration_brief(status_number(daemon, "uptime_ms"), uptime, sizeof uptime), status_string(daemon, "socket"));
    json_array_foreach (json_object_get(status, "tasks"), i, task) {
        add_row(t, task);
    }
    if (table_print(t, stdout) < 0)
        fatal("out of memory");
    table_free(t);
    print_details(json_object_get(status, "tasks"));
}

static void print_status(const struct wish *w, const json_t *status)
{
    if (!w->json) {
        print_human(status);
        return;
    }
    json_dumpf(status, stdout, JSON_COMPACT);
    putchar('\n');
}

/* 0 and the tasks of `name` (NULL: all) added to *status; or an exit status, and why has been said. */
static int fetch(const char *socket, const char *name, json_t **status)
{
    struct client_reply reply = {0};
    char path[2048] = "/v1/status";
    int rc = name ? client_path(path, sizeof path, "/v1/status?scope=", name, "") : 0, exit_status = 0;

    if (rc == 0)
        rc = client_request(socket, "GET", path, NULL, TIMEOUT_MS, &reply);
    if (!client_succeeded(rc, &reply)) {
        client_complain(socket, rc, &reply);
        exit_status = rc == 0 && reply.status == 404 ? EXIT_UNKNOWN : EXIT_TASKD;
    } else if (*status)
        json_array_extend(json_object_get(*status, "tasks"), json_object_get(reply.body, "tasks"));
    else
        *status = json_incref(reply.body);
    client_reply_free(&reply);
    return exit_status;
}

/* What could be had is printed, whatever else went wrong. */
static int show_socket(const struct wish *w, const char *socket)
{
    json_t *status = NULL;
    int worst = 0;

    for (int i = 0; i < (w->names_count ? w->names_count : 1); i++) {
        int rc = fetch(socket, w->names_count ? w->names[i] : NULL, &status);

        worst = rc > worst ? rc : worst;
    }
    if (status)
        print_status(w, status);
    json_decref(status);
    return worst;
}

/* The default socket, and whichever daemons have put theirs beside it. */
static int show_all(const struct wish *w, const char *socket)
{
    char **sockets = sockets_find(socket);
    int worst = 0;
    bool shown = false;

    if (!sockets)
        fatal("out of memory");
    for (size_t i = 0; sockets[i]; i++) {
        int rc;

        /* The default one is always in the list; that nobody is there matters only when nobody is anywhere. */
        if (i == 0 && sockets[1] && !sockets_alive(sockets[0]))
            continue;
        if (shown && !w->json)
            putchar('\n');
        rc = show_socket(w, sockets[i]);
        worst = rc > worst ? rc : worst;
        shown = true;
    }
    free(sockets);
    return worst;
}

static int show(const struct wish *w)
{
    const char *env = getenv("TASKD_SOCKET"), *socket = client_socket();
    bool chosen = global_options.socket || (env && *env);

    return chosen || w->names_count ? show_socket(w, socket) : show_all(w, socket);
}

static int watch(const struct wish *w)
{
    bool redraw = term_is_terminal(stdout) && !w->json;
    int rc;

    term_catch_interrupt();
    for (;;) {
        if (redraw)
            printf("\033[H\033[2J");
        rc = show(w);
        fflush(stdout);
        if (rc != 0 || ferror(stdout))
            return rc;
        if (poll(NULL, 0, WATCH_MS) < 0 && term_interrupted())
            return EXIT_INTERRUPTED;
    }
}

static int run_status(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct wish w = {0};
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        w.json |= strcmp(name, "json") == 0;
        w.watch |= strcmp(name, "watch") == 0;
    }
    w.names = o.argv;
    w.names_count = o.operands_count;
    return w.watch ? watch(&w) : show(&w);
}

extern const struct command command_status;
const struct command command_status = {
    .name = "status",
    .usage = "[options] [NAME…]",
    .help = "Show who is doing what: state, current unit, progress, last outcome.",
    .options = status_options,
    .details = "NAME is a worker (resize) or a task (resize@2). Without --socket every daemon of this user is shown.\n"
               "Exit status: 0; 1 when a NAME is unknown; 125 when no daemon answers.",
    .operands = OPERANDS_SCOPES,
    .run = run_status,
};
