/* What taskd says: read without waiting, latched, and remembered. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/jsonline.h"
#include "common/proto.h"
#include "libtaskd/handle.h"

enum { READ_SIZE = 4096, LEAST_MESSAGE = 1024 };

int64_t inbox_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A point in time; INT64_MAX for none, and for one that is too far away to be told. */
static int64_t from_now(int64_t ms)
{
    int64_t now = inbox_now_ms();
    return ms < 0 || ms > INT64_MAX - now ? INT64_MAX : now + ms;
}

/* A level, not an edge: a repeated stop only moves the deadline, as taskd says. */
static void latch_stop(taskd *t, int64_t deadline_ms)
{
    t->stopping = true;
    t->deadline_ms = deadline_ms;
}

static int64_t integer(const json_t *message, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(message, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void keep_text(char **at, char *text)
{
    free(*at);
    *at = text;
}

static void keep_json(char **at, const json_t *value)
{
    keep_text(at, value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL);
}

static void on_hello(taskd *t, const json_t *m)
{
    const char *id = json_string_value(json_object_get(m, "id"));
    int64_t most = integer(m, "max_message", PROTO_MAX_MESSAGE);
    if (t->greeted)
        return; /* the caller may hold what the first one said */
    t->greeted = true;
    keep_text(&t->id, id ? strdup(id) : NULL);
    keep_json(&t->input, json_object_get(m, "input"));
    keep_json(&t->resume, json_object_get(m, "resume"));
    t->avoid = json_incref(json_object_get(m, "avoid"));
    if (most >= LEAST_MESSAGE && most <= PROTO_MAX_MESSAGE_CAP)
        t->max_message = (size_t)most;
}

static void on_stop(taskd *t, const json_t *m)
{
    int64_t deadline = integer(m, "deadline_mono_ms", -1);
    latch_stop(t, deadline >= 0 ? deadline : INT64_MAX);
}

static void on_extended(taskd *t, const json_t *m)
{
    int64_t deadline = from_now(integer(m, "granted_ms", 0));
    if (t->stopping && deadline > t->deadline_ms)
        t->deadline_ms = deadline;
}

static void on_drain(taskd *t, const json_t *m)
{
    (void)m;
    t->drained = true;
}

static void on_unit(taskd *t, const json_t *m)
{
    const char *id = json_string_value(json_object_get(m, "unit"));
    struct dispatched *u = &t->waiting;
    if (!id || u->id)
        return; /* one is asked for at a time */
    t->asked = false;
    u->id = strdup(id);
    keep_json(&u->data, json_object_get(m, "data"));
    u->attempt = (int)integer(m, "attempt", 1);
    u->timeout_ms = integer(m, "timeout_ms", -1);
}

static void (*const handlers[PROTO_REPLIES])(taskd *, const json_t *) = {
    [PROTO_R_HELLO] = on_hello, [PROTO_R_STOP] = on_stop, [PROTO_R_EXTENDED] = on_extended,
    [PROTO_R_DRAIN] = on_drain, [PROTO_R_UNIT] = on_unit,
};

/* taskd writes the type first and without spaces, so that a stop is known even where memory is out and it cannot be
 * read. */
static bool looks_like_stop(const char *line, size_t len)
{
    static const char stop[] = "{\"type\":\"stop\"";
    return len >= sizeof stop - 1 && memcmp(line, stop, sizeof stop - 1) == 0;
}

/* A line that makes no sense is passed over, but remembered: taskd_open() waits for one that does. A type from a later
 * version is none. */
static void on_bad_line(taskd *t, const char *line, size_t len)
{
    if (!looks_like_stop(line, len))
        t->garbled = true;
    else if (!t->stopping)
        latch_stop(t, from_now(t->grace_ms));
}

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    json_t *message;
    taskd *t = arg;
    if (cut || jsonline_decode(line, len, &message, NULL, 0) < 0) {
        on_bad_line(t, line, len);
        return;
    }
    const char *type = json_string_value(json_object_get(message, "type"));
    enum proto_reply reply = type ? proto_reply_find(type) : PROTO_R_UNKNOWN;
    if (handlers[reply])
        handlers[reply](t, message);
    json_decref(message);
}

/* EOF or a broken socket: the supervisor is gone, and that is a stop. Nobody kills at its deadline. */
void inbox_lost(taskd *t)
{
    if (!t->stopping)
        latch_stop(t, from_now(t->grace_ms));
    t->greeted = t->drained = true;
    t->acked = true; /* there is nobody to tell */
    t->owed = false;
}

static int wait_readable(const taskd *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int inbox_read(taskd *t, bool wait)
{
    char buffer[READ_SIZE];
    for (;;) {
        ssize_t n = recv(t->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n > 0)
            return linebuf_feed(t->lines, buffer, (size_t)n, on_line, t) < 0 ? -ENOMEM : 1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || errno != EAGAIN) {
            inbox_lost(t);
            return 0;
        }
        if (!wait)
            return 0;
        int r = wait_readable(t);
        if (r < 0)
            return r;
    }
}
