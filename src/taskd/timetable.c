/* Workers that run at times: what happens when their time has come. */
#include <string.h>

#include "taskd/agenda.h"
#include "taskd/config.h"
#include "taskd/cron.h"
#include "taskd/log.h"
#include "taskd/supervisor_impl.h"

static void overlap_skip(struct task *t)
{
    log_info("%s: still runs: this run is skipped (overlap)", task_id(t));
}

static void overlap_replace(struct task *t)
{
    if (fsm_alive(task_state(t)))
        task_replace(t, STOP_SCHEDULE);
}

static void (*const overlaps[])(struct task *) = {
    [OVERLAP_SKIP] = overlap_skip,
    [OVERLAP_QUEUE] = task_queue_run,
    [OVERLAP_REPLACE] = overlap_replace,
};

static void run(struct task *t)
{
    if (task_spawned(t) || task_retired(t) || !task_wanted(t))
        return;
    if (task_state(t) == TASK_WAITING)
        task_queue_run(t);
    else
        overlaps[task_config(t)->overlap](t);
}

static void on_time(void *arg, void *who)
{
    struct supervisor *s = arg;
    struct worker *w = who;
    for (size_t i = 0; i < w->count; i++)
        run(w->tasks[i]);
    supervisor_settle(s);
}

int timetable_open(struct supervisor *s)
{
    return agenda_new(s->base, on_time, s, &s->agenda);
}

void timetable_set(struct supervisor *s, struct worker *w)
{
    const struct worker_config *c = &w->definition->config;
    struct cron cron;
    char why[128];
    int r = 0;
    timetable_remove(s, w);
    if (c->every > 0)
        r = agenda_set_every(s->agenda, w, c->every);
    else if (c->schedule && (r = cron_parse(c->schedule, &cron, why, sizeof why)) == 0)
        r = agenda_set_cron(s->agenda, w, &cron, c->timezone);
    if (r < 0)
        log_error("%s: its timetable cannot be kept: %s", w->name, strerror(-r));
}

void timetable_remove(struct supervisor *s, struct worker *w)
{
    if (s->agenda)
        agenda_remove(s->agenda, w);
}

int64_t timetable_next(const struct supervisor *s, const struct worker *w)
{
    return agenda_next_unix_ms(s->agenda, w);
}
