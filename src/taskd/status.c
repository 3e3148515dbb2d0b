/* A task as `taskd status --json` shows it. */
#include <math.h>
#include <stdlib.h>

#include "common/quantity.h"
#include "taskd/logs.h"
#include "taskd/task_impl.h"

enum { SAID_LINES = 5 };

static json_t *count_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

static json_t *text_or_null(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *unit_json(const struct life *l, int64_t now)
{
    const struct unit *u = units_oldest(&l->units);
    if (!u || l->pid <= 0)
        return json_null();
    return json_pack("{ss sI so so so si}", "id", u->id, "age_ms", (json_int_t)(now - u->began_ms), "done",
                     count_or_null(u->done), "total", count_or_null(u->total), "msg", text_or_null(u->msg), "open",
                     (int)l->units.open_count);
}

static json_t *stop_json(const struct task *t, int64_t now)
{
    const struct life *l = &t->life;
    if (t->is_held)
        return json_pack("{ss ss sb sn sn sb}", "reason", stop_reason_name(t->held.reason), "mode", "finish_unit",
                         "acked", 0, "waited_ms", "remaining_ms", "unresponsive", 0);
    if (!fsm_ending(t->state) || !l->stop_pending)
        return json_null();
    json_t *left = l->deadline_ms == DURATION_INFINITY ? json_null() : json_integer(l->deadline_ms - now);
    bool silent = t->state != TASK_PRE_STOP && l->spoken && !l->acked;
    return json_pack("{ss ss sb sI so sb}", "reason", stop_reason_name(l->reason), "mode", "finish_unit", "acked",
                     l->acked, "waited_ms", (json_int_t)(now - l->stop_ms), "remaining_ms", left, "unresponsive",
                     silent);
}

static json_t *backoff_json(const struct task *t)
{
    return t->state == TASK_BACKOFF ? json_integer(t->backoff_ms) : json_null();
}

/* Two decimals: a rate is no more exact than that. */
static double rounded(double per_s)
{
    return round(per_s * 100) / 100;
}

static void add_said(void *arg, const struct logline *l)
{
    char *text = text_to_utf8(l->text, l->len);
    if (text)
        json_array_append_new(arg, json_string(text));
    free(text);
}

/* Its last words, where something went wrong. */
static json_t *said_json(const struct task *t)
{
    if (t->state != TASK_FAILED && t->state != TASK_BACKOFF)
        return NULL;
    json_t *said = json_array();
    logring_last(tasklog_ring(t->log), SAID_LINES, NULL, add_said, said);
    return said;
}

json_t *task_json(const struct task *t)
{
    const struct life *l = &t->life;
    int64_t now = sys->now_ms();
    bool alive = l->pid > 0;
    json_t *last = t->last ? json_incref(t->last) : json_null();
    json_t *json =
        json_pack("{ss ss so ss so sb sI so s{sI sI sf} si sb so so so so sb so sb}", "id", t->id, "worker",
                  t->config->name, "handle", t->attempts ? json_string(l->handle) : json_null(), "state",
                  task_state_name(t->state), "pid", alive ? json_integer(l->pid) : json_null(), "ready",
                  t->state == TASK_RUNNING, "uptime_ms", (json_int_t)(alive ? now - l->began_ms : 0), "unit",
                  unit_json(l, now), "units", "done", (json_int_t)l->units.done, "failed", (json_int_t)l->units.failed,
                  "per_s", rounded(alive ? units_per_s(&l->units, now) : 0), "restarts",
                  (int)(t->attempts ? t->attempts - 1 : 0), "restart_limited", t->history.limited, "backoff_ms",
                  backoff_json(t), "stop", stop_json(t, now), "text", text_or_null(l->text), "last", last, "wanted",
                  t->wanted, "due", text_or_null(stop_reason_name(t->due)), "drained", t->drained);
    json_object_set_new(json, "log", tasklog_json(t->log));
    json_object_set_new(json, "said", said_json(t));
    return json;
}
