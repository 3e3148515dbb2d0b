/* taskd run: supervise a configuration, or one command, in the foreground. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/quantity.h"
#include "taskd/command.h"
#include "taskd/config.h"
#include "taskd/control.h"
#include "taskd/journal.h"
#include "taskd/listener.h"
#include "taskd/log.h"
#include "taskd/notify.h"
#include "taskd/paths.h"
#include "taskd/signals.h"
#include "taskd/supervisor.h"
#include "taskd/sys.h"
#include "taskd/task.h"
#include "taskd/term.h"
#include "taskd/view.h"

enum { PATH_SIZE = 4096, FINISH_MS = 2000, EXTEND_EVERY_MS = 5000, EXTEND_SLACK_MS = 10000, SETTINGS_MAX = 128, MORE_MAX = 96 };

/* A setting from the command line, kept until the worker that it is for exists. */
struct setting {
    const char *key, *text;
};

struct run {
    const char *config_path, *result_path, *name;
    struct setting settings[SETTINGS_MAX];
    size_t settings_count;
    bool one_shot, verbose;

    struct config *config;
    char socket[PATH_SIZE], state_dir[PATH_SIZE];
    struct event_base *base;
    struct journal *journal;
    struct signals *signals;
    struct supervisor *sup;
    struct listener *listener;
    struct control *control;
    struct view *view;
    struct event *watchdog, *extend;
    int64_t watchdog_ms;
    bool stopped, ready_said;
};

/* --- the command line ---------------------------------------------------------------------------------------------- */

static struct option_spec more[MORE_MAX];
static size_t more_count;

static void on_option(void *arg, const char *option, const char *value, const char *help)
{
    (void)arg;
    if (more_count < MORE_MAX - 1)
        more[more_count++] = (struct option_spec){.name = option, .value = value, .help = help};
}

static const struct option_spec *worker_options(void)
{
    if (more_count == 0)
        config_each_option(on_option, NULL);
    return more;
}

static void take_option(struct run *r, const char *option, const char *value)
{
    if (strcmp(option, "config") == 0)
        r->config_path = value;
    else if (strcmp(option, "result") == 0)
        r->result_path = value;
    else if (strcmp(option, "name") == 0)
        r->name = value;
    else if (strcmp(option, "verbose") == 0)
        r->verbose = true;
    else if (r->settings_count < SETTINGS_MAX)
        r->settings[r->settings_count++] = (struct setting){option, value};
    else
        fatal("run: more than %d settings", SETTINGS_MAX);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* A command's file name with what a worker's name must not hold replaced. */
static char *name_from(const char *command)
{
    char *name = strndup(base_name(command), 64);
    if (!name)
        fatal("no memory");
    for (char *p = name; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *p))
            *p = '_';
    if (strchr("._-", *name))
        *name = 'x';
    return name;
}

static void apply_settings(struct run *r)
{
    char why[512];
    for (size_t i = 0; i < r->settings_count; i++) {
        const struct setting *s = &r->settings[i];
        if (worker_config_set(&r->config->workers[0], s->key, s->text, why, sizeof why) < 0)
            fatal("run: --%s %s: %s", s->key, s->text, why);
    }
}

static void check_config(const struct run *r)
{
    struct config_errors *errors = config_errors_new();
    if (!errors)
        fatal("no memory");
    if (config_check(r->config, errors) < 0) {
        config_errors_print(errors, stderr);
        exit(125);
    }
    config_errors_free(errors);
}

static void load_command(struct run *r, char **command)
{
    if (r->config_path)
        fatal("run: either --config FILE or a command after --, not both");
    char *name = r->name ? strdup(r->name) : name_from(command[0]);
    r->one_shot = true;
    r->config = name ? config_from_command(name, command) : NULL;
    free(name);
    if (!r->config)
        fatal("no memory");
    apply_settings(r);
    check_config(r);
}

static void load_file(struct run *r)
{
    if (r->settings_count || r->name || r->result_path)
        fatal("run: --%s is for `run -- CMD`: with a configuration it belongs there",
              r->name ? "name" : r->result_path ? "result" : r->settings[0].key);
    struct config_errors *errors = config_errors_new();
    const char *path = r->config_path ? r->config_path : PATHS_CONFIG;
    if (!errors)
        fatal("no memory");
    if (config_load(path, &r->config, errors) < 0) {
        config_errors_print(errors, stderr);
        if (!r->config_path)
            log_error("run: give a configuration with `taskd run -c FILE`, or a command with `taskd run -- CMD`");
        exit(125);
    }
    config_errors_free(errors);
}

static void parse(struct run *r, const struct command *command, int argc, char **argv)
{
    struct options o = {.command = command, .argc = argc, .argv = argv, .stop_at_operand = true};
    const char *option, *value;
    while ((option = options_next(&o, &value)))
        take_option(r, option, value);
    if (o.operands_count > 0) {
        argv[o.operands_count] = NULL;
        load_command(r, argv);
    } else if (o.saw_dashdash) {
        fatal("run: a command is missing after --");
    } else {
        load_file(r);
    }
}

/* --- stopping ------------------------------------------------------------------------------------------------------- */

static int64_t longest_wait(const struct run *r)
{
    int64_t longest = 0, now = sys->now_ms();
    for (size_t i = 0; i < supervisor_task_count(r->sup); i++) {
        const struct task *t = supervisor_task(r->sup, i);
        int64_t deadline = task_life(t)->deadline_ms;
        if (!fsm_ending(task_state(t)))
            continue;
        if (deadline == DURATION_INFINITY)
            return EXTEND_EVERY_MS * 2;
        if (deadline - now > longest)
            longest = deadline - now;
    }
    return longest;
}

static void tell_waiting(const struct run *r)
{
    char text[512] = "";
    for (size_t i = 0; i < supervisor_task_count(r->sup) && !*text; i++) {
        const struct task *t = supervisor_task(r->sup, i);
        if (fsm_ending(task_state(t)))
            view_describe(t, text, sizeof text);
    }
    notify_send("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=Stopping: %s", (long long)(longest_wait(r) + EXTEND_SLACK_MS) * 1000, text);
}

static void on_extend(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct run *r = arg;
    struct timeval tv = {.tv_sec = EXTEND_EVERY_MS / 1000};
    tell_waiting(r);
    event_add(r->extend, &tv);
}

static void stop_everything(struct run *r, int signo, bool now)
{
    struct stop_request req = {.reason = STOP_SIGNAL, .grace_ms = -1, .now = now};
    supervisor_told_by(r->sup, signo);
    supervisor_stop(r->sup, NULL, &req);
}

static const char *const stop_words[] = {[SIGTERM] = "SIGTERM", [SIGINT] = "^C", [SIGQUIT] = "SIGQUIT", [SIGHUP] = "SIGHUP"};

static void on_stop_signal(struct run *r, int signo)
{
    bool already = supervisor_state(r->sup) == SUP_STOPPING;
    bool abort = signo == SIGQUIT || (signo == SIGINT && already);
    r->stopped = true;
    if (abort)
        log_warn("%s: aborting: every process is killed now", stop_words[signo]);
    stop_everything(r, signo, abort);
    if (!already && !abort)
        view_stopping(r->view, stop_words[signo]);
}

static void on_signal(void *arg, int signo)
{
    struct run *r = arg;
    if (signo == SIGCHLD)
        supervisor_reap(r->sup);
    else if (signo == SIGHUP && !r->one_shot && !isatty(STDIN_FILENO))
        log_warn("SIGHUP: the configuration is not read again while taskd runs: restart it");
    else
        on_stop_signal(r, signo);
}

/* --- news from the supervisor --------------------------------------------------------------------------------------- */

static void on_change(void *arg, struct task *t)
{
    (void)t;
    struct run *r = arg;
    if (r->view)
        view_change(r->view);
    if (!r->ready_said && supervisor_ready(r->sup)) {
        r->ready_said = true;
        notify_send("READY=1\nSTATUS=%zu tasks", supervisor_task_count(r->sup));
    }
}

static void on_output(void *arg, struct task *t, const char *line, size_t len)
{
    struct run *r = arg;
    view_output(r->view, t, line, len);
}

static void on_state(void *arg, enum supervisor_state state)
{
    struct run *r = arg;
    if (state == SUP_STOPPING) {
        struct timeval tv = {.tv_sec = EXTEND_EVERY_MS / 1000};
        notify_send("STOPPING=1");
        if (notify_wanted() && r->extend) {
            tell_waiting(r);
            event_add(r->extend, &tv);
        }
    } else if (state == SUP_ENDED) {
        event_base_loopbreak(r->base);
    }
}

static void on_shutdown(void *arg, int now)
{
    struct run *r = arg;
    r->stopped = true;
    if (!now)
        view_stopping(r->view, "taskd stop");
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    notify_send("WATCHDOG=1");
}

/* --- setting up ------------------------------------------------------------------------------------------------------- */

/* The journal is what makes numbers unique and ends known; one command in a read-only container has to do without. */
static void open_journal(struct run *r)
{
    if (paths_state_dir(global_options.state_dir, r->config->daemon.state_dir, r->state_dir, sizeof r->state_dir) < 0)
        fatal("the state directory's path is too long");
    int e = journal_open(r->state_dir, &r->journal);
    if (e == 0)
        return;
    if (!r->one_shot || global_options.state_dir)
        fatal("cannot open the state directory %s: %s: give another with --state-dir", r->state_dir, strerror(-e));
    log_warn("cannot open the state directory %s: %s: no records are kept", r->state_dir, strerror(-e));
    r->journal = journal_open_memory();
    if (!r->journal)
        fatal("no memory");
}

/* "…/taskd.sock" -> "…/taskd-PID.sock". */
static int own_socket(struct run *r)
{
    char *slash = strrchr(r->socket, '/');
    size_t room = slash ? sizeof r->socket - (size_t)(slash - r->socket) : 0;
    if (!slash || (size_t)snprintf(slash, room, "/taskd-%d.sock", (int)getpid()) >= room)
        return -ENAMETOOLONG;
    return listener_open(r->socket, &r->listener);
}

static void open_socket(struct run *r)
{
    int e = paths_socket(global_options.socket, r->config->daemon.socket, r->socket, sizeof r->socket);
    if (e == 0)
        e = listener_open(r->socket, &r->listener);
    bool chosen = global_options.socket || getenv("TASKD_SOCKET") || r->config->daemon.socket;
    if (e == -EADDRINUSE && r->one_shot && !chosen) {
        e = own_socket(r);
        if (e == 0)
            log_info("the default socket belongs to another taskd: listening at %s", r->socket);
    }
    if (e == 0)
        return;
    if (!r->one_shot || chosen)
        fatal("cannot listen at %s: %s", r->socket,
              e == -EADDRINUSE ? "another taskd does: give another path with --socket" : strerror(-e));
    log_warn("cannot listen at %s: %s: `taskd status` will not find this one", r->socket, strerror(-e));
}

static bool live_view(const struct run *r)
{
    return !r->one_shot && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) && term_is_terminal(stderr);
}

static void make_supervisor(struct run *r)
{
    bool single = r->one_shot && r->config->workers[0].replicas == 1;
    struct supervisor_options options = {.one_shot = r->one_shot, .capture = live_view(r), .stdin_fd = -1};
    if (single && !isatty(STDIN_FILENO))
        options.stdin_fd = STDIN_FILENO;
    int e = sys_raise_nofile(&options.nofile);
    if (e < 0)
        log_warn("cannot raise the limit of open files: %s", strerror(-e));
    struct supervisor_hooks hooks = {.on_change = on_change, .on_output = on_output, .on_state = on_state, .arg = r};
    e = signals_new(r->base, on_signal, r, &r->signals);
    if (e == 0)
        e = supervisor_new(r->base, r->config, r->journal, &options, &hooks, &r->sup);
    if (e == 0 && !(r->view = view_new(r->base, r->sup, options.capture)))
        e = -ENOMEM;
    if (e < 0)
        fatal("cannot set up: %s", strerror(-e));
}

static void make_control(struct run *r)
{
    struct control_hooks hooks = {.on_shutdown = on_shutdown, .arg = r};
    if (!r->listener)
        return;
    supervisor_set_socket(r->sup, r->socket);
    int e = control_new(r->base, r->listener, r->sup, r->state_dir, &hooks, &r->control);
    if (e < 0)
        fatal("cannot serve at %s: %s", r->socket, strerror(-e));
}

static void make_notify(struct run *r)
{
    r->extend = evtimer_new(r->base, on_extend, r);
    r->watchdog_ms = notify_watchdog_ms();
    if (r->watchdog_ms <= 0)
        return;
    struct timeval tv = {.tv_sec = r->watchdog_ms / 1000, .tv_usec = r->watchdog_ms % 1000 * 1000};
    r->watchdog = event_new(r->base, -1, EV_PERSIST, on_watchdog, r);
    if (r->watchdog)
        event_add(r->watchdog, &tv);
}

static void set_up(struct run *r)
{
    r->base = event_base_new();
    if (!r->base)
        fatal("cannot make an event loop");
    open_socket(r);
    open_journal(r);
    make_supervisor(r);
    make_control(r);
    make_notify(r);
}

static void tear_down(struct run *r)
{
    if (r->control)
        control_finish(r->control, FINISH_MS);
    view_end(r->view);
    control_free(r->control);
    view_free(r->view);
    supervisor_free(r->sup);
    signals_free(r->signals);
    if (r->watchdog)
        event_free(r->watchdog);
    if (r->extend)
        event_free(r->extend);
    journal_free(r->journal);
    event_base_free(r->base);
    config_free(r->config);
}

/* --- the last words ----------------------------------------------------------------------------------------------------- */

static void write_result(const struct run *r)
{
    if (!r->result_path)
        return;
    FILE *out = strcmp(r->result_path, "-") == 0 ? stdout : fopen(r->result_path, "we");
    if (!out)
        fatal("cannot write the result to %s: %s", r->result_path, strerror(errno));
    for (size_t i = 0; i < supervisor_task_count(r->sup); i++) {
        json_t *last = task_last(supervisor_task(r->sup, i));
        if (last && (json_dumpf(last, out, JSON_COMPACT) < 0 || fputc('\n', out) == EOF))
            fatal("cannot write the result to %s: %s", r->result_path, strerror(errno));
    }
    if (out == stdout ? fflush(out) != 0 : fclose(out) != 0)
        fatal("cannot write the result to %s: %s", r->result_path, strerror(errno));
}

/* One command: what became of it. Where several replicas ran, the worst of them. */
static int status_of_command(const struct run *r)
{
    int worst = 0;
    for (size_t i = 0; i < supervisor_task_count(r->sup); i++) {
        int status = task_last_status(supervisor_task(r->sup, i));
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int status_of_config(const struct run *r)
{
    struct supervisor_totals totals;
    supervisor_totals(r->sup, &totals);
    bool good = r->stopped ? json_array_size(totals.lost) == 0 && totals.killed == 0 : totals.not_ok == 0;
    json_decref(totals.lost);
    return good ? 0 : 1;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct run r = {0};
    parse(&r, command, argc, argv);
    log_init(r.verbose ? LOG_L_DEBUG : LOG_L_INFO);
    set_up(&r);
    supervisor_start(r.sup);
    if (event_base_dispatch(r.base) < 0)
        fatal("the event loop failed");
    write_result(&r);
    int status = r.one_shot ? status_of_command(&r) : status_of_config(&r);
    tear_down(&r);
    return status;
}

static const struct option_spec run_options[] = {
    {"config", 'c', "FILE", "the configuration (default " PATHS_CONFIG ")"},
    {"name", 0, "NAME", "what to call the one worker (default: its file name)"},
    {"result", 0, "FILE", "write the outcome record of the one command to FILE, or to standard output (-)"},
    {"verbose", 'v', NULL, "log more"},
    {NULL},
};

const struct command command_run = {
    .name = "run",
    .usage = "[-c FILE]\n       taskd run [options] -- CMD ARG…",
    .help = "Supervise a configuration, or one command, in the foreground.",
    .options = run_options,
    .more_options = worker_options,
    .details = "^C or SIGTERM asks every worker to finish its current unit and leave; a second ^C kills.\n\n"
               "Exit status with a configuration: 0 after a graceful stop in which no unit was cut, or when every\n"
               "worker ended ok; 1 otherwise; 125 for errors of taskd's own.\n"
               "Exit status of one command: its own; 128+n when signal n ended it; 126 or 127 when it could not be\n"
               "started; 130 or 143 when ^C or SIGTERM stopped taskd and the command left by itself; 137 when it had\n"
               "to be killed; 125 for errors of taskd's own.\n\n"
               "Examples:\n"
               "  taskd run -- ./resize in/*.jpg\n"
               "  taskd run --stop-timeout 1min --result - -- ./import.py\n"
               "  taskd run -c jobs.json",
    .run = run,
};
