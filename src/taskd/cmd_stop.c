#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/quantity.h"
#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/status_text.h"
#include "taskd/stop_report.h"
#include "taskd/stop_watch.h"
#include "taskd/term.h"

enum {
    EXIT_KILLED = 1,
    EXIT_TASKD = 125,
    EXIT_INTERRUPTED = 130,
    PATH_SIZE = 2048,
    LOOK_MS = 200,
    ANSWER_MS = 30 * 1000,
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
    const char *socket;
    json_t *request;
    bool now, no_wait, json;
    struct pollfd *asked; /* one for each answer that is waited for; fd -1 once it has come */
    int count, pending;
    int daemon; /* pidfd of the daemon when it is to end, else -1 */
    struct stop_report report;
    bool failed;
};

static int64_t parse_timeout(const char *text)
{
    int64_t ms;

    if (duration_parse(text, &ms) < 0)
        fatal("stop: --timeout %s is not a duration like 30s or 5min", text);
    return ms;
}

static void ask(struct stop *s, const char *name)
{
    char path[PATH_SIZE] = "/v1/shutdown";
    int fd = -1, rc = name ? client_path(path, sizeof path, "/v1/workers/", name, "/stop") : 0;

    if (rc == 0)
        rc = client_start(s->socket, "POST", path, s->request, &fd);
    if (rc < 0) {
        client_complain(s->socket, rc, NULL);
        s->failed = true;
        return;
    }
    if (!name)
        s->daemon = client_peer_pidfd(fd);
    s->asked[s->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    s->pending++;
}

static void take_answer(struct stop *s, struct pollfd *p)
{
    struct client_reply reply = {0};
    int rc = client_finish(p->fd, ANSWER_MS, &reply);

    p->fd = -1;
    s->pending--;
    if (client_succeeded(rc, &reply))
        stop_report_add(&s->report, reply.body);
    else {
        client_complain(s->socket, rc, &reply);
        s->failed = true;
    }
    client_reply_free(&reply);
}

static void take_answers(struct stop *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->asked[i].fd >= 0 && s->asked[i].revents)
            take_answer(s, &s->asked[i]);
}

/* Until every answer is there. False when the person has had enough. */
static bool await_answers(struct stop *s)
{
    struct stop_watch *watch = stop_watch_new(s->socket);

    term_catch_interrupt();
    while (s->pending > 0 && !term_interrupted()) {
        int n = poll(s->asked, (nfds_t)s->count, LOOK_MS);

        if (n > 0)
            take_answers(s);
        else if (n == 0 && watch && !s->json)
            stop_watch_update(watch);
        else if (n < 0 && errno != EINTR)
            fatal("poll: %s", strerror(errno));
    }
    stop_watch_free(watch);
    return s->pending == 0;
}

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

static int finish(struct stop *s)
{
    if (s->report.answers && s->no_wait)
        print_asked(s);
    else if (s->report.answers) {
        await_daemon(s);
        stop_report_print(&s->report, "stopped", s->json);
    }
    if (s->failed)
        return EXIT_TASKD;
    return s->report.killed ? EXIT_KILLED : 0;
}

static int stop_all(struct stop *s, char **names, int count)
{
    int status;

    s->asked = calloc((size_t)count + 1, sizeof *s->asked);
    if (!s->asked)
        fatal("out of memory");
    if (count == 0)
        ask(s, NULL);
    for (int i = 0; i < count; i++)
        ask(s, names[i]);
    if (await_answers(s))
        status = finish(s);
    else {
        log_info("the stop goes on without you: `taskd status` shows it, `taskd stop --now` cuts it short");
        status = EXIT_INTERRUPTED;
    }
    for (int i = 0; i < s->count; i++)
        fd_close(&s->asked[i].fd);
    fd_close(&s->daemon);
    stop_report_clear(&s->report);
    free(s->asked);
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
            timeout_ms = parse_timeout(value);
        s.now |= strcmp(name, "now") == 0;
        s.no_wait |= strcmp(name, "no-wait") == 0;
        s.json |= strcmp(name, "json") == 0;
    }
    s.socket = client_socket();
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
    .run = run_stop,
};
