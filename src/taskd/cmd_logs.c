#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/client_stream.h"
#include "taskd/command.h"
#include "taskd/event_text.h"
#include "taskd/log.h"
#include "taskd/status_text.h"
#include "taskd/term.h"

enum { EXIT_UNKNOWN = 1, EXIT_TASKD = 125, STATUS_NOT_FOUND = 404 };
enum { TIME = 64, NAMES = 2048, QUERY = 1024, PATH_SIZE = 8192, LINES_MAX = 1000000 };

static const char *const levels[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL};

static const struct option_spec logs_options[] = {
    {"follow", 'f', NULL, "go on with what comes, until taskd ends or ^C"},
    {"lines", 'n', "N", "no more than the last N lines of each task"},
    {"since", 0, "TIME", "what came later: a duration ago (5min), or a time as in 2026-11-23T10:42:07.000Z"},
    {"unit", 'u', "ID", "what was said during this unit"},
    {"level", 'l', "LEVEL", "what matters at least so much: emerg, alert, crit, err, warning, notice, info, debug",
     levels},
    {"json", 'j', NULL, "print the lines themselves, one JSON object each"},
    {NULL},
};

struct logs_watch {
    bool json, follow, colours;
    char query[QUERY]; /* what was wished for */
};

/* --- printing ---------------------------------------------------------------------------------------------------- */

/* As it would look on a terminal that does not obey it. NULL when memory is out; the caller frees it. */
static char *printable(const char *text)
{
    size_t len = strlen(text), size = 4 * len + 1;
    char *out = malloc(size);

    return out ? text_printable(text, len, out, size) : NULL;
}

static void put_field(const json_t *value)
{
    char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
    char *shown = text ? printable(text) : NULL;

    if (shown)
        printf("%s", shown);
    free(shown);
    free(text);
}

static void put_fields(json_t *fields)
{
    const char *key;
    json_t *value;

    json_object_foreach (fields, key, value) {
        printf("  %s=", key);
        put_field(value);
    }
}

static enum table_colour colour_of(const char *level)
{
    static const char *const bad[] = {"emerg", "alert", "crit", "err"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(level, bad[i]) == 0)
            return TABLE_RED;
    return strcmp(level, "warning") == 0 ? TABLE_YELLOW : TABLE_PLAIN;
}

static void print_line(const struct logs_watch *w, const json_t *line)
{
    const char *level = status_string(line, "level"), *unit = status_string(line, "unit");
    const char *colour = w->colours ? table_escape(colour_of(level)) : "";
    char time[TIME], *msg = printable(status_string(line, "msg")), *shown_unit = printable(unit);

    printf("%s %s", event_time(status_string(line, "time"), time, sizeof time), status_string(line, "task"));
    if (*unit)
        printf(" [%s]", shown_unit ? shown_unit : "");
    printf("%s  %s%s%s%s%s", json_is_true(json_object_get(line, "more")) ? "+" : "", colour, level, *level ? ": " : "",
           msg ? msg : "", *colour ? "\033[0m" : "");
    put_fields(json_object_get(line, "fields"));
    putchar('\n');
    free(msg);
    free(shown_unit);
}

static void on_line(void *arg, const char *text, size_t len, bool is_cut)
{
    struct logs_watch *w = arg;
    json_t *line = is_cut ? NULL : json_loadb(text, len, 0, NULL);
    json_int_t left_out = status_number(line, "left_out");

    if (w->json)
        printf("%.*s\n", (int)len, text);
    else if (left_out)
        log_warn("%" JSON_INTEGER_FORMAT " lines came faster than they were read: left out", left_out);
    else if (line)
        print_line(w, line);
    json_decref(line);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void wish(struct logs_watch *w, const char *key, const char *value)
{
    size_t len = strlen(w->query);
    char escaped[QUERY];

    if (client_path(escaped, sizeof escaped, "", value, "") < 0 ||
        (size_t)snprintf(w->query + len, sizeof w->query - len, "&%s=%s", key, escaped) >= sizeof w->query - len)
        fatal("logs: --%s is too long", key);
}

static void wish_since(struct logs_watch *w, const struct options *o, const char *value)
{
    struct timespec now;
    char text[32];
    int64_t ms;

    if (moment_parse(value, &ms) < 0) {
        if (duration_parse(value, &ms) < 0)
            fatal("%s: --since %s is neither a duration like 5min nor a time like 2026-11-23T10:42:07.000Z",
                  o->command->name, value);
        clock_gettime(CLOCK_REALTIME, &now);
        ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - ms;
    }
    snprintf(text, sizeof text, "%lld", (long long)(ms > 0 ? ms : 0));
    wish(w, "since", text);
}

static void wish_lines(struct logs_watch *w, const struct options *o, const char *value)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)options_count(o, "lines", value, 0, LINES_MAX));
    wish(w, "lines", text);
}

static void make_path(const struct logs_watch *w, char **names, int count, char *out, size_t out_size)
{
    char scope[NAMES] = "";
    size_t len = 0;

    for (int i = 0; i < count && len < sizeof scope; i++)
        len += (size_t)snprintf(scope + len, sizeof scope - len, "%s%s", i ? "," : "", names[i]);
    if (len >= sizeof scope ||
        client_path(out, out_size, count ? "/v1/logs?scope=" : "/v1/logs?x=", scope, w->query) < 0)
        fatal("logs: too many names");
}

static int refused(const char *socket, int rc, const struct client_reply *reply)
{
    client_complain(socket, rc, reply);
    return rc == 0 && reply->status == STATUS_NOT_FOUND ? EXIT_UNKNOWN : EXIT_TASKD;
}

static int watch(struct logs_watch *w, const char *path)
{
    const char *socket = client_socket();
    struct client_stream *stream = NULL;
    struct client_reply reply = {0};
    int status, rc = client_stream_open(socket, path, &stream, &reply);

    if (rc != 0) {
        status = refused(socket, rc > 0 ? 0 : rc, &reply);
        client_reply_free(&reply);
        return status;
    }
    while ((rc = client_stream_read(stream, on_line, w)) > 0)
        if (fflush(stdout) != 0)
            break;
    if (rc < 0)
        client_complain(socket, rc, NULL);
    client_stream_free(stream);
    return rc == 0 ? 0 : EXIT_TASKD;
}

static int run_logs(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct logs_watch w = {.colours = term_colours(stdout)};
    char path[PATH_SIZE];
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "since") == 0)
            wish_since(&w, &o, value);
        else if (strcmp(name, "lines") == 0)
            wish_lines(&w, &o, value);
        else if (value)
            wish(&w, name, value);
        w.follow |= strcmp(name, "follow") == 0;
        w.json |= strcmp(name, "json") == 0;
    }
    wish(&w, "follow", w.follow ? "1" : "0");
    make_path(&w, o.argv, o.operands_count, path, sizeof path);
    return watch(&w, path);
}

extern const struct command command_logs;
const struct command command_logs = {
    .name = "logs",
    .usage = "[options] [NAME…]",
    .help = "Show what workers print, and with -f what comes.",
    .options = logs_options,
    .details =
        "NAME is a worker (resize), a task (resize@2) or a handle (resize@2#17). The daemon keeps the last lines\n"
        "of each task, about 64 KiB; what is older stands in the file that log.file names. Lines of workers\n"
        "whose log.to is \"inherit\" go where those of taskd go, and are kept only while its terminal shows them.\n"
        "Exit status: 0, also when the daemon ends; 1 when a NAME is unknown; 125 for taskd's own errors.\n\n"
        "Examples:\n"
        "  taskd logs -f resize\n"
        "  taskd logs --unit img_0384.jpg --level warning\n"
        "  taskd logs --since 10min --json | jq -r .msg",
    .operands = OPERANDS_LIVES,
    .run = run_logs,
};
