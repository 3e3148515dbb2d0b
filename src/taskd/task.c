#include "taskd/task.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto.h"
#include "common/quantity.h"
#include "taskd/channel.h"
#include "taskd/journal.h"
#include "taskd/launch.h"
#include "taskd/log.h"
#include "taskd/output.h"
#include "taskd/restart.h"
#include "taskd/task_impl.h"
#include "taskd/tree.h"

/* How often a tree that does not die is killed again, and when a process counts as unkillable (it sleeps in the kernel). */
enum { KILL_AGAIN_MS = 1000, UNKILLABLE_TRIES = 5 };

static void task_feed(struct task *t, enum task_event event);

static int64_t now(void)
{
    return sys->now_ms();
}

static void arm(struct event *timer, int64_t ms)
{
    if (ms == DURATION_INFINITY) {
        event_del(timer);
        return;
    }
    if (ms < 0)
        ms = 0;
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    event_add(timer, &tv);
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

static int64_t state_timer_ms(const struct task *t)
{
    switch (fsm_timer(t->state)) {
    case TIMER_START:
        return t->config->start_timeout;
    case TIMER_PRE_STOP:
        return t->config->pre_stop;
    case TIMER_GRACE:
        return t->life.deadline_ms == DURATION_INFINITY ? DURATION_INFINITY : t->life.deadline_ms - now();
    case TIMER_TERM:
        return t->config->term_timeout;
    case TIMER_KILL:
        return KILL_AGAIN_MS;
    case TIMER_BACKOFF:
        return t->backoff_ms;
    default:
        return DURATION_INFINITY;
    }
}

void task_arm_state_timer(struct task *t)
{
    arm(t->timer, state_timer_ms(t));
}

static void on_state_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    if (t->state == TASK_STARTING)
        t->life.cause = CAUSE_START_TIMEOUT;
    /* What it has already said counts: an `end` or an `extend` that can be read beats the deadline. */
    if (t->state == TASK_STOPPING && channel_open(t->channel)) {
        channel_poll(t->channel);
        if (t->life.deadline_ms > now()) {
            task_arm_state_timer(t);
            return;
        }
    }
    bool term = t->state == TASK_STOPPING && t->config->term_timeout > 0;
    task_feed(t, term ? ON_GRACE_TERM : ON_TIMEOUT);
}

void task_arm_unit_timer(struct task *t)
{
    int64_t deadline = units_deadline(&t->life.units);
    arm(t->unit_timer, deadline == DURATION_INFINITY ? deadline : deadline - now());
}

static void on_unit_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct task *t = arg;
    if (channel_open(t->channel))
        channel_poll(t->channel);
    const struct unit *late = units_overdue(&t->life.units, now());
    if (!late) {
        task_arm_unit_timer(t);
        return;
    }
    char shown[200];
    log_warn("%s: unit %s is over its time of %lld ms", t->id, text_printable(late->id, strlen(late->id), shown, sizeof shown),
             (long long)late->timeout_ms);
    t->life.cause = CAUSE_UNIT_TIMEOUT;
    task_feed(t, ON_FAULT);
}

/* --- what the state machine asks for ----------------------------------------------------------------------------- */

void task_signal_leader(struct task *t, int sig, enum end_sent sent)
{
    if (t->life.pid <= 0)
        return;
    int r = sys->kill_leader(t->life.pidfd, sig);
    if (r < 0 && r != -ESRCH)
        log_error("%s: send signal %d to process %d: %s", t->id, sig, (int)t->life.pid, strerror(-r));
    if (r == 0) {
        t->life.sent = sent;
        t->life.sent_signal = sig;
    }
}

static void do_send_stop(struct task *t)
{
    struct life *l = &t->life;
    /* Whether it has ever spoken decides between a word and a signal, so what it has said so far is read first. */
    if (channel_open(t->channel))
        channel_poll(t->channel);
    bool heard = task_send_stop(t);
    if (!l->spoken || (t->config->given & GIVEN_STOP_SIGNAL))
        task_signal_leader(t, t->config->stop_signal, SENT_STOP_SIGNAL);
    else if (!heard)
        task_stop_deaf(t);
    /* A suspended worker could neither hear nor finish. */
    sys->kill_group(l->pid, SIGCONT);
}

/* A worker that has closed its channel can only be told by a signal; one that has given its result is on its way out. */
void task_stop_deaf(struct task *t)
{
    if (t->life.has_result || t->life.sent != SENT_NOTHING)
        return;
    t->life.deaf = true;
    task_signal_leader(t, t->config->stop_signal, SENT_STOP_SIGNAL);
}

static void do_send_term(struct task *t)
{
    task_signal_leader(t, SIGTERM, SENT_KILL);
}

static void kill_everything(struct task *t)
{
    t->life.tree_killed += tree_kill(t->shared->tree, t->life.pid);
    sys->kill_group(t->life.pid, SIGKILL);
    t->shared->hooks.on_kill(t->shared->hooks.arg, t);
}

static void kill_tree(struct task *t, enum end_sent sent)
{
    t->kill_tries = 0;
    /* The leader last would let it answer its children's death; it is frozen by being first. */
    task_signal_leader(t, SIGKILL, sent);
    kill_everything(t);
}

static void do_kill_grace(struct task *t)
{
    const struct unit *u = units_oldest(&t->life.units);
    char shown[200] = "no unit in flight";
    if (u)
        text_printable(u->id, strlen(u->id), shown, sizeof shown);
    log_warn("%s: still running at its deadline (%s): killed", t->id, shown);
    kill_tree(t, SENT_KILL);
}

static void do_kill_fault(struct task *t)
{
    log_warn("%s: killed: %s", t->id, cause_name(t->life.cause));
    kill_tree(t, SENT_FAULT);
}

static void do_kill_abort(struct task *t)
{
    kill_tree(t, SENT_ABORT);
}

static void do_kill_again(struct task *t)
{
    if (++t->kill_tries == UNKILLABLE_TRIES)
        log_error("%s: process %d does not die of SIGKILL (it hangs in the kernel): still waiting", t->id, (int)t->life.pid);
    sys->kill_leader(t->life.pidfd, SIGKILL);
    kill_everything(t);
}

static void do_spawn(struct task *t);

static void act(struct task *t, unsigned actions)
{
    static const struct {
        enum task_action action;
        void (*run)(struct task *);
    } table[] = {
        {ACT_SPAWN, do_spawn},           {ACT_SEND_STOP, do_send_stop},   {ACT_SEND_TERM, do_send_term},
        {ACT_KILL_GRACE, do_kill_grace}, {ACT_KILL_FAULT, do_kill_fault}, {ACT_KILL_ABORT, do_kill_abort},
        {ACT_KILL_AGAIN, do_kill_again},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (actions & table[i].action)
            table[i].run(t);
}

/* The one place where a task's state changes. */
static void task_feed(struct task *t, enum task_event event)
{
    struct fsm_step step;
    enum task_state before = t->state;
    if (!fsm_next(t->state, event, &step)) {
        log_error("%s: %s cannot happen while %s: ignored", t->id, task_event_name(event), task_state_name(t->state));
        return;
    }
    if (!step.moved)
        return;
    t->state = step.next;
    task_arm_state_timer(t);
    if (t->state != before)
        t->shared->hooks.on_state(t->shared->hooks.arg, t, before);
    act(t, step.actions);
}

void task_ready(struct task *t)
{
    task_feed(t, ON_READY);
}

void task_changed(struct task *t)
{
    t->shared->hooks.on_change(t->shared->hooks.arg, t);
}

/* --- a life's end -------------------------------------------------------------------------------------------------- */

static void keep_record(struct task *t)
{
    json_t *record = life_record(&t->life, t->config->name, t->id, now());
    if (!record) {
        log_error("%s: no memory for its record", t->life.handle);
        return;
    }
    int r = journal_append(t->shared->journal, record);
    if (r < 0)
        log_error("%s: its record is not in the journal %s: %s", t->life.handle, journal_dir(t->shared->journal), strerror(-r));
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

static enum task_event after_end(struct task *t, enum outcome outcome)
{
    static const enum task_event events[] = {
        [VERDICT_DOWN] = ON_ENDED_DOWN,
        [VERDICT_RETRY] = ON_ENDED_RETRY,
        [VERDICT_DONE] = ON_ENDED_DONE,
        [VERDICT_FAILED] = ON_ENDED_FAILED,
    };
    struct restart_question q = {
        .wanted_up = t->wanted, .outcome = outcome, .lived_ms = now() - t->life.began_ms, .now_ms = now()};
    enum restart_verdict v = restart_decide(t->config, &q, &t->history, &t->backoff_ms);
    if (t->history.limited)
        log_error("%s: failed: restarted %lld times within its restart_limit's interval", t->id,
                  (long long)t->config->restart_count);
    return events[v];
}

/* Everything that could be read has been read: the outcome is decided, recorded, and the task moves on. */
static void close_life(struct task *t)
{
    struct life *l = &t->life;
    clock_gettime(CLOCK_REALTIME, &l->ended);
    if (l->stop_pending)
        l->waited_ms = now() - l->stop_ms;
    event_del(t->unit_timer);
    channel_free(t->channel);
    t->channel = NULL;
    output_free(t->output);
    t->output = NULL;
    enum outcome outcome = life_verdict(l).outcome;
    keep_record(t);
    if (t->last)
        log_end(t, outcome);
    enum task_event next = after_end(t, outcome);
    l->pid = 0;
    task_feed(t, next);
}

void task_on_exit(struct task *t)
{
    struct life *l = &t->life;
    pid_t pid = l->pid;
    /* While the leader is a zombie the group's number is still its own. */
    sys->kill_group(pid, SIGKILL);
    int r = sys->reap(pid, &l->exit);
    if (r < 0) {
        log_error("%s: reap process %d: %s", t->id, (int)pid, strerror(-r));
        return;
    }
    if (t->output)
        output_drain(t->output);
    if (t->channel)
        channel_drain(t->channel);
    close_life(t);
}

void task_kill_again(struct task *t)
{
    do_kill_again(t);
}

/* --- a life's beginning -------------------------------------------------------------------------------------------- */

static void on_output(void *arg, const char *line, size_t len)
{
    struct task *t = arg;
    t->shared->hooks.on_output(t->shared->hooks.arg, t, line, len);
}

static int open_output(struct task *t, int *ret_fd)
{
    *ret_fd = -1;
    if (!t->shared->capture || t->config->log_to != LOG_TO_INHERIT)
        return 0;
    return output_new(t->shared->base, on_output, t, &t->output, ret_fd);
}

static int begin_life(struct task *t)
{
    uint64_t number = 0;
    int r = journal_next_life(t->shared->journal, &number);
    life_clear(&t->life);
    t->life.attempt = ++t->attempts;
    t->life.began_ms = now();
    clock_gettime(CLOCK_REALTIME, &t->life.began);
    snprintf(t->life.handle, sizeof t->life.handle, "%s#%llu", t->id, (unsigned long long)number);
    return r;
}

static int run_life(struct task *t, struct spawn_result *res)
{
    int channel = -1, output = -1;
    *res = (struct spawn_result){.pid = -1, .pidfd = -1, .step = "open the output pipe"};
    int r = open_output(t, &output);
    if (r < 0)
        return r;
    struct launch l = {
        .config = t->config,
        .identity = t->identity,
        .task = t->id,
        .handle = t->life.handle,
        .attempt = t->life.attempt,
        .stdin_fd = t->shared->stdin_fd,
        .output_fd = output,
        .nofile = &t->shared->nofile,
    };
    r = launch(&l, res, &channel);
    fd_close(&output);
    if (r == 0 && channel >= 0)
        task_open_channel(t, channel);
    return r;
}

static void do_spawn(struct task *t)
{
    struct spawn_result res = {.pid = -1, .pidfd = -1, .step = "number the life"};
    int r = begin_life(t);
    if (r == 0)
        r = run_life(t, &res);
    if (r < 0) {
        t->life.exec_error = -r;
        t->life.exec_step = res.step;
        close_life(t);
        return;
    }
    t->life.pid = res.pid;
    t->life.pidfd = res.pidfd;
    t->shared->hooks.on_life(t->shared->hooks.arg, t);
    /* Without a start_timeout nobody has promised to say `ready`. */
    if (t->config->start_timeout == DURATION_INFINITY)
        task_feed(t, ON_READY);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

void task_start(struct task *t)
{
    t->wanted = true;
    t->history = (struct restart_history){0};
    task_feed(t, ON_START);
}

static int64_t grace_of(const struct task *t, const struct stop_request *req)
{
    return req->grace_ms >= 0 ? req->grace_ms : t->config->stop_timeout;
}

static int64_t after(int64_t ms)
{
    return ms == DURATION_INFINITY ? DURATION_INFINITY : now() + ms;
}

/* The grace period begins when the stop goes out, which is after pre_stop. */
static void note_stop(struct task *t, const struct stop_request *req)
{
    struct life *l = &t->life;
    bool first = !l->stop_pending;
    int64_t delay = t->state == TASK_STARTING || t->state == TASK_RUNNING ? t->config->pre_stop : 0;
    int64_t grace = grace_of(t, req);
    int64_t deadline = grace == DURATION_INFINITY ? DURATION_INFINITY : after(delay + grace);
    if (first) {
        l->stop_pending = true;
        l->stop_ms = now();
        l->reason = req->reason;
        l->stop_signo = req->reason == STOP_SIGNAL ? t->shared->told_by : 0;
        l->deadline_ms = deadline;
    } else if (deadline < l->deadline_ms) {
        l->deadline_ms = deadline;
        if (t->state == TASK_STOPPING)
            task_send_stop(t);
    }
}

/* Begins a stop of the living process; whether another life follows is `wanted`'s business. */
void task_end_life(struct task *t, const struct stop_request *req)
{
    if (fsm_alive(t->state))
        note_stop(t, req);
    if (req->now)
        task_feed(t, ON_ABORT);
    else
        task_feed(t, t->config->pre_stop > 0 ? ON_PRE_STOP : ON_STOP);
}

void task_stop(struct task *t, const struct stop_request *req)
{
    t->wanted = false;
    task_end_life(t, req);
}

/* --- making and asking ------------------------------------------------------------------------------------------- */

struct task *task_new(const struct task_shared *shared, const struct worker_config *config, const struct identity *identity,
                      unsigned number)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->shared = shared;
    t->config = config;
    t->identity = identity;
    t->state = TASK_STOPPED;
    t->life.pidfd = -1;
    t->timer = evtimer_new(shared->base, on_state_timer, t);
    t->unit_timer = evtimer_new(shared->base, on_unit_timer, t);
    if (!t->timer || !t->unit_timer || asprintf(&t->id, "%s@%u", config->name, number) < 0) {
        t->id = NULL;
        task_free(t);
        return NULL;
    }
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    if (t->timer)
        event_free(t->timer);
    if (t->unit_timer)
        event_free(t->unit_timer);
    channel_free(t->channel);
    output_free(t->output);
    life_clear(&t->life);
    json_decref(t->last);
    free(t->id);
    free(t);
}

const char *task_id(const struct task *t)
{
    return t->id;
}

const struct worker_config *task_config(const struct task *t)
{
    return t->config;
}

enum task_state task_state(const struct task *t)
{
    return t->state;
}

const struct life *task_life(const struct task *t)
{
    return &t->life;
}

struct life *task_life_mut(struct task *t)
{
    return &t->life;
}

json_t *task_last(const struct task *t)
{
    return t->last;
}

int task_last_status(const struct task *t)
{
    return t->last_status;
}

bool task_wanted(const struct task *t)
{
    return t->wanted;
}

unsigned task_restarts(const struct task *t)
{
    return t->attempts ? t->attempts - 1 : 0;
}

bool task_restart_limited(const struct task *t)
{
    return t->history.limited;
}
