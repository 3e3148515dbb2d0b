/* What the worker says: one JSON object a line, written whole. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/jsonline.h"
#include "common/proto.h"
#include "libtaskd/handle.h"

/* END_ROOM: by so much the end of a unit, and `stopping`, may be longer than its beginning. */
enum { REASON_MAX = 2048, END_ROOM = 64 };

void outbox_begin(taskd *t, const char *type)
{
    jsonout_begin(&t->out);
    jsonout_string(&t->out, "type", type);
}

/* The descriptor may have been made non-blocking by the caller's event loop. */
static int wait_writable(const taskd *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLOUT};
    return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_line(taskd *t, const char *line, size_t len)
{
    int r = 0;
    while (len > 0 && r == 0) {
        ssize_t n = send(t->fd, line, len, MSG_NOSIGNAL);
        if (n >= 0) {
            line += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            r = wait_writable(t);
        } else if (errno != EINTR) {
            r = errno == ECONNRESET ? -EPIPE : -errno;
        }
    }
    return r;
}

static int send_within(taskd *t, size_t max)
{
    size_t len;
    const char *line = jsonout_line(&t->out, &len);
    if (!line)
        return -ENOMEM;
    if (len - 1 > max)
        return -EMSGSIZE;
    int r = write_line(t, line, len);
    if (r != -EPIPE)
        return r;
    while (inbox_read(t, false) > 0) /* what taskd said last still counts */
        ;
    inbox_lost(t);
    return r;
}

int outbox_send(taskd *t)
{
    return send_within(t, t->max_message);
}

/* Handed out, but not begun: somebody else will get it, and its attempt does not count. */
static void release(taskd *t, const char *unit)
{
    outbox_begin(t, proto_type_name(PROTO_RELEASE));
    jsonout_string(&t->out, "unit", unit);
    outbox_send(t);
}

void outbox_give_back(taskd *t)
{
    if (t->owed)
        release(t, t->given.id);
    t->owed = false;
    if (t->waiting.id)
        release(t, t->waiting.id);
    dispatched_clear(&t->waiting);
}

/* The acknowledgement goes out once: taskd takes it for the promise that no unit begins any more. Where memory is out,
 * the next call tries again. */
void outbox_settle(taskd *t)
{
    if (!t->stopping)
        return;
    if (t->owed || t->waiting.id)
        outbox_give_back(t);
    if (t->acked)
        return;
    outbox_begin(t, proto_type_name(PROTO_STOPPING));
    if (t->current)
        jsonout_string(&t->out, "finishing", t->current);
    t->acked = outbox_send(t) != -ENOMEM;
}

static int send_plain(taskd *t, enum proto_type type)
{
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(type));
    return outbox_send(t);
}

int taskd_ready(taskd *t)
{
    return send_plain(t, PROTO_READY);
}

int taskd_heartbeat(taskd *t)
{
    return send_plain(t, PROTO_HEARTBEAT);
}

static void set_current(taskd *t, const char *unit)
{
    free(t->current);
    t->current = unit ? strdup(unit) : NULL;
}

/* The largest number that the protocol takes. */
static int64_t bounded(int64_t n)
{
    return n < 0 ? 0 : n > PROTO_MAX_COUNT ? PROTO_MAX_COUNT : n;
}

static int begin(taskd *t, const char *unit, int64_t timeout_ms)
{
    outbox_settle(t);
    if (t->stopping)
        return -ECANCELED;
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(PROTO_BEGIN));
    jsonout_string(&t->out, "unit", unit);
    if (timeout_ms >= 0)
        jsonout_int(&t->out, "timeout_ms", bounded(timeout_ms));
    int r = send_within(t, t->max_message - END_ROOM);
    if (r < 0)
        return r;
    set_current(t, unit);
    if (t->owed && strcmp(t->given.id, unit) == 0)
        t->owed = false;
    return 0;
}

int taskd_begin(taskd *t, const char *unit)
{
    return begin(t, unit, -1);
}

int taskd_begin_within(taskd *t, const char *unit, int64_t timeout_ms)
{
    return timeout_ms < 0 ? -EINVAL : begin(t, unit, timeout_ms);
}

int taskd_progress(taskd *t, const char *unit, int64_t done, int64_t total, const char *msg)
{
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(PROTO_PROGRESS));
    jsonout_string(&t->out, "unit", unit);
    if (done >= 0)
        jsonout_int(&t->out, "done", bounded(done));
    if (total >= 0)
        jsonout_int(&t->out, "total", bounded(total));
    if (msg)
        jsonout_string(&t->out, "msg", msg);
    return outbox_send(t);
}

static void begin_end(taskd *t, const char *unit, bool ok)
{
    outbox_begin(t, proto_type_name(PROTO_END));
    jsonout_string(&t->out, "unit", unit);
    jsonout_bool(&t->out, "ok", ok);
    if (t->current && strcmp(t->current, unit) == 0)
        set_current(t, NULL);
    if (t->owed && strcmp(t->given.id, unit) == 0)
        t->owed = false;
}

int taskd_end(taskd *t, const char *unit)
{
    if (t->fd < 0)
        return 0;
    begin_end(t, unit, true);
    return outbox_send(t);
}

int taskd_fail(taskd *t, const char *unit, const char *type, const char *msg, bool retry)
{
    if (t->fd < 0)
        return 0;
    char why[REASON_MAX];
    snprintf(why, sizeof why, "%s", msg ? msg : "");
    begin_end(t, unit, false);
    jsonout_open(&t->out, "error");
    jsonout_string(&t->out, "type", type);
    jsonout_string(&t->out, "message", why);
    jsonout_bool(&t->out, "retry", retry);
    jsonout_close(&t->out);
    int r = outbox_send(t);
    if (r != -EMSGSIZE)
        return r;
    begin_end(t, unit, false); /* without its reason: that the unit has ended must arrive */
    return outbox_send(t);
}

int taskd_status(taskd *t, const char *text)
{
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(PROTO_STATUS));
    jsonout_string(&t->out, "text", text);
    return outbox_send(t);
}

int taskd_extend(taskd *t, int64_t ms)
{
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(PROTO_EXTEND));
    jsonout_int(&t->out, "ms", bounded(ms));
    return outbox_send(t);
}

int taskd_log(taskd *t, int level, const char *msg)
{
    static const char *const names[] = {"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"};
    const int most = (int)(sizeof names / sizeof *names) - 1;
    if (t->fd < 0)
        return 0;
    outbox_begin(t, proto_type_name(PROTO_LOG));
    jsonout_string(&t->out, "level", names[level < 0 ? 0 : level > most ? most : level]);
    jsonout_string(&t->out, "msg", msg);
    return outbox_send(t);
}

/* The caller's text, checked and written anew, as it may span lines. Also by hand, so that a mistake shows there. */
static int one_line(const char *json, char **ret)
{
    json_error_t error;
    json = json ? json : "null";
    /* One level is the message's own. */
    if (!jsonline_depth_ok(json, strlen(json), JSONLINE_DEPTH - 1))
        return -EINVAL;
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 0;
}

int taskd_checkpoint(taskd *t, const char *unit, const char *json)
{
    char *text = NULL;
    int r = one_line(json, &text);
    if (r == 0 && t->fd >= 0) {
        outbox_begin(t, proto_type_name(PROTO_PROGRESS));
        jsonout_string(&t->out, "unit", unit);
        jsonout_raw(&t->out, "resume", text);
        r = outbox_send(t);
    }
    free(text);
    return r;
}

int taskd_result(taskd *t, const char *json, bool complete)
{
    char *text = NULL;
    int r = one_line(json, &text);
    if (r == 0 && t->fd >= 0) {
        outbox_begin(t, proto_type_name(PROTO_RESULT));
        jsonout_raw(&t->out, "value", text);
        jsonout_bool(&t->out, "complete", complete);
        r = outbox_send(t);
    }
    free(text);
    return r;
}
