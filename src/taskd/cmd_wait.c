#include <errno.h>
#include <limits.h>
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
#include "taskd/record_status.h"

/* The client waits a little longer than the daemon, so that it is the daemon's answer that says "timeout". */
enum { EXIT_TIMEOUT = 124, EXIT_TASKD = 125, TIMEOUT_SLACK_MS = 5000, PATH_SIZE = 2048 };

static const struct option_spec wait_options[] = {
    {"timeout", 't', "DURATION", "give up waiting after this time; what is waited for runs on"},
    {"json", 'j', NULL, "records are printed as JSON in any case"},
    {NULL},
};

static int worse(int a, int b)
{
    return a > b ? a : b;
}

static int print_record(json_t *record)
{
    json_dumpf(record, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    return record_exit_status(record);
}

static int print_records(const json_t *body)
{
    json_t *record;
    int status = 0;
    size_t i;

    json_array_foreach (json_object_get(body, "results"), i, record) {
        status = worse(status, print_record(record));
    }
    return status;
}

/* A life that has ended can be waited for without its daemon: -1 when this one is not on record. */
static int from_journal(const char *name)
{
    char dir[PATH_MAX];
    json_t *record;
    int status;

    if (!strchr(name, '#') || paths_state_dir(global_options.state_dir, NULL, dir, sizeof dir) < 0 ||
        journal_find(dir, name, &record) < 0)
        return -1;
    status = print_record(record);
    json_decref(record);
    return status;
}

static int start_wait(const char *socket, const char *name, int64_t timeout_ms, int *ret_fd)
{
    char path[PATH_SIZE], suffix[64] = "/wait";
    int rc;

    if (timeout_ms >= 0)
        snprintf(suffix, sizeof suffix, "/wait?timeout=%lld", (long long)timeout_ms);
    rc = client_path(path, sizeof path, "/v1/tasks/", name, suffix);
    return rc < 0 ? rc : client_start(socket, "GET", path, NULL, ret_fd);
}

static int finish_wait(const char *socket, const char *name, int rc, int fd, int64_t timeout_ms)
{
    struct client_reply reply = {0};
    int status;

    if (rc == 0)
        rc = client_finish(fd, timeout_ms < 0 ? -1 : (int)timeout_ms + TIMEOUT_SLACK_MS, &reply);
    if (client_succeeded(rc, &reply))
        status = print_records(reply.body);
    else if (rc == 0 && strcmp(client_error_code(&reply), "timeout") == 0) {
        log_error("%s has not ended in this time; it runs on", name);
        status = EXIT_TIMEOUT;
    } else if (rc >= 0 || (status = from_journal(name)) < 0) {
        client_complain(socket, rc, &reply);
        status = EXIT_TASKD;
    }
    client_reply_free(&reply);
    return status;
}

static int64_t parse_timeout(const char *text)
{
    int64_t ms;

    if (duration_parse(text, &ms) < 0)
        fatal("wait: --timeout %s is not a duration like 30s or 5min", text);
    if (ms == DURATION_INFINITY)
        return -1;
    return ms > INT_MAX - TIMEOUT_SLACK_MS ? INT_MAX - TIMEOUT_SLACK_MS : ms;
}

/* All are asked before the first answer is read, so that each is waited for from now on. */
static int wait_for(char **names, int count, int64_t timeout_ms)
{
    struct asked {
        int rc, fd;
    } *asked = calloc((size_t)count, sizeof *asked);
    const char *socket = client_socket();
    int status = 0;

    if (!asked)
        fatal("out of memory");
    for (int i = 0; i < count; i++)
        asked[i].rc = start_wait(socket, names[i], timeout_ms, &asked[i].fd);
    for (int i = 0; i < count; i++)
        status = worse(status, finish_wait(socket, names[i], asked[i].rc, asked[i].fd, timeout_ms));
    free(asked);
    return status;
}

static int run_wait(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    int64_t timeout_ms = -1;
    const char *name, *value;

    while ((name = options_next(&o, &value)))
        if (strcmp(name, "timeout") == 0)
            timeout_ms = parse_timeout(value);
    if (o.operands_count == 0)
        fatal("wait: for whom? Name a worker, a task or a handle: `taskd status` shows them");
    return wait_for(o.argv, o.operands_count, timeout_ms);
}

extern const struct command command_wait;
const struct command command_wait = {
    .name = "wait",
    .alias = "join",
    .usage = "[options] HANDLE|NAME…",
    .help = "Wait until a life has ended and print its outcome.",
    .options = wait_options,
    .details =
        "One JSON record a life goes to standard output. A handle (resize@2#17) can be waited for at any time,\n"
        "also long after its end.\n"
        "Exit status, the greatest of all: 0 ok; the worker's own code when it failed; 128+n when signal n ended it;\n"
        "126 or 127 when it could not be started; 130 or 143 when taskd was told to stop by INT or TERM; 137 when it\n"
        "had to be killed; 124 when --timeout passed; 125 for taskd's own errors.",
    .run = run_wait,
};
