#include "taskd/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/config.h"
#include "taskd/identity.h"
#include "taskd/journal.h"
#include "taskd/ledger.h"
#include "taskd/log.h"
#include "taskd/supervisor_impl.h"
#include "taskd/sys.h"
#include "taskd/tree.h"

/* Processes that a dead life left behind are looked for a little later, so that a thousand ends read /proc once. */
enum { SWEEP_AFTER_MS = 50, LAST_SWEEPS = 250 };

/* --- pid -> task ------------------------------------------------------------------------------------------------ */

static int by_pid(const void *a, const void *b)
{
    pid_t x = task_life(a)->pid, y = task_life(b)->pid;
    return (x > y) - (x < y);
}

struct pid_key {
    pid_t pid;
};

static int pid_against_task(const void *key, const void *task)
{
    pid_t x = ((const struct pid_key *)key)->pid, y = task_life(task)->pid;
    return (x > y) - (x < y);
}

struct task *supervisor_task_by_pid(const struct supervisor *s, pid_t pid)
{
    struct pid_key key = {pid};
    void *node = tfind(&key, &s->by_pid, pid_against_task);
    return node ? *(struct task **)node : NULL;
}

/* --- strays: what a life leaves behind ------------------------------------------------------------------------------
 */

static bool is_leader(void *arg, pid_t pid)
{
    return supervisor_task_by_pid(arg, pid) != NULL;
}

static struct task *owner_of(struct supervisor *s, const char *handle)
{
    size_t len = strcspn(handle, "#");
    for (size_t i = 0; i < s->count; i++) {
        const char *id = task_id(s->tasks[i]);
        if (strncmp(id, handle, len) == 0 && id[len] == '\0')
            return s->tasks[i];
    }
    return NULL;
}

/* Also a life that is being killed: what has left its group is to die with it. A handle of nobody's is a stranger. */
static bool is_dead(void *arg, const char *handle)
{
    struct task *t = owner_of(arg, handle);
    if (!t)
        return false;
    const struct life *l = task_life(t);
    return l->pid <= 0 || strcmp(l->handle, handle) != 0 || task_state(t) == TASK_KILLING;
}

static void on_stray(void *arg, const char *handle, pid_t pid)
{
    struct supervisor *s = arg;
    struct task *t = owner_of(s, handle);
    if (t && task_life(t)->pid > 0 && strcmp(task_life(t)->handle, handle) == 0)
        task_count_stray(t);
    else
        log_warn("%s: left process %d behind: killed", handle, (int)pid);
}

static size_t sweep(struct supervisor *s)
{
    struct tree_sweep how = {.is_leader = is_leader, .is_dead = is_dead, .on_stray = on_stray, .arg = s};
    return tree_sweep(s->tree, &how);
}

static void arm_sweep(struct supervisor *s)
{
    struct timeval tv = {.tv_usec = SWEEP_AFTER_MS * 1000};
    if (!event_pending(s->sweep_timer, EV_TIMEOUT, NULL))
        event_add(s->sweep_timer, &tv);
}

static void on_sweep_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    if (sweep(arg) > 0)
        arm_sweep(arg); /* what was killed may have left children of its own */
}

/* --- the end of everything ------------------------------------------------------------------------------------------
 */

static void tell_state(struct supervisor *s)
{
    if (s->hooks.on_state)
        s->hooks.on_state(s->hooks.arg, s->state);
}

static bool all_over(const struct supervisor *s)
{
    return s->over == s->count;
}

/* In a running daemon a task that somebody stopped may be started again, so only tasks that ended for good count. */
static bool nothing_left(const struct supervisor *s)
{
    if (!all_over(s))
        return false;
    if (s->state == SUP_STOPPING || s->one_shot)
        return true;
    for (size_t i = 0; i < s->count; i++)
        if (task_state(s->tasks[i]) == TASK_STOPPED)
            return false;
    return true;
}

static void reap_strangers(struct supervisor *s);

static void end_if_over(struct supervisor *s)
{
    if (s->state == SUP_ENDED || !nothing_left(s))
        return;
    /* What was killed takes a moment to die, and its children a moment to become ours. */
    const struct timespec moment = {.tv_nsec = 2 * 1000 * 1000};
    for (int i = 0; i < LAST_SWEEPS; i++) {
        tree_forget(s->tree);
        if (sweep(s) == 0)
            break;
        nanosleep(&moment, NULL);
        reap_strangers(s);
    }
    reap_strangers(s);
    s->state = SUP_ENDED;
    tell_state(s);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct supervisor *s = arg;
    supervisor_waiters_check(s);
    end_if_over(s);
}

/* Waiters and the end are looked at from the loop, once a turn, never from inside a task's own business. */
void supervisor_settle(struct supervisor *s)
{
    event_active(s->settle, EV_TIMEOUT, 0);
}

/* --- news from tasks
 * -------------------------------------------------------------------------------------------------- */

static void on_task_state(void *arg, struct task *t, enum task_state before)
{
    struct supervisor *s = arg;
    s->over += (size_t)fsm_over(task_state(t)) - (size_t)fsm_over(before);
    if (s->hooks.on_change)
        s->hooks.on_change(s->hooks.arg, t);
    supervisor_settle(s);
}

static void on_task_change(void *arg, struct task *t)
{
    struct supervisor *s = arg;
    if (s->hooks.on_change)
        s->hooks.on_change(s->hooks.arg, t);
}

static void on_task_life(void *arg, struct task *t)
{
    struct supervisor *s = arg;
    s->lives++;
    if (!tsearch(t, &s->by_pid, by_pid))
        log_error("%s: no memory to remember process %d by", task_id(t), (int)task_life(t)->pid);
}

static void note_losses(struct supervisor *s, struct task *t, json_t *record)
{
    size_t i;
    json_t *unit;
    json_array_foreach (json_object_get(record, "lost"), i, unit)
        ledger_lost(s->ledger, task_config(t)->name, json_string_value(unit), task_life(t)->handle);
}

static void on_task_record(void *arg, struct task *t, json_t *record)
{
    struct supervisor *s = arg;
    const struct life *l = task_life(t);
    struct outcome_verdict v = life_verdict(l);
    s->units_done += l->units.done;
    s->units_failed += l->units.failed;
    s->spoken = s->spoken || l->spoken;
    bool killed = v.how == HOW_KILLED || v.how == HOW_ABORTED;
    s->killed += killed;
    s->unsure += killed && !l->spoken && s->state == SUP_STOPPING;
    note_losses(s, t, record);
    supervisor_waiters_record(s, t, record);
    if (s->hooks.on_record)
        s->hooks.on_record(s->hooks.arg, record);
}

static void on_task_unit_end(void *arg, struct task *t, const char *unit)
{
    struct supervisor *s = arg;
    ledger_ended(s->ledger, task_config(t)->name, unit);
}

static void on_task_output(void *arg, struct task *t, const char *line, size_t len)
{
    struct supervisor *s = arg;
    if (s->hooks.on_output)
        s->hooks.on_output(s->hooks.arg, t, line, len);
}

static bool may_task_output(void *arg)
{
    const struct supervisor *s = arg;
    return !s->hooks.may_output || s->hooks.may_output(s->hooks.arg);
}

/* Once for all tasks that are killed in this turn of the loop, and before any of them is reaped. */
static void on_task_kill(void *arg, struct task *t)
{
    (void)t;
    struct supervisor *s = arg;
    event_active(s->sweep_timer, EV_TIMEOUT, 0);
}

/* --- reaping ---------------------------------------------------------------------------------------------------------
 */

static bool reap_one(struct supervisor *s, bool *ret_leader)
{
    struct sys_exit ignored;
    pid_t pid = sys->next_exit();
    if (pid <= 0)
        return false;
    struct task *t = supervisor_task_by_pid(s, pid);
    *ret_leader = t != NULL;
    if (!t)
        return sys->reap(pid, &ignored) == 0;
    tdelete(t, &s->by_pid, by_pid);
    task_on_exit(t);
    return true;
}

/* A thousand exits may come as one SIGCHLD: goes on until nobody is left. */
void supervisor_reap(struct supervisor *s)
{
    bool leader = false, any_leader = false;
    while (reap_one(s, &leader))
        any_leader = any_leader || leader;
    if (any_leader && s->state != SUP_ENDED)
        arm_sweep(s);
}

static void reap_strangers(struct supervisor *s)
{
    bool leader;
    while (reap_one(s, &leader))
        ;
}

/* --- requests
 * ---------------------------------------------------------------------------------------------------------- */

void supervisor_start(struct supervisor *s)
{
    for (size_t i = 0; i < s->count; i++)
        task_start(s->tasks[i]);
    supervisor_settle(s);
}

int supervisor_stop(struct supervisor *s, const char *scope, const struct stop_request *req)
{
    int reached = 0;
    if (scope && !supervisor_scope_known(s, scope))
        return -ENOENT;
    bool first = !scope && s->state == SUP_RUNNING;
    if (first)
        s->state = SUP_STOPPING;
    for (size_t i = 0; i < s->count; i++) {
        struct task *t = s->tasks[i];
        if (!supervisor_in_scope(t, scope))
            continue;
        reached += !fsm_over(task_state(t));
        task_stop(t, req);
    }
    if (first)
        tell_state(s);
    supervisor_settle(s);
    return reached;
}

int supervisor_abort(struct supervisor *s, const char *scope)
{
    struct stop_request req = {.reason = STOP_CLI, .grace_ms = -1, .now = true};
    return supervisor_stop(s, scope, &req);
}

void supervisor_told_by(struct supervisor *s, int signo)
{
    if (!s->shared.told_by)
        s->shared.told_by = signo;
}

/* --- making
 * ---------------------------------------------------------------------------------------------------------------- */

static int make_tasks(struct supervisor *s)
{
    size_t total = 0;
    for (size_t i = 0; i < s->config->workers_count; i++)
        total += (size_t)s->config->workers[i].replicas;
    s->tasks = calloc(total ? total : 1, sizeof(struct task *));
    s->identities = calloc(s->config->workers_count ? s->config->workers_count : 1, sizeof *s->identities);
    if (!s->tasks || !s->identities)
        return -ENOMEM;
    for (size_t i = 0; i < s->config->workers_count; i++) {
        const struct worker_config *c = &s->config->workers[i];
        int r = identity_resolve(c, &s->identities[i]);
        if (r < 0)
            return r;
        for (unsigned n = 1; n <= c->replicas; n++) {
            struct task *t = task_new(&s->shared, c, &s->identities[i], n);
            if (!t)
                return -ENOMEM;
            s->tasks[s->count++] = t;
        }
    }
    s->over = s->count;
    return 0;
}

static int make_parts(struct supervisor *s)
{
    s->tree = s->shared.tree = tree_new();
    s->ledger = ledger_new();
    s->sweep_timer = evtimer_new(s->base, on_sweep_timer, s);
    s->settle = evtimer_new(s->base, on_settle, s);
    return s->tree && s->ledger && s->sweep_timer && s->settle ? 0 : -ENOMEM;
}

int supervisor_new(struct event_base *base, const struct config *config, struct journal *journal,
                   const struct supervisor_options *options, const struct supervisor_hooks *hooks,
                   struct supervisor **ret)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base = base;
    s->config = config;
    s->hooks = *hooks;
    s->one_shot = options->one_shot;
    s->started_ms = sys->now_ms();
    s->shared = (struct task_shared){
        .base = base,
        .journal = journal,
        .nofile = options->nofile,
        .capture = options->capture,
        .stdin_fd = options->stdin_fd,
        .hooks = {.on_state = on_task_state,
                  .on_change = on_task_change,
                  .on_life = on_task_life,
                  .on_record = on_task_record,
                  .on_unit_end = on_task_unit_end,
                  .on_output = on_task_output,
                  .may_output = may_task_output,
                  .on_kill = on_task_kill,
                  .arg = s},
    };
    int r = make_parts(s);
    if (r == 0)
        r = make_tasks(s);
    /* Orphans of a worker come to taskd, where they can be found and reaped, and not to init. */
    if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        r = -errno;
    if (r < 0) {
        supervisor_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void ignore_node(void *node)
{
    (void)node;
}

void supervisor_free(struct supervisor *s)
{
    if (!s)
        return;
    supervisor_waiters_free(s);
    tdestroy(s->by_pid, ignore_node);
    for (size_t i = 0; i < s->count; i++)
        task_free(s->tasks[i]);
    for (size_t i = 0; s->identities && i < s->config->workers_count; i++)
        identity_clear(&s->identities[i]);
    if (s->sweep_timer)
        event_free(s->sweep_timer);
    if (s->settle)
        event_free(s->settle);
    tree_free(s->tree);
    ledger_free(s->ledger);
    free(s->identities);
    free(s->tasks);
    free(s->socket);
    free(s);
}
