#include "view.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "kernel.h"
#include "taskd/config.h"
#include "taskd/journal.h"
#include "taskd/supervisor_impl.h"
#include "taskd/task_impl.h"

static struct supervisor *sup;
static struct journal *journal;

static struct config *make_config(void)
{
    static char program[] = "w";
    char *const command[] = {program, NULL};
    static const char *const keys[][2] = {
        {"replicas", "2"},         {"restart", "always"},
        {"start-timeout", "3s"},   {"stop-timeout", "2s"},
        {"term-timeout", "1s"},    {"unit-timeout", "5s"},
        {"backoff-initial", "1s"}, {"backoff-max", "1s"},
        {"backoff-jitter", "0"},   {"restart-limit-interval", "0s"},
    };
    struct config *c = config_from_command("w", command);
    char why[256];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (worker_config_set(&c->workers[0], keys[i][0], keys[i][1], why, sizeof why) < 0)
            abort();
    return c;
}

struct supervisor *view_begin(void)
{
    static const struct supervisor_options options = {.stdin_fd = -1};
    static const struct supervisor_hooks hooks = {0};
    struct config *config = make_config();
    journal = journal_open_memory();
    if (supervisor_new(NULL, config, journal, &options, &hooks, &sup) < 0)
        abort();
    config_free(config);
    return sup;
}

void view_end(void)
{
    supervisor_free(sup);
    journal_free(journal);
}

static struct task *task(int index)
{
    return supervisor_task(sup, (size_t)index);
}

bool view_wanted(int index)
{
    return task_wanted(task(index));
}

bool view_over(int index)
{
    return fsm_over(task_state(task(index)));
}

bool view_acknowledged(int index)
{
    return task_life(task(index))->acked;
}

const char *view_state(int index)
{
    return task_state_name(task_state(task(index)));
}

bool view_stop_pending(int index, int64_t *ret_deadline_ms)
{
    const struct task *t = task(index);
    *ret_deadline_ms = t->life.deadline_ms;
    return fsm_ending(t->state) && t->life.stop_pending;
}

int view_task_of_pid(pid_t pid)
{
    for (int i = 0; i < TASKS; i++)
        if (task(i)->life.pid == pid)
            return i;
    return -1;
}

/* A timer runs exactly while the state has one, and nobody acknowledges for the worker. */
void view_check(void)
{
    for (int i = 0; i < TASKS; i++) {
        const struct task *t = task(i);
        int64_t due;
        bool armed = kernel_timer_pending(t->timer, &due);
        const struct process *p = kernel_process(i);
        if (armed && fsm_timer(t->state) == TIMER_NONE)
            kernel_violation("P2", "task %d: a timer runs in state %s", i + 1, task_state_name(t->state));
        if (t->life.acked && p && !p->acknowledged)
            kernel_violation("S3", "task %d: acknowledged, and the worker has not said so", i + 1);
    }
}

/* --- the hash ------------------------------------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h, int64_t value)
{
    for (int i = 0; i < 8; i++) {
        h ^= (uint64_t)value >> (8 * i) & 0xff;
        h *= UINT64_C(1099511628211);
    }
    return h;
}

static int64_t relative(int64_t ms)
{
    return ms == DURATION_INFINITY ? -1 : ms - kernel.now_ms;
}

static uint64_t mix_timer(uint64_t h, const void *event)
{
    int64_t due;
    return mix(h, kernel_timer_pending(event, &due) ? relative(due) : -1);
}

static uint64_t mix_life(uint64_t h, const struct life *l)
{
    const bool flags[] = {l->pid > 0,       l->spoken, l->deaf, l->stop_pending, l->acked, l->units.open_count > 0,
                          l->units.done > 0};
    for (size_t i = 0; i < sizeof flags; i++)
        h = mix(h, flags[i]);
    for (int i = 0; i < SENT_KINDS; i++)
        h = mix(h, l->sent[i]);
    h = mix(h, l->stop_pending ? relative(l->deadline_ms) : -1);
    return mix(mix(h, l->cause), l->reason);
}

static uint64_t mix_task(uint64_t h, const struct task *t)
{
    const int64_t fields[] = {(int64_t)t->state, t->wanted,  t->replaced,     t->queued,
                              t->drained,        t->is_held, (int64_t)t->due, t->kill_tries < 5 ? t->kill_tries : 5};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        h = mix(h, fields[i]);
    h = mix_timer(h, t->timer);
    h = mix_timer(h, t->watch_timer);
    return t->life.pid > 0 ? mix_life(h, &t->life) : h;
}

static uint64_t mix_process(uint64_t h, const struct process *p)
{
    const int64_t fields[] = {(int64_t)p->owner, p->task,         p->zombie, p->told,   p->greeted, p->begun,
                              p->in_unit,        p->acknowledged, p->code,   p->signal, p->pending};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        h = mix(h, fields[i]);
    return h;
}

static uint64_t mix_channel(uint64_t h, int index)
{
    const struct channel_view *c = kernel_channel(index);
    h = mix(h, c ? c->open + 2 * c->stop_sent + 4 * c->count : -1);
    for (int i = 0; c && i < c->count; i++)
        h = mix(h, (int64_t)c->queue[i]);
    return h;
}

uint64_t view_hash(void)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (int i = 0; i < TASKS; i++)
        h = mix_channel(mix_task(h, task(i)), i);
    for (int i = 0; i < PIDS; i++)
        h = mix_process(h, &kernel.processes[i]);
    h = mix_timer(h, sup->sweep_timer);
    h = mix(h, kernel_has_active());
    return mix(mix(h, kernel.sigchld), (int64_t)sup->due);
}

/* --- nobody listens to events here: they would be most of the time
 * ---------------------------------------------------- */

void news_daemon(struct supervisor *s, const char *state)
{
    (void)s, (void)state;
}
void news_state(struct supervisor *s, const struct task *t, enum task_state before)
{
    (void)s, (void)t, (void)before;
}
void news_life(struct supervisor *s, const struct task *t)
{
    (void)s, (void)t;
}
void news_record(struct supervisor *s, const json_t *record)
{
    (void)s, (void)record;
}
void news_lost(struct supervisor *s, const struct task *t, const char *unit)
{
    (void)s, (void)t, (void)unit;
}
void news_unit_begin(struct supervisor *s, const struct task *t, const char *unit)
{
    (void)s, (void)t, (void)unit;
}
void news_unit_end(struct supervisor *s, const struct task *t, const char *unit, bool ok)
{
    (void)s, (void)t, (void)unit, (void)ok;
}
void news_reload(struct supervisor *s, json_t *diff)
{
    (void)s;
    json_decref(diff);
}
void news_poison(struct supervisor *s, const char *worker, const char *unit, unsigned deaths)
{
    (void)s, (void)worker, (void)unit, (void)deaths;
}
