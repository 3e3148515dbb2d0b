/* A handle's life, and the questions that a worker's loop asks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoconf.h"
#include "common/fd.h"
#include "common/proto.h"
#include "libtaskd/handle.h"

/* The descriptor that TASKD_FD names; -ENOENT when it is not set: run by hand. */
static int inherited_fd(void)
{
    const char *text = getenv(PROTO_ENV_FD);
    struct stat st;
    char *end;
    if (!text)
        return -ENOENT;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || fd > INT32_MAX)
        return -EBADF;
    if (fstat((int)fd, &st) < 0)
        return -errno;
    return S_ISSOCK(st.st_mode) ? (int)fd : -ENOTSOCK;
}

static int64_t ms_from_env(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : -1;
}

static int greet(taskd *t)
{
    outbox_begin(t, proto_type_name(PROTO_HELLO));
    jsonout_int(&t->out, "v", PROTO_VERSION);
    jsonout_string(&t->out, "sdk", "c/" PACKAGE_VERSION);
    int r = outbox_send(t);
    if (r == -EPIPE)
        return 0; /* taskd is gone already: the stop is latched */
    while (r >= 0 && !t->greeted && !t->stopping && !t->garbled)
        r = inbox_read(t, true);
    if (r >= 0 && t->garbled && !t->greeted && !t->stopping)
        return -EPROTO;
    outbox_settle(t);
    return r < 0 ? r : 0;
}

static int take_channel(taskd *t, int fd)
{
    t->lines = linebuf_new(PROTO_MAX_MESSAGE_CAP);
    if (!t->lines)
        return -ENOMEM;
    int r = fd_cloexec(fd);
    if (r < 0)
        return r;
    t->fd = fd;
    unsetenv(PROTO_ENV_FD);
    return greet(t);
}

int taskd_open(taskd **ret)
{
    int fd = inherited_fd();
    if (fd < 0 && fd != -ENOENT)
        return fd;
    taskd *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->fd = -1;
    t->max_message = PROTO_MAX_MESSAGE;
    t->deadline_ms = INT64_MAX;
    t->grace_ms = ms_from_env(PROTO_ENV_GRACE_MS);
    t->watchdog_ms = fd < 0 ? -1 : ms_from_env(PROTO_ENV_WATCHDOG_MS);
    int r = fd < 0 ? 0 : take_channel(t, fd);
    if (r < 0) {
        taskd_close(t);
        return r;
    }
    *ret = t;
    return fd < 0 ? 0 : 1;
}

void dispatched_clear(struct dispatched *d)
{
    free(d->id);
    free(d->data);
    *d = (struct dispatched){0};
}

void taskd_close(taskd *t)
{
    if (!t)
        return;
    outbox_give_back(t);
    fd_close(&t->fd);
    linebuf_free(t->lines);
    jsonout_free(&t->out);
    free(t->id);
    free(t->input);
    free(t->resume);
    json_decref(t->avoid);
    free(t->current);
    dispatched_clear(&t->waiting);
    dispatched_clear(&t->given);
    free(t);
}

int taskd_fd(const taskd *t)
{
    return t->fd;
}

const char *taskd_id(const taskd *t)
{
    return t->id;
}

const char *taskd_input(const taskd *t)
{
    return t->input;
}

const char *taskd_resume(const taskd *t)
{
    return t->resume;
}

bool taskd_avoids(const taskd *t, const char *unit)
{
    const json_t *one;
    size_t i;
    json_array_foreach (t->avoid, i, one) {
        const char *id = json_string_value(one);
        if (id && strcmp(id, unit) == 0)
            return true;
    }
    return false;
}

int64_t taskd_watchdog_ms(const taskd *t)
{
    return t->watchdog_ms;
}

bool taskd_should_stop(taskd *t)
{
    /* A stop may stand behind much else; where there is nothing, this is one system call. */
    while (t->fd >= 0 && !t->stopping && inbox_read(t, false) > 0)
        ;
    outbox_settle(t);
    return t->stopping;
}

int taskd_dispatch(taskd *t)
{
    int r = t->fd < 0 ? 0 : 1;
    while (r > 0)
        r = inbox_read(t, false);
    if (r < 0)
        return r;
    outbox_settle(t);
    return (t->stopping ? TASKD_STOP : 0) | (t->waiting.id ? TASKD_UNIT : 0) | (t->drained ? TASKD_DRAIN : 0);
}

int64_t taskd_remaining_ms(taskd *t)
{
    taskd_dispatch(t); /* the deadline may have moved since the stop */
    if (!t->stopping)
        return -1;
    if (t->deadline_ms == INT64_MAX)
        return INT64_MAX;
    int64_t left = t->deadline_ms - inbox_now_ms();
    return left > 0 ? left : 0;
}

static int ask(taskd *t)
{
    if (t->asked)
        return 0;
    t->asked = true;
    outbox_begin(t, proto_type_name(PROTO_NEXT));
    jsonout_int(&t->out, "slots", 1);
    return outbox_send(t);
}

int taskd_next(taskd *t, struct taskd_unit *ret)
{
    if (t->fd < 0)
        return 0;
    if (t->owed)
        outbox_give_back(t);
    int bits = taskd_dispatch(t);
    if (bits >= 0 && !(bits & (TASKD_STOP | TASKD_UNIT | TASKD_DRAIN)))
        bits = ask(t);
    while (bits >= 0 && !(bits & (TASKD_STOP | TASKD_UNIT | TASKD_DRAIN))) {
        int r = inbox_read(t, true);
        bits = r < 0 ? r : taskd_dispatch(t);
    }
    if (bits < 0)
        return bits == -EPIPE ? 0 : bits;
    if (!(bits & TASKD_UNIT))
        return 0;
    dispatched_clear(&t->given);
    t->given = t->waiting;
    t->waiting = (struct dispatched){0};
    t->owed = true;
    *ret = (struct taskd_unit){t->given.id, t->given.data, t->given.attempt, t->given.timeout_ms};
    return 1;
}
