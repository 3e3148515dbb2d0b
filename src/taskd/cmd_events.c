#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/client_stream.h"
#include "taskd/command.h"
#include "taskd/event_text.h"
#include "taskd/log.h"
#include "taskd/status_text.h"
#include "taskd/term.h"

enum { EXIT_MISSED = 1, EXIT_UNKNOWN = 1, EXIT_TASKD = 125, STATUS_NOT_FOUND = 404, STATUS_GONE = 410 };
enum { TEXT = 2048, TIME = 64, WHO = 128, WHO_WIDTH = 8, NAMES = 2048, PATH_SIZE = 8192 };

static const char *const since_words[] = {"first", NULL}, *const units_words[] = {"all", NULL};

static const struct option_spec events_options[] = {
    {"follow", 'f', NULL, "go on with what happens, until taskd ends or ^C"},
    {"json", 'j', NULL, "print the events themselves, one JSON object a line"},
    {"since", 0, "SEQ", "what came after this event (its \"seq\"), or first: all that is kept", since_words},
    {"units", 0, "WHICH", "begins and ends of units, too: all, or a number N for every Nth (default none)",
     units_words},
    {NULL},
};

struct watch {
    const char *since, *units; /* as they were given */
    bool json, follow, colours;
    bool lagged, ended; /* what the last words were */
    json_int_t seq;     /* of the last event */
    size_t who_width;
};

/* --- printing ---------------------------------------------------------------------------------------------------- */

static void print_human(struct watch *w, const json_t *event)
{
    char who[WHO], text[TEXT], time[TIME];
    const char *colour = w->colours ? table_escape(event_colour(event)) : "";
    size_t width = text_width(event_who(event, who, sizeof who));

    if (width > w->who_width)
        w->who_width = width;
    printf("%s %s%*s  %s%s%s\n", event_time(status_string(event, "time"), time, sizeof time), who,
           (int)(w->who_width - width), "", colour, event_text(event, text, sizeof text), *colour ? "\033[0m" : "");
}

static bool has(const json_t *event, const char *key, const char *value)
{
    return strcmp(status_string(event, key), value) == 0;
}

static void on_line(void *arg, const char *line, size_t len, bool is_cut)
{
    struct watch *w = arg;
    json_t *event = is_cut ? NULL : json_loadb(line, len, 0, NULL);

    if (!event)
        return;
    w->seq = status_number(event, "seq");
    w->lagged = has(event, "type", "lagged");
    w->ended = has(event, "type", "daemon") && has(event, "state", "ended");
    if (w->json)
        printf("%.*s\n", (int)len, line);
    else if (!w->lagged)
        print_human(w, event);
    json_decref(event);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void make_path(const struct watch *w, char **names, int count, char *out, size_t out_size)
{
    char scope[NAMES] = "", rest[256];
    size_t len = 0;
    const char *since = w->since ? w->since : w->follow ? NULL : "first";

    for (int i = 0; i < count && len < sizeof scope; i++)
        len += (size_t)snprintf(scope + len, sizeof scope - len, "%s%s", i ? "," : "", names[i]);
    snprintf(rest, sizeof rest, "%sfollow=%d%s%s%s%s", count ? "&" : "", w->follow, since ? "&since=" : "",
             since ? since : "", w->units ? "&units=" : "", w->units ? w->units : "");
    if (len >= sizeof scope || client_path(out, out_size, count ? "/v1/events?scope=" : "/v1/events?", scope, rest) < 0)
        fatal("events: too many names");
}

/* What becomes part of a request must not say more than it is meant to; what it means, the daemon knows. */
static const char *plain(const char *option, const char *value)
{
    size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789");

    if (!len || value[len] || len > 32)
        fatal("events: --%s %s: see `taskd events --help`", option, value);
    return value;
}

static int refused(const char *socket, int rc, const struct client_reply *reply)
{
    client_complain(socket, rc, reply);
    if (rc == 0 && reply->status == STATUS_GONE)
        return EXIT_MISSED;
    return rc == 0 && reply->status == STATUS_NOT_FOUND ? EXIT_UNKNOWN : EXIT_TASKD;
}

/* Whether what should have come has come. */
static int last_words(const struct watch *w, const char *socket, int rc)
{
    if (w->lagged) {
        log_error("%s: events came faster than they were read: go on with --since %" JSON_INTEGER_FORMAT
                  " or --since first",
                  socket, w->seq);
        return EXIT_MISSED;
    }
    if (rc == 0 && (w->ended || !w->follow))
        return 0;
    client_complain(socket, rc < 0 ? rc : -ECONNRESET, NULL);
    return EXIT_TASKD;
}

static int follow(struct watch *w, const char *path)
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
    status = rc > 0 ? EXIT_TASKD : last_words(w, socket, rc);
    client_stream_free(stream);
    return status;
}

static int run_events(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct watch w = {.who_width = WHO_WIDTH, .colours = term_colours(stdout)};
    char path[PATH_SIZE];
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "since") == 0)
            w.since = plain(name, value);
        else if (strcmp(name, "units") == 0)
            w.units = plain(name, value);
        w.follow |= strcmp(name, "follow") == 0;
        w.json |= strcmp(name, "json") == 0;
    }
    make_path(&w, o.argv, o.operands_count, path, sizeof path);
    return follow(&w, path);
}

extern const struct command command_events;
const struct command command_events = {
    .name = "events",
    .usage = "[options] [NAME…]",
    .help = "Show what has happened, and with -f what happens.",
    .options = events_options,
    .details = "NAME is a worker (resize), a task (resize@2) or a handle (resize@2#17). A daemon keeps its last few\n"
               "thousand events; without -f they are printed, with -f what comes after them.\n"
               "Exit status: 0, also when the daemon ends; 1 when events were missed or a NAME is unknown; 125 for\n"
               "taskd's own errors.\n\n"
               "Examples:\n"
               "  taskd events -f resize\n"
               "  taskd events --json | jq -r 'select(.type == \"lost\").unit'",
    .operands = OPERANDS_LIVES,
    .run = run_events,
};
