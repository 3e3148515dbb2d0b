#include "kernel.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/agenda.h"
#include "taskd/channel.h"
#include "taskd/journal.h"
#include "taskd/launch.h"
#include "taskd/log.h"
#include "taskd/output.h"
#include "taskd/sys.h"
#include "taskd/tree.h"
#include "view.h"

enum { LIVES_MAX = 256, EVENTS_MAX = 32, PIDFD_BASE = 1000 };

struct kernel kernel;

static int records[LIVES_MAX];
static bool over[LIVES_MAX];

void kernel_violation(const char *property, const char *fmt, ...)
{
    va_list ap;
    if (kernel.violation)
        return;
    kernel.violation = property;
    va_start(ap, fmt);
    vsnprintf(kernel.detail, sizeof kernel.detail, fmt, ap);
    va_end(ap);
}

/* --- processes -----------------------------------------------------------------------------------------------------
 */

static struct process *by_pid(pid_t pid)
{
    return pid >= FIRST_PID && pid < FIRST_PID + PIDS ? &kernel.processes[pid - FIRST_PID] : NULL;
}

struct process *kernel_process(int task)
{
    for (int i = 0; i < PIDS; i++) {
        struct process *p = &kernel.processes[i];
        if (p->owner == CHILD && p->task == task && !p->zombie)
            return p;
    }
    return NULL;
}

void kernel_exit(struct process *p, int code, int signal)
{
    p->zombie = true;
    p->code = code;
    p->signal = signal;
    p->pending = 0;
    over[p->serial] = true;
    kernel.sigchld = true;
}

void kernel_take_signal(struct process *p, int sig, bool ignored)
{
    p->pending &= ~(1u << sig);
    if (!ignored)
        kernel_exit(p, 0, sig);
}

static void deliver_signal(struct process *p, int sig)
{
    if (!p->zombie && sig != SIGCONT)
        p->pending |= 1u << sig;
}

static int64_t now_ms(void)
{
    return kernel.now_ms;
}

static int kill_leader(int pidfd, int sig)
{
    for (int i = 0; i < PIDS; i++) {
        struct process *p = &kernel.processes[i];
        if (p->owner != CHILD || PIDFD_BASE + p->serial != pidfd)
            continue;
        deliver_signal(p, sig);
        return 0;
    }
    return -ESRCH; /* as a pidfd of a process that was reaped says */
}

/* A group's number means somebody only until its leader is reaped. */
static int kill_group(pid_t pid, int sig)
{
    struct process *p = by_pid(pid);
    int task = view_task_of_pid(pid);
    if (!p || p->owner != CHILD || task < 0 || p->task != task) {
        kernel_violation("S2", "signal %d to the group %d, which is nobody's of ours", sig, (int)pid);
        return -ESRCH;
    }
    deliver_signal(p, sig);
    return 0;
}

static pid_t next_exit(void)
{
    for (int i = 0; i < PIDS; i++)
        if (kernel.processes[i].owner == CHILD && kernel.processes[i].zombie)
            return FIRST_PID + i;
    return 0;
}

static int reap(pid_t pid, struct sys_exit *ret)
{
    struct process *p = by_pid(pid);
    if (!p || p->owner != CHILD || !p->zombie)
        return -ECHILD;
    *ret = (struct sys_exit){.pid = pid, .code = p->code, .signal = p->signal};
    *p = (struct process){0};
    return 0;
}

static int64_t resident(pid_t pid)
{
    (void)pid;
    return 0;
}

static double dice(void)
{
    return 0.5;
}

static const struct sys_ops fake_sys = {
    .now_ms = now_ms,
    .kill_leader = kill_leader,
    .kill_group = kill_group,
    .kill_stray = kill_leader,
    .next_exit = next_exit,
    .reap = reap,
    .resident = resident,
    .dice = dice,
};

/* --- a start -------------------------------------------------------------------------------------------------------
 */

static struct process *free_slot(void)
{
    for (int i = 0; i < PIDS; i++)
        if (kernel.processes[i].owner == NOBODY)
            return &kernel.processes[i];
    return NULL;
}

static void check_start(int task)
{
    for (int i = 0; i < PIDS; i++)
        if (kernel.processes[i].owner == CHILD && kernel.processes[i].task == task)
            kernel_violation("S1", "a second process of task %d", task + 1);
    if (!view_wanted(task))
        kernel_violation("S4", "task %d is started, and it is wanted down", task + 1);
}

int launch(const struct launch *l, struct spawn_result *ret, int *ret_channel)
{
    int task = atoi(strchr(l->task, '@') + 1) - 1;
    struct process *p = free_slot();
    check_start(task);
    *ret = (struct spawn_result){.pid = -1, .pidfd = -1, .error = EAGAIN, .step = "fork"};
    if (!p || kernel.lives == LIVES_MAX)
        return -EAGAIN;
    *p = (struct process){.owner = CHILD, .task = task, .serial = kernel.lives++};
    records[p->serial] = 0;
    over[p->serial] = false;
    *ret = (struct spawn_result){.pid = FIRST_PID + (int)(p - kernel.processes), .pidfd = PIDFD_BASE + p->serial};
    *ret_channel = PIDFD_BASE + p->serial;
    return 0;
}

/* --- channels ------------------------------------------------------------------------------------------------------
 */

struct channel {
    struct channel_hooks hooks;
    struct channel_view view;
    int serial;
    bool told_eof;
};

static struct channel *channels[TASKS];

static int task_of_serial(int serial)
{
    for (int i = 0; i < PIDS; i++)
        if (kernel.processes[i].owner == CHILD && kernel.processes[i].serial == serial)
            return kernel.processes[i].task;
    return -1;
}

struct channel_view *kernel_channel(int task)
{
    return channels[task] ? &channels[task]->view : NULL;
}

int channel_new(struct event_base *base, int fd, size_t max_line, const struct channel_hooks *hooks,
                struct channel **ret)
{
    struct channel *c = calloc(1, sizeof *c);
    (void)base, (void)max_line;
    *c = (struct channel){.hooks = *hooks, .view = {.open = true}, .serial = fd - PIDFD_BASE};
    channels[task_of_serial(c->serial)] = c;
    *ret = c;
    return 0;
}

void channel_free(struct channel *c)
{
    for (int i = 0; i < TASKS; i++)
        if (channels[i] == c)
            channels[i] = NULL;
    free(c);
}

bool channel_open(const struct channel *c)
{
    return c && c->view.open;
}

int channel_send(struct channel *c, const char *line, size_t len, bool urgent)
{
    static const char stop[] = "\"stop\"";
    (void)urgent;
    if (memmem(line, len, stop, sizeof stop - 1))
        c->view.stop_sent = true;
    return 0;
}

static void deliver(struct channel *c, enum line line)
{
    static const char *const text[LINES] = {
        [LINE_HELLO] = "{\"type\":\"hello\",\"v\":1}",
        [LINE_BEGIN] = "{\"type\":\"begin\",\"unit\":\"u\"}",
        [LINE_END] = "{\"type\":\"end\",\"unit\":\"u\",\"ok\":true}",
        [LINE_STOPPING] = "{\"type\":\"stopping\"}",
    };
    int task = 0;
    while (task < TASKS && channels[task] != c)
        task++;
    if (line == LINE_BEGIN && task < TASKS && view_acknowledged(task))
        kernel_violation("S3", "task %d begins a unit after its acknowledgement was reported", task + 1);
    c->hooks.on_line(c->hooks.arg, text[line], strlen(text[line]), false);
}

/* Everything that is there; then the end of file, where nobody is left to write. */
void channel_poll(struct channel *c)
{
    while (c->view.count > 0) {
        enum line line = c->view.queue[0];
        memmove(c->view.queue, c->view.queue + 1, sizeof c->view.queue - sizeof c->view.queue[0]);
        c->view.count--;
        deliver(c, line);
    }
    if (!over[c->serial] || c->told_eof)
        return;
    c->told_eof = true;
    c->view.open = false;
    c->hooks.on_eof(c->hooks.arg, false);
}

void channel_drain(struct channel *c)
{
    channel_poll(c);
}

void kernel_read(int task)
{
    if (channels[task])
        channel_poll(channels[task]);
}

void kernel_say(struct process *p, enum line line)
{
    struct channel_view *c = kernel_channel(p->task);
    if (c && c->count < QUEUE_MAX)
        c->queue[c->count++] = line;
}

/* --- timers --------------------------------------------------------------------------------------------------------
 */

struct event {
    event_callback_fn run;
    void *arg;
    bool pending, active;
    int64_t due_ms;
};

static struct event *events[EVENTS_MAX];

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn run, void *arg)
{
    struct event *e = calloc(1, sizeof *e);
    (void)base, (void)fd, (void)what;
    *e = (struct event){.run = run, .arg = arg};
    for (int i = 0; i < EVENTS_MAX; i++) {
        if (events[i])
            continue;
        events[i] = e;
        return e;
    }
    abort();
}

void event_free(struct event *e)
{
    for (int i = 0; i < EVENTS_MAX; i++)
        if (events[i] == e)
            events[i] = NULL;
    free(e);
}

int event_add(struct event *e, const struct timeval *tv)
{
    e->pending = true;
    e->due_ms = kernel.now_ms + tv->tv_sec * 1000 + tv->tv_usec / 1000;
    return 0;
}

int event_del(struct event *e)
{
    e->pending = e->active = false;
    return 0;
}

void event_active(struct event *e, int what, short calls)
{
    (void)what, (void)calls;
    e->active = true;
}

int event_pending(const struct event *e, short what, struct timeval *tv)
{
    (void)what, (void)tv;
    return e->pending;
}

bool kernel_timer_pending(const void *event, int64_t *ret_due_ms)
{
    const struct event *e = event;
    *ret_due_ms = e->due_ms;
    return e->pending;
}

static struct event *earliest(void)
{
    struct event *first = NULL;
    for (int i = 0; i < EVENTS_MAX; i++)
        if (events[i] && events[i]->pending && (!first || events[i]->due_ms < first->due_ms))
            first = events[i];
    return first;
}

int64_t kernel_next_timer(void)
{
    struct event *e = earliest();
    return e ? e->due_ms : INT64_MAX;
}

void kernel_fire_timer(void)
{
    struct event *e = earliest();
    if (!e)
        return;
    if (e->due_ms > kernel.now_ms)
        kernel.now_ms = e->due_ms;
    e->pending = false;
    e->run(-1, EV_TIMEOUT, e->arg);
}

static struct event *first_active(void)
{
    for (int i = 0; i < EVENTS_MAX; i++)
        if (events[i] && events[i]->active)
            return events[i];
    return NULL;
}

bool kernel_has_active(void)
{
    return first_active() != NULL;
}

void kernel_run_active(void)
{
    struct event *e = first_active();
    if (!e)
        return;
    e->active = false;
    e->run(-1, EV_TIMEOUT, e->arg);
}

/* --- records -------------------------------------------------------------------------------------------------------
 */

struct journal {
    uint64_t lives;
};

int journal_open(const char *dir, struct journal **ret)
{
    (void)dir, (void)ret;
    return -ENOSYS;
}

struct journal *journal_open_memory(void)
{
    return calloc(1, sizeof(struct journal));
}

void journal_free(struct journal *j)
{
    free(j);
}

const char *journal_dir(const struct journal *j)
{
    (void)j;
    return NULL;
}

/* Numbers begin at 1, as serials do at 0. */
int journal_next_life(struct journal *j, uint64_t *ret)
{
    (void)j;
    *ret = (uint64_t)kernel.lives + 1;
    return 0;
}

int journal_append(struct journal *j, const json_t *record)
{
    const char *handle = json_string_value(json_object_get(record, "handle"));
    int serial = atoi(strchr(handle, '#') + 1) - 1;
    (void)j;
    if (json_is_null(json_object_get(record, "pid")))
        return 0; /* it never ran */
    if (++records[serial] > 1)
        kernel_violation("S5", "%s has a second record", handle);
    return 0;
}

int journal_read(const char *dir, journal_each_cb *each, void *arg, size_t *ret_bad)
{
    (void)dir, (void)each, (void)arg, (void)ret_bad;
    return -ENOSYS;
}

int journal_find(const char *dir, const char *handle, json_t **ret)
{
    (void)dir, (void)handle, (void)ret;
    return -ENOENT;
}

int kernel_records(int serial)
{
    return records[serial];
}

bool kernel_life_over(int serial)
{
    return over[serial];
}

/* --- what the model leaves out: trees, output, timetables, and a log that only listens for one thing ----------------
 */

struct tree {
    char unused;
};

struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}
void tree_free(struct tree *t)
{
    free(t);
}
void tree_look(struct tree *t)
{
    (void)t;
}
void tree_forget(struct tree *t)
{
    (void)t;
}
size_t tree_kill(struct tree *t, pid_t leader)
{
    (void)t, (void)leader;
    return 0;
}
size_t tree_sweep(struct tree *t, const struct tree_sweep *how)
{
    (void)t, (void)how;
    return 0;
}
bool tree_has(pid_t leader, const char *handle, pid_t pid)
{
    (void)leader, (void)handle, (void)pid;
    return false;
}

int output_new(struct event_base *base, const struct output_hooks *hooks, struct output **ret, int *ret_child_fd)
{
    (void)base, (void)hooks, (void)ret, (void)ret_child_fd;
    return -ENOSYS;
}
void output_poll(struct output *o)
{
    (void)o;
}
void output_drain(struct output *o)
{
    (void)o;
}
void output_free(struct output *o)
{
    (void)o;
}

const struct agenda_clock_ops agenda_kernel;
const struct agenda_clock_ops *agenda_clocks = &agenda_kernel;
int agenda_new(struct event_base *base, agenda_cb *on_due, void *arg, struct agenda **ret)
{
    (void)base, (void)on_due, (void)arg;
    *ret = NULL;
    return 0;
}
void agenda_free(struct agenda *a)
{
    (void)a;
}
int agenda_set_every(struct agenda *a, void *who, int64_t period_ms)
{
    (void)a, (void)who, (void)period_ms;
    return -ENOSYS;
}
int agenda_set_cron(struct agenda *a, void *who, const struct cron *cron, const char *zone)
{
    (void)a, (void)who, (void)cron, (void)zone;
    return -ENOSYS;
}
void agenda_remove(struct agenda *a, void *who)
{
    (void)a, (void)who;
}
int64_t agenda_next_unix_ms(const struct agenda *a, const void *who)
{
    (void)a, (void)who;
    return -1;
}

void log_init(enum log_level max)
{
    (void)max;
}
void log_set_sink(void (*sink)(void *arg, const char *line), void *arg)
{
    (void)sink, (void)arg;
}
/* The state machine says so when an event comes that cannot. */
void log_error(const char *fmt, ...)
{
    if (strstr(fmt, "cannot happen"))
        kernel_violation("P1", "an event that cannot happen in this state");
}
void log_warn(const char *fmt, ...)
{
    (void)fmt;
}
void log_info(const char *fmt, ...)
{
    (void)fmt;
}
void log_debug(const char *fmt, ...)
{
    (void)fmt;
}
void fatal(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(125);
}

void kernel_reset(void)
{
    for (int i = 0; i < EVENTS_MAX; i++)
        if (events[i])
            fatal("an event has survived");
    kernel = (struct kernel){.now_ms = 1000000};
    memset(channels, 0, sizeof channels);
    sys = &fake_sys;
}
