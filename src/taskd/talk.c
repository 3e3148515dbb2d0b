/* The conversation with a worker: every message of the protocol, as one row of a table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/jsonout.h"
#include "common/proto.h"
#include "common/quantity.h"
#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/message.h"
#include "taskd/notify_socket.h"
#include "taskd/readiness.h"
#include "taskd/task_impl.h"

/* After so many lines that make no sense, on_protocol_error decides; and they are no longer logged one by one. */
enum { BAD_LINES = 10, SHOWN = 200 };

static int say_as(struct task *t, struct jsonout *o, bool urgent)
{
    size_t len;
    const char *line = jsonout_line(o, &len);
    int r = line ? channel_send(t->channel, line, len, urgent) : -ENOMEM;
    if (r < 0 && r != -EPIPE && t->life.unsaid++ == 0)
        log_warn("%s: does not read what it is told: %s", t->id, strerror(-r));
    jsonout_free(o);
    return r;
}

static void say(struct task *t, struct jsonout *o)
{
    say_as(t, o, false);
}

static void begin(struct jsonout *o, enum proto_reply type)
{
    jsonout_begin(o);
    jsonout_string(o, "type", proto_reply_name(type));
}

static void put_json(struct jsonout *o, const char *key, const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text)
        jsonout_raw(o, key, text);
    free(text);
}

/* -1 stands for no limit: JSON has no infinity. */
static int64_t wire_ms(int64_t ms)
{
    return ms == DURATION_INFINITY ? -1 : ms;
}

/* PM2 says it with a bare string; grace and reason are not known there. */
static bool send_shutdown(struct task *t)
{
    static const char line[] = "\"shutdown\"\n";
    return channel_send(t->channel, line, sizeof line - 1, true) == 0;
}

bool talk_send_stop(struct task *t)
{
    if (!channel_open(t->channel))
        return false;
    if (worker_hears_words(t->config))
        return send_shutdown(t);
    struct jsonout o = {0};
    const struct life *l = &t->life;
    int64_t left = l->deadline_ms == DURATION_INFINITY ? DURATION_INFINITY : l->deadline_ms - sys->now_ms();
    begin(&o, PROTO_R_STOP);
    jsonout_string(&o, "reason", stop_reason_name(l->reason));
    jsonout_int(&o, "grace_ms", wire_ms(left));
    jsonout_int(&o, "deadline_mono_ms", wire_ms(l->deadline_ms));
    jsonout_string(&o, "mode", "finish_unit");
    return say_as(t, &o, true) == 0;
}

static void send_error(struct task *t, const char *code, const char *detail)
{
    struct jsonout o = {0};
    begin(&o, PROTO_R_ERROR);
    jsonout_string(&o, "code", code);
    jsonout_string(&o, "detail", detail);
    say(t, &o);
}

static void bad_line(struct task *t, const char *why, const char *line, size_t len)
{
    char shown[SHOWN];
    uint64_t n = ++t->life.bad_lines;
    if (n <= BAD_LINES)
        log_warn("%s: protocol error: %s: %s", t->id, why, text_printable(line, len, shown, sizeof shown));
    if (n == BAD_LINES)
        log_warn("%s: further protocol errors of this life are not logged", t->id);
    /* Until the worker has spoken, nothing but a stop may be written: a shell worker takes any byte for one. */
    if (t->life.spoken && channel_open(t->channel) && n <= BAD_LINES)
        send_error(t, "bad_message", why);
    if (n == BAD_LINES && t->config->on_protocol_error == PROTOCOL_ERROR_STOP)
        task_end_life(t, &(struct stop_request){.reason = STOP_PROTOCOL, .grace_ms = -1});
}

/* --- one handler a message --------------------------------------------------------------------------------------- */

/* A checkpoint that no longer fits beside the input would keep every further life from hearing its hello. */
static void put_resume(const struct task *t, struct jsonout *o)
{
    char *text = t->resume ? json_dumps(t->resume, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text && o->len + strlen(text) + sizeof "\"resume\":}" <= (size_t)t->config->max_message)
        jsonout_raw(o, "resume", text);
    else if (text)
        log_warn("%s: its checkpoint is too long for max_message: not handed on", t->id);
    free(text);
}

static void put_avoid(const struct task *t, struct jsonout *o)
{
    json_t *avoid = t->shared->hooks.avoid(t->shared->hooks.arg, t);
    if (avoid)
        put_json(o, "avoid", avoid);
    json_decref(avoid);
}

static void on_hello(struct task *t, const struct message *m)
{
    (void)m;
    struct jsonout o = {0};
    begin(&o, PROTO_R_HELLO);
    jsonout_int(&o, "v", PROTO_VERSION);
    jsonout_string(&o, "id", t->id);
    jsonout_string(&o, "handle", t->life.handle);
    jsonout_int(&o, "attempt", t->life.attempt);
    jsonout_int(&o, "grace_ms", wire_ms(t->config->stop_timeout));
    jsonout_int(&o, "max_message", t->config->max_message);
    put_json(&o, "input", t->input ? t->input : t->config->input);
    put_avoid(t, &o);
    put_resume(t, &o);
    say(t, &o);
}

/* Its silence counts from now on. */
void talk_ready(struct task *t)
{
    watch_heard(t);
    task_feed(t, ON_READY);
}

static void on_ready(struct task *t, const struct message *m)
{
    (void)m;
    talk_ready(t);
}

/* Nothing hands out units here, so there are none to come: the worker's loop ends instead of waiting for ever. */
static void on_next(struct task *t, const struct message *m)
{
    (void)m;
    struct jsonout o = {0};
    begin(&o, PROTO_R_DRAIN);
    say(t, &o);
}

static void on_begin(struct task *t, const struct message *m)
{
    if (t->life.acked)
        bad_line(t, "a unit begins after the stop was acknowledged", m->unit, strlen(m->unit));
    int64_t timeout = m->timeout_ms >= 0 ? m->timeout_ms : t->config->unit_timeout;
    int r = units_begin(&t->life.units, m->unit, sys->now_ms(), timeout);
    if (r < 0) {
        bad_line(t, r == -EEXIST ? "this unit has already begun" : strerror(-r), m->unit, strlen(m->unit));
        return;
    }
    watch_arm(t);
    t->shared->hooks.on_unit_begin(t->shared->hooks.arg, t, m->unit);
    task_unit_begun(t);
    task_feed(t, ON_READY);
}

static void on_progress(struct task *t, const struct message *m)
{
    if (units_progress(&t->life.units, m->unit, m->done, m->total, m->msg) < 0)
        t->life.ignored++;
    if (m->resume) {
        json_decref(t->life.resume);
        t->life.resume = json_incref(m->resume);
    }
}

static void on_end(struct task *t, const struct message *m)
{
    task_log_sync(t);
    units_end(&t->life.units, m->unit, m->ok, sys->now_ms());
    t->shared->hooks.on_unit_end(t->shared->hooks.arg, t, m->unit, m->ok);
    watch_unit_end(t);
    task_unit_over(t);
    if (m->ok || !m->error_message)
        return;
    char unit[SHOWN], why[SHOWN];
    log_warn("%s: unit %s failed: %s", t->id, text_printable(m->unit, strlen(m->unit), unit, sizeof unit),
             text_printable(m->error_message, strlen(m->error_message), why, sizeof why));
}

static void on_release(struct task *t, const struct message *m)
{
    if (units_release(&t->life.units, m->unit) < 0)
        t->life.ignored++;
    watch_arm(t);
    task_unit_over(t);
}

static void on_status(struct task *t, const struct message *m)
{
    char *text = m->text ? strdup(m->text) : NULL;
    free(t->life.text);
    t->life.text = text;
}

static void on_heartbeat(struct task *t, const struct message *m)
{
    if (m->text)
        on_status(t, m);
}

static void on_stopping(struct task *t, const struct message *m)
{
    (void)m;
    if (t->life.stop_pending)
        t->life.acked = true;
}

/* Only the worker can lengthen its grace, and only up to max_stop_timeout from the moment the stop was asked for. */
int64_t talk_extend(struct task *t, int64_t ms)
{
    struct life *l = &t->life;
    if (t->state != TASK_STOPPING && t->state != TASK_PRE_STOP)
        return 0;
    int64_t cap = t->config->max_stop_timeout, now = sys->now_ms();
    int64_t last = cap == DURATION_INFINITY ? DURATION_INFINITY : l->stop_ms + cap;
    int64_t asked = ms == DURATION_INFINITY ? DURATION_INFINITY : now + ms;
    int64_t deadline = asked < last ? asked : last;
    if (deadline > l->deadline_ms) {
        l->deadline_ms = deadline;
        if (t->state == TASK_STOPPING)
            task_arm_state_timer(t);
    }
    return l->deadline_ms == DURATION_INFINITY ? DURATION_INFINITY : l->deadline_ms - now;
}

static void on_extend(struct task *t, const struct message *m)
{
    struct jsonout o = {0};
    begin(&o, PROTO_R_EXTENDED);
    jsonout_int(&o, "granted_ms", wire_ms(talk_extend(t, m->ms)));
    say(t, &o);
}

static void on_result(struct task *t, const struct message *m)
{
    struct life *l = &t->life;
    json_decref(l->value);
    l->value = json_incref(m->value);
    l->has_result = true;
    l->result_complete = m->complete;
    if (m->resume) {
        json_decref(l->resume);
        l->resume = json_incref(m->resume);
    }
}

static void on_stop_me(struct task *t, const struct message *m)
{
    char shown[SHOWN] = "no reason given";
    if (m->reason)
        text_printable(m->reason, strlen(m->reason), shown, sizeof shown);
    log_info("%s: asks to be stopped: %s", t->id, shown);
    task_end_life(t, &(struct stop_request){.reason = STOP_SELF, .grace_ms = -1});
}

static void on_ignored(struct task *t, const struct message *m)
{
    (void)m;
    t->life.ignored++;
}

static void (*const handlers[PROTO_TYPES])(struct task *, const struct message *) = {
    [PROTO_UNKNOWN] = on_ignored, [PROTO_HELLO] = on_hello,       [PROTO_READY] = on_ready,
    [PROTO_NEXT] = on_next,       [PROTO_BEGIN] = on_begin,       [PROTO_PROGRESS] = on_progress,
    [PROTO_END] = on_end,         [PROTO_RELEASE] = on_release,   [PROTO_HEARTBEAT] = on_heartbeat,
    [PROTO_STATUS] = on_status,   [PROTO_STOPPING] = on_stopping, [PROTO_EXTEND] = on_extend,
    [PROTO_RESULT] = on_result,   [PROTO_LOG] = task_log_message, [PROTO_METRIC] = on_ignored,
    [PROTO_STOP_ME] = on_stop_me,
};

/* On Node's channel a program may speak of its own affairs, as it did to the parent that it was written for: what is
 * JSON and no message of taskd's is neither an error nor a sign that it knows taskd. */
static void on_foreign(struct task *t, const char *line, size_t len)
{
    static const char ready[] = "\"ready\"";
    t->life.ignored++;
    watch_heard(t);
    if (worker_hears_words(t->config) && len == sizeof ready - 1 && memcmp(line, ready, len) == 0) {
        t->life.ignored--;
        talk_ready(t);
    }
    task_changed(t);
}

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    struct task *t = arg;
    struct message m;
    char why[SHOWN];
    if (!cut && t->config->channel == CHANNEL_NODE_IPC && message_is_foreign(line, len)) {
        on_foreign(t, line, len);
        return;
    }
    if (cut) {
        snprintf(why, sizeof why, "a line of more than %lld bytes", (long long)t->config->max_message);
        bad_line(t, why, line, len);
        return;
    }
    if (message_decode(line, len, &m, why, sizeof why) < 0) {
        bad_line(t, why, line, len);
        return;
    }
    t->life.spoken = true;
    watch_heard(t);
    handlers[m.type](t, &m);
    message_clear(&m);
    task_changed(t);
}

/* A closed channel is no death. A worker that closed it with the stop unread has not heard it; where no unit is in
 * flight the signal is safe. */
static void on_eof(void *arg, bool unread)
{
    struct task *t = arg;
    if (unread && t->state == TASK_STOPPING && !t->life.acked && !units_oldest(&t->life.units))
        ladder_stop_deaf(t);
}

void talk_open(struct task *t, int fd)
{
    struct channel_hooks hooks = {.on_line = on_line, .on_eof = on_eof, .arg = t};
    int r = channel_new(t->shared->base, fd, (size_t)t->config->max_message, &hooks, &t->channel);
    if (r < 0)
        log_error("%s: no channel: %s: it will be stopped by signals", t->id, strerror(-r));
}

void talk_poll(struct task *t)
{
    readiness_poll(t->readiness);
    notify_socket_poll(t->notify);
    if (channel_open(t->channel))
        channel_poll(t->channel);
}
