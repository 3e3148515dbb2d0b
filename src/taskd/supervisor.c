#include "taskd/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/text.h"
#include "taskd/agenda.h"
#include "taskd/config.h"
#include "taskd/journal.h"
#include "taskd/ledger.h"
#include "taskd/log.h"
#include "taskd/logs.h"
#include "taskd/poison.h"
#include "taskd/supervisor_impl.h"
#include "taskd/sys.h"
#include "taskd/tree.h"

/* --- the end of everything --------------------------------------------------------------------------------------- */

static void tell_state(struct supervisor *s)
{
    if (s->hooks.on_state)
        s->hooks.on_state(s->hooks.arg, s->state);
}

static size_t count_tasks(const struct supervisor *s, bool (*counts)(const struct task *))
{
    size_t n = 0;
    for (size_t i = 0; i < s->workers_count; i++)
        for (size_t j = 0; j < s->workers[i]->count; j++)
            n += counts(s->workers[i]->tasks[j]);
    return n;
}

static bool waits_for_others(const struct task *t)
{
    return task_state(t) == TASK_WAITING && !task_periodic(t);
}

static bool is_stopped(const struct task *t)
{
    return task_state(t) == TASK_STOPPED;
}

/* In a running daemon a task that somebody stopped may be started again, so only tasks that ended for good count. */
static bool nothing_left(const struct supervisor *s)
{
    if (s->state == SUP_STOPPING || s->one_shot)
        return s->over == s->count && (s->state == SUP_STOPPING || count_tasks(s, task_drained) == 0);
    /* Who waits for others waits in vain when all of them are down. */
    if (s->count == 0 || s->over + s->waiting < s->count || s->over + count_tasks(s, waits_for_others) < s->count)
        return false;
    return count_tasks(s, is_stopped) == 0;
}

static void end_if_over(struct supervisor *s)
{
    if (s->state == SUP_ENDED || !nothing_left(s))
        return;
    if (s->state == SUP_RUNNING && count_tasks(s, waits_for_others) > 0)
        log_error("all that is left waits for workers that are down (after): there is nothing to run any more");
    reap_leftovers(s);
    s->state = SUP_ENDED;
    news_daemon(s, "ended");
    tell_state(s);
}

/* --- what depends on others ----------------------------------------------------------------------------------------
 */

static bool pick_all(const struct task *t, const void *arg)
{
    (void)arg;
    return !task_spawned(t) || task_wanted(t);
}

static void obey_on_failed(struct supervisor *s)
{
    static const struct stop_request req = {.reason = STOP_DEPS, .grace_ms = -1};
    if (!s->failed || s->state != SUP_RUNNING)
        return;
    s->failed = false;
    if (s->on_failed == ON_FAILED_IGNORE)
        return;
    log_error("a task has failed for good: everything is stopped (on_failed)");
    if (s->on_failed == ON_FAILED_EXIT)
        supervisor_stop(s, NULL, &req);
    else
        requests_stop(s, &req, pick_all, NULL);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct supervisor *s = arg;
    obey_on_failed(s);
    strategy_settle(s);
    rollout_advance(s);
    order_release(s);
    crew_prune(s);
    supervisor_waiters_check(s);
    end_if_over(s);
}

void supervisor_settle(struct supervisor *s)
{
    event_active(s->settle, EV_TIMEOUT, 0);
}

/* --- news from tasks -----------------------------------------------------------------------------------------------
 */

static void on_task_change(void *arg, struct task *t)
{
    struct supervisor *s = arg;
    if (s->hooks.on_change)
        s->hooks.on_change(s->hooks.arg, t);
}

static void on_task_state(void *arg, struct task *t, enum task_state before)
{
    struct supervisor *s = arg;
    enum task_state now = task_state(t);
    s->over += (size_t)fsm_over(now) - (size_t)fsm_over(before);
    s->waiting += (size_t)(now == TASK_WAITING) - (size_t)(before == TASK_WAITING);
    s->failed = s->failed || (now == TASK_FAILED && !task_spawned(t));
    news_state(s, t, before);
    on_task_change(s, t);
    supervisor_settle(s);
}

static void on_task_life(void *arg, struct task *t)
{
    struct supervisor *s = arg;
    s->lives++;
    reap_remember(s, t);
    news_life(s, t);
}

static bool is_death(enum outcome o)
{
    return o == OUTCOME_FAILED || o == OUTCOME_PANICKED;
}

static void note_suspect(struct supervisor *s, struct task *t, const char *unit)
{
    const struct worker_config *c = task_config(t);
    char shown[200];
    if (poison_death(s->poison, c->name, unit) != c->poison_limit)
        return;
    news_poison(s, c->name, unit, (unsigned)c->poison_limit);
    log_error("%s: unit %s was in flight at %lld deaths: further lives are told to avoid it", c->name,
              text_printable(unit, strlen(unit), shown, sizeof shown), (long long)c->poison_limit);
}

static void note_losses(struct supervisor *s, struct task *t, json_t *record, bool death)
{
    size_t i;
    json_t *unit;
    json_array_foreach (json_object_get(record, "lost"), i, unit) {
        ledger_lost(s->ledger, task_config(t)->name, json_string_value(unit), task_life(t)->handle);
        news_lost(s, t, json_string_value(unit));
        if (death)
            note_suspect(s, t, json_string_value(unit));
    }
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
    news_record(s, record);
    note_losses(s, t, record, is_death(v.outcome));
    supervisor_waiters_record(s, t, record);
    if (s->hooks.on_record)
        s->hooks.on_record(s->hooks.arg, record);
}

static void on_task_unit_begin(void *arg, struct task *t, const char *unit)
{
    news_unit_begin(arg, t, unit);
}

static void on_task_unit_end(void *arg, struct task *t, const char *unit, bool ok)
{
    struct supervisor *s = arg;
    ledger_ended(s->ledger, task_config(t)->name, unit);
    poison_cleared(s->poison, task_config(t)->name, unit);
    news_unit_end(s, t, unit, ok);
    if (s->waiters)
        supervisor_settle(s);
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

static void on_task_kill(void *arg, struct task *t)
{
    (void)t;
    reap_sweep_soon(arg);
}

static void on_task_due(void *arg, struct task *t)
{
    struct supervisor *s = arg;
    (void)t;
    s->due++;
    supervisor_settle(s);
}

static bool may_task_start(void *arg, const struct task *t)
{
    return order_may_start(arg, t);
}

static json_t *task_avoids(void *arg, const struct task *t)
{
    const struct supervisor *s = arg;
    return poison_list(s->poison, task_config(t)->name, task_config(t)->poison_limit);
}

static void on_task_verdict(void *arg, struct task *t, bool failed)
{
    strategy_death(arg, t, failed);
}

/* --- making --------------------------------------------------------------------------------------------------------
 */

/* Workers of the configuration, without their tasks. */
static int make_workers(struct supervisor *s, struct config *config, const struct endpoints *endpoints)
{
    for (size_t i = 0; i < config->workers_count; i++) {
        struct worker *w = crew_add_worker(s, config->workers[i].name);
        struct definition *d = NULL;
        if (!w)
            return -ENOMEM;
        int r = definition_new(&config->workers[i], endpoints, &d);
        if (r < 0)
            return r;
        crew_define(w, d);
        w->configured = true;
        timetable_set(s, w);
        for (int64_t n = 0; n < d->config.replicas; n++)
            if (!crew_add_task(s, w, d, false, NULL))
                return -ENOMEM;
    }
    crew_order(s);
    return order_link(s);
}

static int make_parts(struct supervisor *s)
{
    s->tree = s->shared.tree = tree_new();
    s->shared.logs = logs_new(s->base);
    s->ledger = ledger_new();
    s->poison = poison_new();
    s->sweep_timer = evtimer_new(s->base, on_reap_timer, s);
    s->settle = evtimer_new(s->base, on_settle, s);
    if (!s->tree || !s->shared.logs || !s->ledger || !s->poison || !s->sweep_timer || !s->settle)
        return -ENOMEM;
    return timetable_open(s);
}

static const struct task_hooks task_hooks = {
    .on_state = on_task_state,
    .on_change = on_task_change,
    .on_life = on_task_life,
    .on_record = on_task_record,
    .on_unit_begin = on_task_unit_begin,
    .on_unit_end = on_task_unit_end,
    .on_output = on_task_output,
    .may_output = may_task_output,
    .on_kill = on_task_kill,
    .on_due = on_task_due,
    .may_start = may_task_start,
    .avoid = task_avoids,
    .on_verdict = on_task_verdict,
};

int supervisor_new(struct event_base *base, struct config *config, struct journal *journal,
                   const struct supervisor_options *options, const struct supervisor_hooks *hooks,
                   struct supervisor **ret)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base = base;
    s->on_failed = config->daemon.on_failed;
    s->hooks = *hooks;
    s->events = options->events;
    s->one_shot = options->one_shot;
    s->started_ms = sys->now_ms();
    s->shared = (struct task_shared){
        .base = base,
        .journal = journal,
        .nofile = options->nofile,
        .cgroups = options->cgroups,
        .capture = options->capture,
        .stdin_fd = options->stdin_fd,
        .hooks = task_hooks,
    };
    s->shared.hooks.arg = s;
    int r = make_parts(s);
    if (r == 0)
        r = make_workers(s, config, options->endpoints);
    /* Orphans of a worker come to taskd, where they can be found and reaped, and not to init. */
    if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        r = -errno;
    if (r < 0) {
        supervisor_free(s);
        return r;
    }
    news_daemon(s, "started");
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
    crew_free(s);
    if (s->sweep_timer)
        event_free(s->sweep_timer);
    if (s->settle)
        event_free(s->settle);
    agenda_free(s->agenda);
    logs_free(s->shared.logs);
    tree_free(s->tree);
    ledger_free(s->ledger);
    poison_free(s->poison);
    free(s->socket);
    free(s->notify_folder);
    free(s);
}
