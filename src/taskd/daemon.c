#include "taskd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/quantity.h"
#include "taskd/activation.h"
#include "taskd/cgroup.h"
#include "taskd/config.h"
#include "taskd/control.h"
#include "taskd/daemon_reload.h"
#include "taskd/endpoints.h"
#include "taskd/errout.h"
#include "taskd/events.h"
#include "taskd/journal.h"
#include "taskd/log.h"
#include "taskd/logs.h"
#include "taskd/notify.h"
#include "taskd/places.h"
#include "taskd/procfs.h"
#include "taskd/signals.h"
#include "taskd/supervisor.h"
#include "taskd/sys.h"
#include "taskd/task.h"
#include "taskd/term.h"
#include "taskd/view.h"

enum { EVENTS_MAX = 4096, EVENTS_BYTES_MAX = 4 << 20 };
enum { FINISH_MS = 2000, EXTEND_EVERY_MS = 5000, EXTEND_SLACK_MS = 10000 };

struct daemon {
    struct daemon_request req;
    struct places places;
    struct event_base *base;
    struct events *events;
    struct cgroups *cgroups;
    struct endpoint_pool pool;
    struct signals *signals;
    struct supervisor *sup;
    struct control *control;
    struct view *view;
    struct event *watchdog, *extend;
    bool stopped, ready_said;
};

/* --- stopping -------------------------------------------------------------------------------------------------------
 */

static int64_t longest_wait(const struct daemon *d)
{
    int64_t longest = 0, now = sys->now_ms();
    for (size_t i = 0; i < supervisor_task_count(d->sup); i++) {
        const struct task *t = supervisor_task(d->sup, i);
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

static void tell_waiting(const struct daemon *d)
{
    char text[512] = "";
    for (size_t i = 0; i < supervisor_task_count(d->sup) && !*text; i++) {
        const struct task *t = supervisor_task(d->sup, i);
        if (fsm_ending(task_state(t)))
            view_describe(t, text, sizeof text);
    }
    notify_send("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=Stopping: %s", (long long)(longest_wait(d) + EXTEND_SLACK_MS) * 1000,
                text);
}

static void on_extend(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct daemon *d = arg;
    struct timeval tv = {.tv_sec = EXTEND_EVERY_MS / 1000};
    tell_waiting(d);
    event_add(d->extend, &tv);
}

static void stop_everything(struct daemon *d, int signo, bool now)
{
    struct stop_request req = {.reason = STOP_SIGNAL, .grace_ms = -1, .now = now};
    supervisor_told_by(d->sup, signo);
    supervisor_stop(d->sup, NULL, &req);
}

static const char *const stop_words[] = {
    [SIGTERM] = "SIGTERM", [SIGINT] = "^C", [SIGQUIT] = "SIGQUIT", [SIGHUP] = "SIGHUP", [SIGPWR] = "SIGPWR"};

static void on_stop_signal(struct daemon *d, int signo)
{
    bool already = supervisor_state(d->sup) == SUP_STOPPING;
    bool abort = signo == SIGQUIT || (signo == SIGINT && already);
    d->stopped = true;
    if (abort)
        log_warn("%s: aborting: every process is killed now", stop_words[signo]);
    stop_everything(d, signo, abort);
    if (!already && !abort)
        view_stopping(d->view, stop_words[signo]);
}

static json_t *on_reload(void *arg, bool dry_run, int *ret_status)
{
    struct daemon *d = arg;
    bool tell = !dry_run && d->ready_said;
    if (tell)
        notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)sys->now_ms() * 1000);
    json_t *diff = daemon_reload(d->sup, &d->pool, d->req.config, dry_run, ret_status);
    if (tell)
        notify_send("READY=1");
    return diff;
}

static void reload(struct daemon *d)
{
    int status;
    json_decref(on_reload(d, false, &status));
}

static void on_signal(void *arg, int signo)
{
    struct daemon *d = arg;
    if (signo == SIGCHLD)
        supervisor_reap(d->sup);
    else if (signo == SIGUSR1)
        logs_reopen(supervisor_logs(d->sup));
    else if (signo == SIGHUP && !d->req.one_shot && !isatty(STDIN_FILENO))
        reload(d);
    else
        on_stop_signal(d, signo);
}

/* --- news from the supervisor ---------------------------------------------------------------------------------------
 */

static void on_change(void *arg, struct task *t)
{
    (void)t;
    struct daemon *d = arg;
    if (d->view)
        view_change(d->view);
    if (!d->ready_said && supervisor_ready(d->sup)) {
        d->ready_said = true;
        size_t count = supervisor_task_count(d->sup);
        notify_send("READY=1\nSTATUS=%zu task%s", count, count == 1 ? "" : "s");
    }
}

static void on_output(void *arg, struct task *t, const char *line, size_t len)
{
    struct daemon *d = arg;
    view_output(d->view, t, line, len);
}

static bool may_output(void *arg)
{
    (void)arg;
    return errout_ready();
}

static void on_state(void *arg, enum supervisor_state state)
{
    struct daemon *d = arg;
    if (state == SUP_STOPPING) {
        struct timeval tv = {.tv_sec = EXTEND_EVERY_MS / 1000};
        notify_send("STOPPING=1");
        if (notify_wanted() && d->extend) {
            tell_waiting(d);
            event_add(d->extend, &tv);
        }
    } else if (state == SUP_ENDED) {
        event_base_loopbreak(d->base);
    }
}

static void on_shutdown(void *arg, int now)
{
    struct daemon *d = arg;
    d->stopped = true;
    if (!now)
        view_stopping(d->view, "stop");
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    notify_send("WATCHDOG=1");
}

/* --- setting up
 * ------------------------------------------------------------------------------------------------------- */

static bool live_view(const struct daemon *d)
{
    return !d->req.one_shot && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) && term_is_terminal(stderr);
}

static void open_cgroups(struct daemon *d)
{
    char why[256] = "";
    enum cgroup_use use = (enum cgroup_use)d->req.config->daemon.cgroup;
    int e = cgroups_open(use, &d->cgroups, why, sizeof why);
    if (e < 0 && use == CGROUP_ON)
        fatal("daemon.cgroup: %s", why);
    if (e < 0)
        log_warn("no control group for each task: %s", why);
}

/* All of them before the first worker starts: an address that somebody else has is an error of the configuration. */
static struct endpoints *open_endpoints(struct daemon *d)
{
    struct endpoints *endpoints = NULL;
    char why[512] = "no memory";
    int e = d->req.one_shot ? activation_pass_on(&d->pool, d->req.config) : 0;
    if (e == 0)
        e = endpoints_plan(&d->pool, d->req.config, &endpoints);
    if (e == 0)
        e = endpoints_open(endpoints, why, sizeof why);
    if (e < 0) {
        endpoints_free(endpoints);
        fatal("%s", why);
    }
    activation_warn_unused(&d->pool);
    return endpoints;
}

static void make_supervisor(struct daemon *d)
{
    open_cgroups(d);
    d->events = events_new(EVENTS_MAX, EVENTS_BYTES_MAX);
    if (!d->events)
        fatal("no memory");
    struct endpoints *endpoints = open_endpoints(d);
    bool single = d->req.one_shot && d->req.config->workers[0].replicas == 1;
    struct supervisor_options options = {.one_shot = d->req.one_shot,
                                         .capture = live_view(d),
                                         .stdin_fd = -1,
                                         .events = d->events,
                                         .endpoints = endpoints,
                                         .cgroups = d->cgroups};
    if (single && !isatty(STDIN_FILENO))
        options.stdin_fd = STDIN_FILENO;
    int e = sys_raise_nofile(&options.nofile);
    if (e < 0)
        log_warn("cannot raise the limit of open files: %s", strerror(-e));
    struct supervisor_hooks hooks = {
        .on_change = on_change, .on_output = on_output, .may_output = may_output, .on_state = on_state, .arg = d};
    e = signals_new(d->base, on_signal, d, &d->signals);
    if (e == 0)
        e = supervisor_new(d->base, d->req.config, d->places.journal, &options, &hooks, &d->sup);
    if (e == 0 && !(d->view = view_new(d->base, d->sup, options.capture)))
        e = -ENOMEM;
    if (e < 0)
        fatal("cannot set up: %s", strerror(-e));
    endpoints_free(endpoints);
}

static void make_control(struct daemon *d)
{
    struct control_hooks hooks = {.on_shutdown = on_shutdown, .on_reload = on_reload, .arg = d};
    if (!d->places.listener)
        return;
    supervisor_set_socket(d->sup, d->places.socket);
    int e = control_new(d->base, d->places.listener, d->sup, d->events, d->places.state_dir, &hooks, &d->control);
    if (e < 0)
        fatal("cannot serve at %s: %s", d->places.socket, strerror(-e));
}

static void make_notify(struct daemon *d)
{
    d->extend = evtimer_new(d->base, on_extend, d);
    int64_t ms = notify_watchdog_ms();
    if (ms <= 0)
        return;
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    d->watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, d);
    if (d->watchdog)
        event_add(d->watchdog, &tv);
}

static void tell_proc(void)
{
    if (procfs_fault())
        log_warn("%s: processes that leave their worker's group are not found, and max_rss is not looked at",
                 procfs_fault());
}

static void set_up(struct daemon *d)
{
    if (activation_take(&d->pool) < 0)
        fatal("LISTEN_FDS and LISTEN_FDNAMES do not say which descriptors are handed over");
    d->base = event_base_new();
    if (!d->base)
        fatal("cannot make an event loop");
    places_open(&d->places, &d->req);
    tell_proc();
    make_supervisor(d);
    make_control(d);
    make_notify(d);
}

static void tear_down(struct daemon *d)
{
    if (d->control)
        control_finish(d->control, FINISH_MS);
    view_end(d->view);
    control_free(d->control);
    view_free(d->view);
    supervisor_free(d->sup);
    endpoint_pool_clear(&d->pool);
    events_free(d->events);
    cgroups_free(d->cgroups);
    signals_free(d->signals);
    if (d->watchdog)
        event_free(d->watchdog);
    if (d->extend)
        event_free(d->extend);
    journal_free(d->places.journal);
    event_base_free(d->base);
}

/* --- the last words
 * ----------------------------------------------------------------------------------------------------- */

static void write_result(const struct daemon *d)
{
    if (!d->req.result_path)
        return;
    FILE *out = strcmp(d->req.result_path, "-") == 0 ? stdout : fopen(d->req.result_path, "we");
    if (!out)
        fatal("cannot write the result to %s: %s", d->req.result_path, strerror(errno));
    for (size_t i = 0; i < supervisor_task_count(d->sup); i++) {
        json_t *last = task_last(supervisor_task(d->sup, i));
        if (last && (json_dumpf(last, out, JSON_COMPACT) < 0 || fputc('\n', out) == EOF))
            fatal("cannot write the result to %s: %s", d->req.result_path, strerror(errno));
    }
    if (out == stdout ? fflush(out) != 0 : fclose(out) != 0)
        fatal("cannot write the result to %s: %s", d->req.result_path, strerror(errno));
}

/* One command: what became of it. Where several replicas ran, the worst of them. */
static int status_of_command(const struct daemon *d)
{
    int worst = 0;
    for (size_t i = 0; i < supervisor_task_count(d->sup); i++) {
        int status = task_last_status(supervisor_task(d->sup, i));
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int status_of_config(const struct daemon *d)
{
    struct supervisor_totals totals;
    supervisor_totals(d->sup, &totals);
    bool good = d->stopped ? json_array_size(totals.lost) == 0 && totals.unsure == 0 : totals.not_ok == 0;
    json_decref(totals.lost);
    return good ? 0 : 1;
}

int daemon_run(const struct daemon_request *req)
{
    struct daemon d = {.req = *req};
    set_up(&d);
    supervisor_start(d.sup, NULL);
    if (event_base_dispatch(d.base) < 0)
        fatal("the event loop failed");
    write_result(&d);
    int status = d.req.one_shot ? status_of_command(&d) : status_of_config(&d);
    tear_down(&d);
    return status;
}
