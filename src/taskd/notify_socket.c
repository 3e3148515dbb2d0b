#include "taskd/notify_socket.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/notice.h"

/* The kernel passes at most so many descriptors at once; it queues fewer datagrams than are read for a poll. */
enum { PASSED_MAX = 253, READS = 64, POLL_READS = 1024 };

struct notify_socket {
    int fd;
    bool reading;
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    struct sockaddr_un addr;
    struct event *readable;
    struct notify_hooks hooks;
};

/* Numbers of sockets, never used twice; and how many there are. */
static uint64_t last_number;
static size_t open_sockets;

/* --- reading -------------------------------------------------------------------------------------------------------
 */

static void close_passed(const struct cmsghdr *c)
{
    int fd;
    for (size_t i = 0; CMSG_LEN((i + 1) * sizeof fd) <= c->cmsg_len; i++) {
        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        close(fd);
    }
}

static void close_all_passed(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            close_passed(c);
}

static pid_t sender_of(struct msghdr *m)
{
    struct ucred cred = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof cred))
            memcpy(&cred, CMSG_DATA(c), sizeof cred);
    return cred.pid;
}

/* true while there may be more. The text lies on the stack: a handler may make another socket read. */
static bool read_one(struct notify_socket *s)
{
    char text[NOTICE_MAX + 1];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(PASSED_MAX * sizeof(int))];
    struct iovec iov = {.iov_base = text, .iov_len = NOTICE_MAX};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR;
    if (m.msg_flags & MSG_TRUNC)
        s->hooks.on_oversized(s->hooks.arg);
    else
        s->hooks.on_datagram(s->hooks.arg, sender_of(&m), text, (size_t)n);
    close_all_passed(&m);
    return true;
}

static void read_some(struct notify_socket *s, int most)
{
    if (s->reading)
        return;
    s->reading = true;
    for (int i = 0; i < most && read_one(s); i++)
        ;
    s->reading = false;
}

void notify_socket_poll(struct notify_socket *s)
{
    if (s)
        read_some(s, POLL_READS);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    read_some(arg, READS);
}

/* --- the folder ----------------------------------------------------------------------------------------------------
 */

/* What a taskd that died has left there; the folder is named after the control socket, which is ours alone. */
static void sweep(int folder)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        fd_close(&copy);
        return;
    }
    struct dirent *e;
    struct stat st;
    while ((e = readdir(dir)))
        if (fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
            unlinkat(folder, e->d_name, 0);
    closedir(dir);
}

/* Others may pass through it and not look into it. */
static int check_folder(int fd, bool found)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    if (fchmod(fd, 0711) < 0)
        return -errno;
    if (found && open_sockets == 0)
        sweep(fd);
    return 0;
}

static int make_folder(const char *path)
{
    bool found = mkdir(path, 0700) < 0 && errno == EEXIST;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = check_folder(fd, found);
    close(fd);
    return r;
}

/* --- making --------------------------------------------------------------------------------------------------------
 */

static int name_it(struct notify_socket *s, const char *folder)
{
    s->addr.sun_family = AF_UNIX;
    size_t room = sizeof s->addr.sun_path;
    int n = snprintf(s->addr.sun_path, room, "%s/%llu", folder, (unsigned long long)++last_number);
    if (n < 0 || (size_t)n >= room)
        return -ENAMETOOLONG;
    snprintf(s->folder, sizeof s->folder, "%s", folder);
    return 0;
}

/* Credentials are asked for before anybody can send. */
static int bind_it(struct notify_socket *s)
{
    const int on = 1;
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
        return -errno;
    if (bind(s->fd, (const struct sockaddr *)&s->addr, sizeof s->addr) < 0)
        return -errno;
    return chmod(s->addr.sun_path, 0666) < 0 ? -errno : 0;
}

static int watch_it(struct notify_socket *s, struct event_base *base)
{
    s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
    return s->readable && event_add(s->readable, NULL) == 0 ? 0 : -ENOMEM;
}

int notify_socket_new(struct event_base *base, const char *folder, const struct notify_hooks *hooks,
                      struct notify_socket **ret)
{
    struct notify_socket *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->fd = -1;
    s->hooks = *hooks;
    int r = name_it(s, folder);
    if (r == 0)
        r = make_folder(folder);
    open_sockets++;
    if (r == 0)
        r = bind_it(s);
    if (r == 0)
        r = watch_it(s, base);
    if (r < 0)
        notify_socket_free(s);
    else
        *ret = s;
    return r;
}

const char *notify_socket_path(const struct notify_socket *s)
{
    return s->addr.sun_path;
}

void notify_socket_free(struct notify_socket *s)
{
    if (!s)
        return;
    if (s->readable)
        event_free(s->readable);
    if (s->fd >= 0)
        unlink(s->addr.sun_path);
    fd_close(&s->fd);
    if (--open_sockets == 0)
        rmdir(s->folder);
    free(s);
}
