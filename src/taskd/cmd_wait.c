#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/journal.h"
#include "taskd/log.h"
#include "taskd/paths.h"
#include "taskd/record_report.h"
#include "taskd/status_text.h"
#include "taskd/task_watch.h"
#include "taskd/verb.h"

/* The client waits a little longer than the daemon, so that it is the daemon's answer that says "timeout". */
enum {
    EXIT_FAILED = 1,
    EXIT_TIMEOUT = 124,
    EXIT_TASKD = 125,
    TIMEOUT_SLACK_MS = 5000,
    LOOK_MS = 200,
    PATH_SIZE = 2048
};

static const struct option_spec wait_options[] = {
    {"idle", 0, NULL, "wait until nobody is in the middle of a unit; without a NAME, nobody at all"},
    {"ready", 0, NULL, "wait until nobody is starting, stopping or to be replaced, as after a reload"},
    {"timeout", 't', "DURATION", "give up waiting after this time; what is waited for runs on"},
    {"json", 'j', NULL, "records are printed as JSON in any case; with --idle and --ready the daemon's answer is"},
    {NULL},
};

/* A life that has ended can be waited for without its daemon: -1 when this one is not on record. */
static int from_journal(const char *name)
{
    char dir[PATH_MAX];
    json_t *record;
    int status;

    if (!strchr(name, '#') || paths_state_dir(global_options.state_dir, NULL, dir, sizeof dir) < 0 ||
        journal_find(dir, name, &record) < 0)
        return -1;
    status = record_print(record);
    json_decref(record);
    return status;
}

struct wait {
    const char *socket;
    int64_t timeout_ms; /* -1: for ever */
    const char *gate;   /* "idle" or "ready": the end of no life is waited for; NULL */
    bool json;
};

/* One request; `name` is NULL for everything, which only a gate takes. */
struct asked {
    const char *name;
    int rc, fd;
};

static int make_path(const struct wait *w, const char *name, char *path, size_t path_size)
{
    char timeout[48] = "", prefix[64], suffix[64];

    if (w->timeout_ms >= 0)
        snprintf(timeout, sizeof timeout, "%ctimeout=%lld", w->gate ? '&' : '?', (long long)w->timeout_ms);
    if (!name) {
        snprintf(path, path_size, "/v1/wait?%s=1%s", w->gate, timeout);
        return 0;
    }
    snprintf(prefix, sizeof prefix, w->gate ? "/v1/wait?%s=1&scope=" : "/v1/tasks/", w->gate);
    snprintf(suffix, sizeof suffix, "%s%s", w->gate ? "" : "/wait", timeout);
    return client_path(path, path_size, prefix, name, suffix);
}

static void start_wait(const struct wait *w, const char *name, struct asked *ret)
{
    char path[PATH_SIZE];

    *ret = (struct asked){.name = name, .rc = make_path(w, name, path, sizeof path), .fd = -1};
    if (ret->rc == 0)
        ret->rc = client_start(w->socket, "GET", path, NULL, &ret->fd);
}

static bool has_failed(const json_t *answer)
{
    json_t *id;
    size_t i, n = 0;

    json_array_foreach (json_object_get(answer, "failed"), i, id) {
        log_error("wait: %s has failed", json_string_value(id));
        n++;
    }
    return verb_complain_of(answer, "wait") || n > 0;
}

static int print_answer(const struct wait *w, const json_t *body)
{
    if (!w->gate)
        return record_print_all(body);
    if (w->json) {
        json_dumpf(body, stdout, JSON_COMPACT);
        putchar('\n');
    }
    return has_failed(body) ? EXIT_FAILED : 0;
}

static int say_timeout(const struct wait *w, const char *name)
{
    if (w->gate)
        log_error("%s is not %s yet: `taskd status` shows who is at what", name ? name : "taskd", w->gate);
    else
        log_error("%s has not ended in this time; it runs on", name);
    return EXIT_TIMEOUT;
}

static int finish_wait(const struct wait *w, const struct asked *a)
{
    struct client_reply reply = {0};
    int rc = a->rc, status;

    if (rc == 0)
        rc = client_finish(a->fd, w->timeout_ms < 0 ? -1 : (int)w->timeout_ms + TIMEOUT_SLACK_MS, &reply);
    if (client_succeeded(rc, &reply))
        status = print_answer(w, reply.body);
    else if (rc == 0 && strcmp(client_error_code(&reply), "timeout") == 0)
        status = say_timeout(w, a->name);
    else if (rc >= 0 || w->gate || (status = from_journal(a->name)) < 0) {
        client_complain(w->socket, rc, &reply);
        status = EXIT_TASKD;
    }
    client_reply_free(&reply);
    return status;
}

/* Shows who is at what until all answers are there. */
static void watch_gate(const struct wait *w, const struct asked *asked, int count)
{
    struct task_watch *watch =
        task_watch_new(w->socket, strcmp(w->gate, "idle") == 0 ? status_is_in_unit : status_is_on_its_way);

    for (int i = 0; i < count && watch; i++)
        if (asked[i].name)
            task_watch_name(watch, asked[i].name);
    for (int i = 0; i < count && watch; i++) {
        struct pollfd p = {.fd = asked[i].fd, .events = POLLIN};

        while (p.fd >= 0 && poll(&p, 1, LOOK_MS) == 0)
            task_watch_update(watch);
    }
    task_watch_free(watch);
}

/* All are asked before the first answer is read, so that each is waited for from now on. */
static int wait_for(const struct wait *w, char **names, int count)
{
    int requests = count > 0 ? count : 1, worst = 0;
    struct asked *asked = calloc((size_t)requests, sizeof *asked);

    if (!asked)
        fatal("out of memory");
    for (int i = 0; i < requests; i++)
        start_wait(w, count > 0 ? names[i] : NULL, &asked[i]);
    if (w->gate && !w->json)
        watch_gate(w, asked, requests);
    for (int i = 0; i < requests; i++) {
        int status = finish_wait(w, &asked[i]);

        worst = status > worst ? status : worst;
    }
    free(asked);
    return worst;
}

/* -1 for ever, and no more than an int holds. */
static int64_t bounded(int64_t ms)
{
    if (ms == DURATION_INFINITY)
        return -1;
    return ms > INT_MAX - TIMEOUT_SLACK_MS ? INT_MAX - TIMEOUT_SLACK_MS : ms;
}

static int run_wait(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct wait w = {.timeout_ms = -1};
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "timeout") == 0)
            w.timeout_ms = bounded(options_duration(&o, name, value));
        if (strcmp(name, "idle") == 0 || strcmp(name, "ready") == 0)
            w.gate = name;
        w.json |= strcmp(name, "json") == 0;
    }
    if (o.operands_count == 0 && !w.gate)
        fatal("wait: for whom? Name a worker, a task or a handle: `taskd status` shows them");
    w.socket = client_socket();
    return wait_for(&w, o.argv, o.operands_count);
}

extern const struct command command_wait;
const struct command command_wait = {
    .name = "wait",
    .alias = "join",
    .usage = "[options] HANDLE|NAME…\n       taskd wait --idle|--ready [options] [NAME…]",
    .help = "Wait until a life has ended and print its outcome.",
    .options = wait_options,
    .details =
        "One JSON record a life goes to standard output. A handle (resize@2#17) can be waited for at any time,\n"
        "also long after its end. With --idle nothing is printed and the workers go on: after a `taskd drain` it is\n"
        "for good. With --ready it is the same, until those that are to run do, by what was configured last.\n"
        "Exit status, the greatest of all: 0 ok; the worker's own code when it failed; 128+n when signal n ended it;\n"
        "126 or 127 when it could not be started; 130 or 143 when taskd was told to stop by INT or TERM; 137 when it\n"
        "had to be killed; 124 when --timeout passed; 125 for taskd's own errors.\n"
        "With --idle: 0, 124 or 125. With --ready also 1: a task has failed, or waits for a worker that is down.",
    .operands = OPERANDS_LIVES,
    .run = run_wait,
};
