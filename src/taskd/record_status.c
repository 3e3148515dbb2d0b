#include "taskd/record_status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"

enum { EXIT_TASKD = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNAL = 128 };

static const char *text_at(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "";
}

static int number_at(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static int status_ok(const json_t *record)
{
    (void)record;
    return 0;
}

static int status_failed(const json_t *record)
{
    int code = number_at(json_object_get(record, "exit"), "code");

    return code ? code : 1;
}

static int status_panicked(const json_t *record)
{
    return EXIT_SIGNAL + number_at(json_object_get(record, "exit"), "signal");
}

static int status_cancelled(const json_t *record)
{
    const json_t *stop = json_object_get(record, "stop");
    const char *how = text_at(stop, "how");

    if (strcmp(how, "killed") == 0 || strcmp(how, "aborted") == 0)
        return EXIT_SIGNAL + SIGKILL;
    if (strcmp(text_at(stop, "reason"), "signal") != 0)
        return 0;
    return EXIT_SIGNAL + (number_at(stop, "signal") == SIGINT ? SIGINT : SIGTERM);
}

static int status_unstarted(const json_t *record)
{
    const char *type = text_at(json_object_get(record, "error"), "type");

    return strcmp(type, "ENOENT") == 0 || strcmp(type, "ENOTDIR") == 0 ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static const struct {
    const char *outcome;
    int (*status)(const json_t *record);
} statuses[] = {
    {"ok", status_ok},
    {"failed", status_failed},
    {"panicked", status_panicked},
    {"cancelled", status_cancelled},
    {"unstarted", status_unstarted},
};

int record_exit_status(const json_t *record)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(text_at(record, "outcome"), statuses[i].outcome) == 0)
            return statuses[i].status(record);
    return EXIT_TASKD;
}

/* The usual ones only: glibc has sigabbrev_np, musl has nothing. */
static const char *signal_name(int signo)
{
    static const struct {
        int signo;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},
        {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"},
        {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},
        {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].signo == signo)
            return names[i].name;
    return NULL;
}

char *record_brief(const json_t *record, char *out, size_t out_size)
{
    const json_t *end = json_object_get(record, "exit");
    const char *outcome = text_at(record, "outcome"), *how = text_at(json_object_get(record, "stop"), "how");
    int signo = number_at(end, "signal"), code = number_at(end, "code");

    if (strcmp(outcome, "cancelled") == 0 && *how)
        snprintf(out, out_size, "%s/%s", outcome, how);
    else if (strcmp(outcome, "unstarted") == 0)
        snprintf(out, out_size, "%s %s", outcome, text_at(json_object_get(record, "error"), "type"));
    else if (signo && signal_name(signo))
        snprintf(out, out_size, "%s %s", outcome, signal_name(signo));
    else if (signo)
        snprintf(out, out_size, "%s signal %d", outcome, signo);
    else if (code)
        snprintf(out, out_size, "%s %d", outcome, code);
    else
        snprintf(out, out_size, "%s", outcome);
    return out;
}

int64_t record_duration_ms(const json_t *record)
{
    int64_t started, ended;

    if (moment_parse(text_at(record, "started"), &started) < 0 || moment_parse(text_at(record, "ended"), &ended) < 0)
        return -1;
    return ended >= started ? ended - started : -1;
}

void record_each_lost(const json_t *record, void (*each)(void *arg, const char *unit), void *arg)
{
    const json_t *lost = json_object_get(record, "lost"), *unit = json_object_get(record, "unit");
    json_t *id;
    size_t i;

    if (!json_is_array(lost) && strcmp(text_at(unit, "state"), "begun") == 0)
        each(arg, text_at(unit, "id"));
    json_array_foreach (lost, i, id) {
        each(arg, json_string_value(id) ? json_string_value(id) : "");
    }
}
