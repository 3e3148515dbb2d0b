/* Where one life begins and where it ends: the start, the record, and what comes next. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/cgroup.h"
#include "taskd/channel.h"
#include "taskd/journal.h"
#include "taskd/launch.h"
#include "taskd/log.h"
#include "taskd/notify_socket.h"
#include "taskd/output.h"
#include "taskd/readiness.h"
#include "taskd/task_impl.h"

/* --- a life's end --------------------------------------------------------------------------------------------------
 */

static void keep_record(struct task *t)
{
    json_t *record = life_record(&t->life, t->config->name, t->id, sys->now_ms());
    if (!record) {
        log_error("%s: no memory for its record", t->life.handle);
        return;
    }
    int r = journal_append(t->shared->journal, record);
    if (r < 0)
        log_error("%s: its record is not in the journal %s: %s", t->life.handle, journal_dir(t->shared->journal),
                  strerror(-r));
    json_decref(t->last);
    t->last = record;
    t->last_status = life_exit_status(&t->life);
    t->shared->hooks.on_record(t->shared->hooks.arg, t, record);
}

static void log_end(const struct task *t, enum outcome outcome)
{
    const json_t *error = json_object_get(t->last, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    if (outcome == OUTCOME_UNSTARTED)
        log_error("%s: cannot start %s: %s", t->id, t->config->command[0], message);
    else if (outcome == OUTCOME_FAILED || outcome == OUTCOME_PANICKED)
        log_warn("%s: %s: %s", t->id, outcome_name(outcome), message);
}

/* A run of a periodic task is over, well or badly: the next one comes at its time. */
static enum task_event after_run(struct task *t)
{
    bool again = t->queued;
    t->queued = false;
    t->history = (struct restart_history){0};
    t->backoff_ms = 0;
    return again ? ON_ENDED_RETRY : ON_ENDED_WAIT;
}

static enum task_event after_end(struct task *t, enum outcome outcome)
{
    static const enum task_event events[] = {
        [VERDICT_DOWN] = ON_ENDED_DOWN,
        [VERDICT_RETRY] = ON_ENDED_RETRY,
        [VERDICT_DONE] = ON_ENDED_DONE,
        [VERDICT_FAILED] = ON_ENDED_FAILED,
    };
    const struct units *u = &t->life.units;
    struct restart_question q = {.wanted_up = t->wanted,
                                 .replaced = t->replaced,
                                 .once = t->spawned,
                                 .outcome = outcome,
                                 .units = u->done + u->failed,
                                 .lived_ms = sys->now_ms() - t->life.began_ms,
                                 .now_ms = sys->now_ms(),
                                 .dice = 2 * sys->dice() - 1};
    enum restart_verdict v = restart_decide(t->config, &q, &t->history, &t->backoff_ms);
    if (t->history.limited)
        log_error("%s: failed: restarted %lld times within its restart_limit's interval", t->id,
                  (long long)t->config->restart_count);
    if (task_periodic(t) && (v == VERDICT_DONE || v == VERDICT_FAILED))
        return after_run(t);
    if (!q.replaced && (v == VERDICT_FAILED || (v == VERDICT_RETRY && outcome != OUTCOME_CANCELLED)))
        t->shared->hooks.on_verdict(t->shared->hooks.arg, t, v == VERDICT_FAILED);
    return events[v];
}

static bool is_success(const struct worker_config *c, int code)
{
    for (size_t i = 0; i < c->success_exit_count; i++)
        if (c->success_exit[i] == code)
            return true;
    return false;
}

/* A life that broke off without a checkpoint of its own has not used up the one that it was given. */
static void hand_over(struct task *t, enum outcome outcome)
{
    if (!t->life.resume && outcome != OUTCOME_OK)
        return;
    json_decref(t->resume);
    t->resume = json_incref(t->life.resume);
}

/* Everything that could be read has been read: the outcome is decided, recorded, and the task moves on. */
static void close_life(struct task *t)
{
    struct life *l = &t->life;
    clock_gettime(CLOCK_REALTIME, &l->ended);
    l->code_is_success = is_success(t->config, l->exit.code);
    if (l->stop_pending)
        l->waited_ms = sys->now_ms() - l->stop_ms;
    event_del(t->watch_timer);
    t->watch_due_ms = DURATION_INFINITY;
    channel_free(t->channel);
    t->channel = NULL;
    readiness_free(t->readiness);
    t->readiness = NULL;
    notify_socket_free(t->notify);
    t->notify = NULL;
    output_free(t->output);
    t->output = NULL;
    enum outcome outcome = life_verdict(l).outcome;
    keep_record(t);
    if (t->last)
        log_end(t, outcome);
    hand_over(t, outcome);
    t->returns = t->returns && t->replaced;
    enum task_event next = after_end(t, outcome);
    l->pid = 0;
    t->replaced = t->is_held = false;
    t->due = STOP_NONE;
    task_feed(t, next);
}

void task_on_exit(struct task *t)
{
    struct life *l = &t->life;
    pid_t pid = l->pid;
    /* While the leader is a zombie the group's number is still its own. */
    sys->kill_group(pid, SIGKILL);
    if (t->cgroup) {
        task_count_killed(t, cgroup_kill(t->cgroup, pid));
        l->oom_kill = cgroup_had_oom_kill(t->cgroup);
    }
    /* While it is a zombie it can still be told whose notices these are. */
    notify_socket_poll(t->notify);
    int r = sys->reap(pid, &l->exit);
    if (r < 0) {
        log_error("%s: reap process %d: %s", t->id, (int)pid, strerror(-r));
        return;
    }
    l->pid = 0; /* from here on the number may be somebody else's */
    if (t->output)
        output_drain(t->output);
    if (t->channel)
        channel_drain(t->channel);
    close_life(t);
}

/* --- a life's beginning --------------------------------------------------------------------------------------------
 */

/* A full disk keeps no worker from starting. */
static void begin_life(struct task *t)
{
    uint64_t number = 0;
    int r = journal_next_life(t->shared->journal, &number);
    if (r < 0)
        log_error("%s: its number is not kept in %s: %s", t->id, journal_dir(t->shared->journal), strerror(-r));
    life_clear(&t->life);
    task_take_definition(t);
    t->queued = false;
    t->life.attempt = ++t->attempts;
    t->life.began_ms = sys->now_ms();
    clock_gettime(CLOCK_REALTIME, &t->life.began);
    snprintf(t->life.handle, sizeof t->life.handle, "%s#%llu", t->id, (unsigned long long)number);
}

/* A task's control group is made once and used by all its lives. */
static int open_cgroup(struct task *t, int *ret_procs)
{
    *ret_procs = -1;
    if (!t->shared->cgroups) {
        if (t->config->memory_max + t->config->pids_max + t->config->cpu_weight > 0 && t->attempts == 1 &&
            t->number == 1)
            log_warn("%s: memory_max, pids_max and cpu_weight need a control group: see daemon.cgroup in taskd.json(5)",
                     t->config->name);
        return 0;
    }
    int r = t->cgroup ? 0 : cgroup_new(t->shared->cgroups, t->id, &t->cgroup);
    if (r < 0)
        return r;
    cgroup_begin_life(t->cgroup, t->config);
    if (*cgroup_unset(t->cgroup) && t->attempts == 1)
        log_warn("%s: could not be set in its control group: %s", t->id, cgroup_unset(t->cgroup));
    r = *ret_procs = cgroup_open_procs(t->cgroup);
    return r < 0 ? r : 0;
}

static void on_readiness(void *arg)
{
    talk_ready(arg);
}

static int open_readiness(struct task *t, int *ret_fd)
{
    *ret_fd = -1;
    if (t->config->ready != READY_FD)
        return 0;
    return readiness_new(t->shared->base, on_readiness, t, &t->readiness, ret_fd);
}

static int open_notify(struct task *t, int *ret_fd)
{
    (void)ret_fd;
    return talk_open_notify(t);
}

/* What a child is given besides its program: all of it is closed here after the start. */
struct gifts {
    int output, procs, ready;
};

static int open_gifts(struct task *t, struct gifts *g, const char **ret_step)
{
    const struct {
        const char *step;
        int (*open)(struct task *, int *ret_fd);
        int *fd;
    } rows[] = {
        {"open its log", task_log_open, &g->output},
        {"make its control group", open_cgroup, &g->procs},
        {"open the readiness pipe", open_readiness, &g->ready},
        {"open its NOTIFY_SOCKET", open_notify, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = rows[i].open(t, rows[i].fd);
        *ret_step = rows[i].step;
        if (r < 0)
            return r;
    }
    return 0;
}

static int start_with(struct task *t, const struct gifts *g, struct spawn_result *res)
{
    int channel = -1;
    struct launch l = {
        .config = t->config,
        .identity = &t->definition->identity,
        .task = t->id,
        .handle = t->life.handle,
        .sockets = &t->definition->sockets,
        .attempt = t->life.attempt,
        .stdin_fd = t->shared->stdin_fd,
        .output_fd = g->output,
        .cgroup_fd = g->procs,
        .ready_fd = g->ready,
        .notify_path = t->notify ? notify_socket_path(t->notify) : NULL,
        .nofile = &t->shared->nofile,
    };
    int r = launch(&l, res, &channel);
    if (r == 0 && channel >= 0)
        talk_open(t, channel);
    return r;
}

static int run_life(struct task *t, struct spawn_result *res)
{
    struct gifts g = {.output = -1, .procs = -1, .ready = -1};
    *res = (struct spawn_result){.pid = -1, .pidfd = -1};
    int r = open_gifts(t, &g, &res->step);
    if (r == 0)
        r = start_with(t, &g, res);
    fd_close(&g.output);
    fd_close(&g.procs);
    fd_close(&g.ready);
    return r;
}

void turnover_spawn(struct task *t)
{
    struct spawn_result res;
    begin_life(t);
    int r = run_life(t, &res);
    if (r < 0) {
        t->life.exec_error = -r;
        t->life.exec_step = res.step;
        close_life(t);
        return;
    }
    t->life.pid = res.pid;
    t->life.pidfd = res.pidfd;
    watch_begin(t);
    t->shared->hooks.on_life(t->shared->hooks.arg, t);
    if (!worker_announces(t->config))
        task_feed(t, ON_READY);
}
