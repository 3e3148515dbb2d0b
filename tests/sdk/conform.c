/* The conformance driver of libtaskd: each argument is an operation, its fields separated by '|'. The operations are
 * the same in every language; test_conformance.py has the table of cases. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libtaskd/taskd.h"

enum { FIELDS = 8, TICK_US = 5000 };

static taskd *t;
static bool supervised;

static char *next_field(char **rest)
{
    static char none[1];
    char *field = strsep(rest, "|");
    return field ? field : none;
}

static void say_error(const char *op, int r)
{
    if (r < 0)
        printf("%s: %s\n", op, strerrorname_np(-r));
}

static int64_t number(const char *s)
{
    return strtoll(s, NULL, 10);
}

static bool is_true(const char *s)
{
    return strcmp(s, "true") == 0;
}

static const char *json_or_null(const char *s)
{
    return s ? s : "null";
}

/* --- operations that only call ------------------------------------------------------------------------------------ */

static int op_ready(char **f)
{
    (void)f;
    return taskd_ready(t);
}
static int op_begin(char **f)
{
    return taskd_begin(t, f[0]);
}
static int op_begin_within(char **f)
{
    return taskd_begin_within(t, f[0], number(f[1]));
}
static int op_end(char **f)
{
    return taskd_end(t, f[0]);
}
static int op_fail(char **f)
{
    return taskd_fail(t, f[0], f[1], f[2], is_true(f[3]));
}
static int op_progress(char **f)
{
    return taskd_progress(t, f[0], number(f[1]), number(f[2]), *f[3] ? f[3] : NULL);
}
static int op_checkpoint(char **f)
{
    return taskd_checkpoint(t, f[0], f[1]);
}
static int op_heartbeat(char **f)
{
    (void)f;
    return taskd_heartbeat(t);
}
static int op_status(char **f)
{
    return taskd_status(t, f[0]);
}
static int op_extend(char **f)
{
    return taskd_extend(t, number(f[0]));
}
static int op_log(char **f)
{
    return taskd_log(t, (int)number(f[0]), f[1]);
}
static int op_result(char **f)
{
    return taskd_result(t, f[0], is_true(f[1]));
}

/* --- operations that wait, look or say ---------------------------------------------------------------------------- */

static int op_next(char **f)
{
    struct taskd_unit unit;
    int r = taskd_next(t, &unit);
    (void)f;
    if (r > 0)
        printf("next: %s %s\n", unit.id, json_or_null(unit.data));
    else if (r == 0)
        puts("next: stop");
    return r;
}

static int op_wait(char **f)
{
    struct pollfd p = {.fd = taskd_fd(t), .events = POLLIN};
    (void)f;
    while (!taskd_should_stop(t))
        poll(&p, 1, -1);
    return 0;
}

static int op_touch(char **f)
{
    int fd = open(f[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : close(fd);
}

static int op_await(char **f)
{
    while (access(f[0], F_OK) < 0)
        usleep(TICK_US);
    return 0;
}

static int op_await_stop(char **f)
{
    while (access(f[0], F_OK) < 0 && !taskd_should_stop(t))
        usleep(TICK_US);
    return 0;
}

static void pass_gate(const char *unit)
{
    const char *gate = getenv("GATE");
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", gate ? gate : "", unit);
    while (gate && access(path, F_OK) == 0)
        usleep(TICK_US);
}

static int op_units(char **f)
{
    for (; *f && !taskd_should_stop(t); f++) {
        if (taskd_begin(t, *f) < 0)
            break;
        printf("unit %s\n", *f);
        pass_gate(*f);
        taskd_end(t, *f);
    }
    return 0;
}

static int op_raise(char **f)
{
    taskd_begin(t, f[0]);
    return taskd_fail(t, f[0], "Error", "raised", false);
}

static void say_remaining(void)
{
    int64_t ms = taskd_remaining_ms(t);
    printf("remaining: %s\n", ms < 0 ? "-1" : ms == INT64_MAX ? "none" : ms > 0 ? "positive" : "zero");
}

static int op_say(char **f)
{
    const char *what = f[0];
    if (strcmp(what, "supervised") == 0)
        printf("supervised: %s\n", supervised ? "true" : "false");
    else if (strcmp(what, "should_stop") == 0)
        printf("should_stop: %s\n", taskd_should_stop(t) ? "true" : "false");
    else if (strcmp(what, "id") == 0)
        printf("id: %s\n", json_or_null(taskd_id(t)));
    else if (strcmp(what, "input") == 0)
        printf("input: %s\n", json_or_null(taskd_input(t)));
    else if (strcmp(what, "resume") == 0)
        printf("resume: %s\n", json_or_null(taskd_resume(t)));
    else if (strcmp(what, "watchdog") == 0)
        printf("watchdog: %" PRId64 "\n", taskd_watchdog_ms(t));
    else if (strcmp(what, "remaining") == 0)
        say_remaining();
    else if (strcmp(what, "avoids") == 0)
        printf("avoids %s: %s\n", f[1], taskd_avoids(t, f[1]) ? "true" : "false");
    return 0;
}

/* Under whatever number a child has the channel. */
static int op_env(char **f)
{
    (void)f;
    puts(system("test -n \"${TASKD_FD+x}\"") == 0 ? "env: TASKD_FD" : "env: -");
    puts(system("for fd in /proc/$$/fd/*; do test -S $fd && exit; done; exit 1") == 0 ? "fd: open" : "fd: closed");
    return 0;
}

static int op_print(char **f)
{
    puts(f[0]);
    return 0;
}

static int op_close(char **f)
{
    (void)f;
    taskd_close(t);
    t = NULL;
    return 0;
}

static int op_exit(char **f)
{
    exit((int)number(f[0]));
}

static const struct {
    const char *name;
    int (*run)(char **fields);
} ops[] = {
    {"ready", op_ready},
    {"begin", op_begin},
    {"begin_within", op_begin_within},
    {"end", op_end},
    {"fail", op_fail},
    {"progress", op_progress},
    {"checkpoint", op_checkpoint},
    {"status", op_status},
    {"heartbeat", op_heartbeat},
    {"extend", op_extend},
    {"log", op_log},
    {"result", op_result},
    {"next", op_next},
    {"wait", op_wait},
    {"touch", op_touch},
    {"await", op_await},
    {"units", op_units},
    {"await_stop", op_await_stop},
    {"raise", op_raise},
    {"say", op_say},
    {"env", op_env},
    {"print", op_print},
    {"close", op_close},
    {"exit", op_exit},
};

static void run(char *arg)
{
    char *fields[FIELDS + 1] = {0}, *rest = arg, *name = next_field(&rest);
    for (int i = 0; i < FIELDS && rest; i++)
        fields[i] = next_field(&rest);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(name, ops[i].name) == 0) {
            say_error(name, ops[i].run(fields));
            fflush(stdout);
            return;
        }
    }
    fprintf(stderr, "conform: there is no operation %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    supervised = taskd_open(&t) == 1;
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    taskd_close(t);
    return 0;
}
