#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/status_text.h"
#include "taskd/stop_report.h"
#include "taskd/task_watch.h"
#include "taskd/verb.h"

enum {
    EXIT_KILLED = 1,
    EXIT_OVERTAKEN = 1,
    EXIT_TASKD = 125,
    EXIT_INTERRUPTED = 130,
    GONE_MS = 5000,
};

static const struct option_spec stop_options[] = {
    {"now", 0, NULL, "do not wait for units: SIGKILL at once (what is cut is named)"},
    {"timeout", 't', "DURATION", "how long units may take to finish, instead of what is configured"},
    {"no-wait", 0, NULL, "ask, and do not wait until it is done"},
    {"json", 'j', NULL, "print the daemon's answer as it is"},
    {NULL},
};

struct stop {
    json_t *request;
    bool now, no_wait, json;
    int daemon; /* pidfd of the daemon when it is to end, else -1 */
    struct stop_report report;
};

/* So that `taskd stop && taskd run` finds the socket free: the process itself must be gone. */
static void await_daemon(struct stop *s)
{
    struct pollfd p = {.fd = s->daemon, .events = POLLIN};

    if (s->daemon >= 0 && poll(&p, 1, GONE_MS) == 0)
        log_warn("everything has stopped, but taskd itself is still there");
}

static void print_asked(const struct stop *s)
{
    json_int_t tasks = 0;
    json_t *answer;
    size_t i;

    if (s->json) {
        stop_report_print(&s->report, "stopped", true);
        return;
    }
    json_array_foreach (s->report.answers, i, answer) {
        tasks += status_number(answer, "stopping");
    }
    printf("asked %" JSON_INTEGER_FORMAT " %s to stop: `taskd status` shows them\n", tasks,
           tasks == 1 ? "task" : "tasks");
}

static int finish(struct stop *s, bool failed)
{
    if (s->report.answers && s->no_wait)
        print_asked(s);
    else if (s->report.answers) {
        await_daemon(s);
        stop_report_print(&s->report, "stopped", s->json);
    }
    if (failed)
        return EXIT_TASKD;
    return s->report.killed ? EXIT_KILLED : 0;
}

static int report(struct stop *s, const struct verb *v)
{
    json_t *answer;
    size_t i;
    int status;

    json_array_foreach (verb_answers(v), i, answer) {
        stop_report_add(&s->report, answer);
    }
    status = finish(s, verb_failed(v));
    return verb_complain(v, "stop") && status == 0 ? EXIT_OVERTAKEN : status;
}

static int stop_all(struct stop *s, char **names, int count)
{
    const char *socket = client_socket();
    struct verb *v = verb_new(socket, s->json ? NULL : task_watch_new(socket, status_is_stopping));
    int status = EXIT_INTERRUPTED;

    if (count == 0)
        s->daemon = client_peer_pidfd(verb_ask_all(v, "/v1/shutdown", s->request));
    for (int i = 0; i < count; i++)
        verb_ask(v, names[i], "stop", s->request);
    if (verb_await(v, -1) == VERB_ANSWERED)
        status = report(s, v);
    else
        log_info("the stop goes on without you: `taskd status` shows it, `taskd stop --now` cuts it short");
    verb_free(v);
    fd_close(&s->daemon);
    stop_report_clear(&s->report);
    return status;
}

static json_t *make_request(const struct stop *s, int64_t timeout_ms)
{
    json_t *request = json_pack("{s:b, s:b}", "now", s->now, "wait", !s->no_wait);

    if (timeout_ms >= 0)
        json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
    if (!request)
        fatal("out of memory");
    return request;
}

static int run_stop(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct stop s = {.daemon = -1};
    int64_t timeout_ms = -1;
    const char *name, *value;
    int status;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "timeout") == 0)
            timeout_ms = options_duration(&o, name, value);
        s.now |= strcmp(name, "now") == 0;
        s.no_wait |= strcmp(name, "no-wait") == 0;
        s.json |= strcmp(name, "json") == 0;
    }
    s.request = make_request(&s, timeout_ms);
    status = stop_all(&s, o.argv, o.operands_count);
    json_decref(s.request);
    return status;
}

extern const struct command command_stop;
const struct command command_stop = {
    .name = "stop",
    .usage = "[options] [NAME…]",
    .help = "Stop tasks between two units of work; without a NAME the daemon and all of it.",
    .options = stop_options,
    .details =
        "NAME is a worker (resize), a task (resize@2) or a handle (resize@2#17). While it waits, it shows who is\n"
        "finishing what. ^C leaves; the stop goes on.\n"
        "Exit status: 0 only if nothing had to be killed; 1 if something was; 125 for taskd's own errors.",
    .operands = OPERANDS_SCOPES,
    .run = run_stop,
};
