#include "taskd/journald.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/log.h"

enum { PARTS_MAX = 32, PRIORITY_TEXT = 16 };

struct journald {
    int fd;
    uint64_t lost, gap;
};

struct journald *journald_new(void)
{
    struct journald *j = calloc(1, sizeof *j);

    if (j)
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return j;
}

static void say_gap(struct journald *j)
{
    if (j->gap)
        log_warn("the journal: %" PRIu64 " line%s could not be written", j->gap, j->gap == 1 ? "" : "s");
    j->gap = 0;
}

void journald_free(struct journald *j)
{
    if (!j)
        return;
    say_gap(j);
    fd_close(&j->fd);
    free(j);
}

uint64_t journald_lost(const struct journald *j)
{
    return j->lost;
}

/* A datagram under construction: nothing is copied. */
struct parts {
    struct iovec list[PARTS_MAX];
    int count;
    uint64_t size; /* of the one value that may hold newlines */
};

static void add(struct parts *p, const void *data, size_t len)
{
    union {
        const void *in;
        void *out;
    } base = {data};
    p->list[p->count++] = (struct iovec){base.out, len};
}

static void add_field(struct parts *p, const char *name, const char *value)
{
    if (!value)
        return;
    add(p, name, strlen(name));
    add(p, "=", 1);
    add(p, value, strcspn(value, "\n"));
    add(p, "\n", 1);
}

/* The form with a length takes any bytes. */
static void add_message(struct parts *p, const struct logline *l)
{
    static const char name[] = "MESSAGE\n";

    p->size = htole64(l->len);
    add(p, name, sizeof name - 1);
    add(p, &p->size, sizeof p->size);
    add(p, l->text, l->len);
    add(p, "\n", 1);
}

static int send_parts(const struct journald *j, struct parts *p)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = p->list, .msg_iovlen = (size_t)p->count};

    return sendmsg(j->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int put(struct journald *j, const char *worker, const struct logline *l)
{
    struct parts p = {.count = 0};
    char priority[PRIORITY_TEXT];

    snprintf(priority, sizeof priority, "%d", l->level == LOGLINE_LEVEL_NONE ? LOG_INFO : l->level);
    add_field(&p, "PRIORITY", priority);
    add_field(&p, "SYSLOG_IDENTIFIER", worker);
    add_field(&p, "TASKD_TASK", l->task);
    add_field(&p, "TASKD_HANDLE", l->handle);
    add_field(&p, "TASKD_UNIT", l->unit);
    add_field(&p, "TASKD_FIELDS", l->fields);
    add_message(&p, l);
    return send_parts(j, &p);
}

void journald_put(struct journald *j, const char *worker, const struct logline *l)
{
    int r = put(j, worker, l);

    if (r == 0) {
        say_gap(j);
        return;
    }
    if (j->gap == 0)
        log_error("the journal: %s: lines that it does not take are counted", strerror(-r));
    j->gap++;
    j->lost++;
}
