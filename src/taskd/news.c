/* What happens, as events: one function for each type. taskd(1), EVENTS has the table of their fields. */
#include <unistd.h>

#include "autoconf.h"
#include "taskd/events.h"
#include "taskd/supervisor_impl.h"

void news_daemon(struct supervisor *s, const char *state)
{
    events_post(s->events, "daemon",
                json_pack("{ss si ss}", "state", state, "pid", (int)getpid(), "version", PACKAGE_VERSION));
}

/* --- tasks ------------------------------------------------------------------------------------------------------- */

/* A task that begins a life shows the handle of the one before: the new one comes with the process. */
static const char *handle_of(const struct task *t)
{
    const char *handle = task_life(t)->handle;
    return *handle && task_state(t) != TASK_STARTING ? handle : NULL;
}

static const char *reason_of(const struct task *t)
{
    const struct life *l = task_life(t);
    return fsm_ending(task_state(t)) && l->stop_pending ? stop_reason_name(l->reason) : NULL;
}

static const char *cause_of(const struct task *t)
{
    return fsm_ending(task_state(t)) ? cause_name(task_life(t)->cause) : NULL;
}

/* What comes next is the task's own knowledge. */
static void add_prospect(json_t *fields, const struct task *t)
{
    static const char *const keys[] = {"backoff_ms", "restart_limited"};
    if (task_state(t) != TASK_BACKOFF && task_state(t) != TASK_FAILED)
        return;
    json_t *status = task_json(t);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(status, keys[i]);
        if (value && !json_is_null(value) && !json_is_false(value))
            json_object_set(fields, keys[i], value);
    }
    json_decref(status);
}

void news_state(struct supervisor *s, const struct task *t, enum task_state before)
{
    json_t *fields = json_pack("{ss ss ss* ss ss ss* ss*}", "worker", task_config(t)->name, "task", task_id(t),
                               "handle", handle_of(t), "from", task_state_name(before), "to",
                               task_state_name(task_state(t)), "reason", reason_of(t), "cause", cause_of(t));
    add_prospect(fields, t);
    events_post(s->events, "state", fields);
}

void news_life(struct supervisor *s, const struct task *t)
{
    const struct life *l = task_life(t);
    events_post(s->events, "started",
                json_pack("{ss ss ss si si}", "worker", task_config(t)->name, "task", task_id(t), "handle", l->handle,
                          "pid", (int)l->pid, "attempt", (int)l->attempt));
}

/* Where in the outcome record a field of "ended" stands. */
static const struct {
    const char *name, *key, *inner;
} ended_fields[] = {
    {"worker", "worker", NULL},    {"task", "id", NULL},     {"handle", "handle", NULL},
    {"outcome", "outcome", NULL},  {"how", "stop", "how"},   {"reason", "stop", "reason"},
    {"cause", "cause", NULL},      {"code", "exit", "code"}, {"signal", "exit", "signal"},
    {"error", "error", "message"}, {"unit", "unit", "id"},   {"units", "units", NULL},
    {"lost", "lost", NULL},
};

void news_record(struct supervisor *s, const json_t *record)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < sizeof ended_fields / sizeof *ended_fields; i++) {
        json_t *value = json_object_get(record, ended_fields[i].key);
        if (ended_fields[i].inner)
            value = json_object_get(value, ended_fields[i].inner);
        if (value && !json_is_null(value))
            json_object_set(fields, ended_fields[i].name, value);
    }
    events_post(s->events, "ended", fields);
}

/* --- units ------------------------------------------------------------------------------------------------------- */

void news_lost(struct supervisor *s, const struct task *t, const char *unit)
{
    events_post(s->events, "lost",
                json_pack("{ss ss ss ss}", "worker", task_config(t)->name, "task", task_id(t), "handle",
                          task_life(t)->handle, "unit", unit));
}

static void news_unit(struct supervisor *s, const struct task *t, enum events_unit_kind kind, const char *unit, bool ok)
{
    if (!events_wants_units(s->events))
        return;
    struct events_unit u = {
        .kind = kind, .whose = {task_config(t)->name, task_id(t), task_life(t)->handle}, .unit = unit, .ok = ok};
    events_unit(s->events, &u);
}

void news_unit_begin(struct supervisor *s, const struct task *t, const char *unit)
{
    news_unit(s, t, EVENTS_UNIT_BEGIN, unit, true);
}

void news_unit_end(struct supervisor *s, const struct task *t, const char *unit, bool ok)
{
    news_unit(s, t, EVENTS_UNIT_END, unit, ok);
}

void news_poison(struct supervisor *s, const char *worker, const char *unit, unsigned deaths)
{
    events_post(s->events, "poison", json_pack("{ss ss si}", "worker", worker, "unit", unit, "deaths", (int)deaths));
}

/* --- the configuration ------------------------------------------------------------------------------------------- */

void news_reload(struct supervisor *s, json_t *diff)
{
    events_post(s->events, "reload", json_pack("{so}", "diff", diff));
}

void supervisor_reload_refused(struct supervisor *s, json_t *error)
{
    events_post(s->events, "reload", json_pack("{sO}", "error", error));
}
