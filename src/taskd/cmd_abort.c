#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "taskd/client.h"
#include "taskd/command.h"
#include "taskd/log.h"
#include "taskd/stop_report.h"

enum { EXIT_TASKD = 125, PATH_SIZE = 2048 };

static const struct option_spec abort_options[] = {
    {"json", 'j', NULL, "print the daemon's answer as it is"},
    {NULL},
};

/* False when it failed, and why has been said. */
static bool abort_one(const char *socket, const char *name, struct stop_report *report)
{
    char path[PATH_SIZE];
    json_t *body, *answer = NULL;

    if (client_path(path, sizeof path, "/v1/workers/", name, "/abort") < 0) {
        log_error("%s: the name is too long", name);
        return false;
    }
    body = json_pack("{s:b}", "wait", 1);
    if (body)
        answer = client_call(socket, "POST", path, body);
    json_decref(body);
    if (!answer)
        return false;
    stop_report_add(report, answer);
    json_decref(answer);
    return true;
}

static int run_abort(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct stop_report report = {0};
    const char *socket, *value;
    bool ok = true, json = false;

    while (options_next(&o, &value))
        json = true;
    if (o.operands_count == 0)
        fatal("abort: whom? Name a worker, a task or a handle: `taskd status` shows them");
    socket = client_socket();
    for (int i = 0; i < o.operands_count; i++)
        ok &= abort_one(socket, o.argv[i], &report);
    if (report.answers)
        stop_report_print(&report, "aborted", json);
    stop_report_clear(&report);
    return ok ? 0 : EXIT_TASKD;
}

extern const struct command command_abort;
const struct command command_abort = {
    .name = "abort",
    .alias = "kill",
    .usage = "[options] HANDLE|NAME…",
    .help = "End lives at once: SIGKILL to the whole process tree.",
    .options = abort_options,
    .details = "The unit that was under way is interrupted, and named. `taskd stop NAME` lets it finish.\n"
               "Exit status: 0; 125 when it could not be done.",
    .operands = OPERANDS_LIVES,
    .run = run_abort,
};
