#include "taskd/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"

struct endpoint {
    struct endpoint_pool *pool;
    struct endpoint *next;
    unsigned refs;
    int fd;
    struct address address;
    int type;   /* enum socket_type; of what was adopted -1 for anything else */
    char *name; /* of what was adopted, else NULL */
    struct endpoint_settings settings;
    dev_t dev; /* of the file that bind(2) has made: somebody may have put another in its place since */
    ino_t ino; /* 0: none */
};

/* --- references ----------------------------------------------------------------------------------------------------
 */

static struct endpoint *add(struct endpoint_pool *pool, struct endpoint *e)
{
    struct endpoint **end = &pool->first;
    while (*end)
        end = &(*end)->next;
    *end = e;
    e->pool = pool;
    e->refs = 1;
    return e;
}

struct endpoint *endpoint_new(struct endpoint_pool *pool, const struct address *address, enum socket_type type)
{
    struct endpoint *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->fd = -1;
    e->address = *address;
    e->type = (int)type;
    return add(pool, e);
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

/* A FIFO or a connection may be handed over in the same way. */
static int type_of(int fd)
{
    if (option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1)
        return SOCKET_STREAM;
    return option(fd, SO_TYPE) == SOCK_DGRAM ? SOCKET_DGRAM : -1;
}

struct endpoint *endpoint_adopt(struct endpoint_pool *pool, int fd, const char *name)
{
    struct endpoint *e = calloc(1, sizeof *e);
    char *copy = strdup(name);
    if (!e || !copy) {
        free(e);
        free(copy);
        close(fd);
        return NULL;
    }
    e->fd = fd;
    e->type = type_of(fd);
    e->name = copy;
    return add(pool, e);
}

struct endpoint *endpoint_ref(struct endpoint *e)
{
    e->refs++;
    return e;
}

static bool still_our_file(const struct endpoint *e)
{
    struct stat st;
    return e->ino && lstat(address_path(&e->address), &st) == 0 && st.st_dev == e->dev && st.st_ino == e->ino;
}

static void shut(struct endpoint *e)
{
    if (still_our_file(e))
        unlink(address_path(&e->address));
    e->ino = 0;
    fd_close(&e->fd);
}

void endpoint_unref(struct endpoint *e)
{
    struct endpoint **at;
    if (!e || --e->refs > 0)
        return;
    for (at = &e->pool->first; *at != e; at = &(*at)->next)
        ;
    *at = e->next;
    shut(e);
    free(e->name);
    free(e);
}

void endpoint_pool_clear(struct endpoint_pool *pool)
{
    struct endpoint *e, *next;
    for (e = endpoint_next_adopted(pool, NULL); e; e = next) {
        next = endpoint_next_adopted(pool, e);
        endpoint_unref(e);
    }
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static int new_socket(const struct endpoint *e, const struct address *a)
{
    int fd = socket(a->sa.ss_family, (e->type == SOCKET_STREAM ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Connections of the one before may still be dying, which must not keep its successor out. For datagrams the option
 * means that somebody else may take the port as well. */
static int prepare_internet(int fd, const struct endpoint *e, const struct address *a)
{
    int r = e->type == SOCKET_STREAM ? set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) : 0;
    if (r == 0 && a->sa.ss_family == AF_INET6)
        r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !a->both);
    return r;
}

static int bind_to(int fd, const struct address *a)
{
    return bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0 ? -errno : 0;
}

static int try_internet(struct endpoint *e, const struct address *a)
{
    int fd = new_socket(e, a);
    int r = fd < 0 ? fd : prepare_internet(fd, e, a);
    if (r == 0)
        r = bind_to(fd, a);
    if (r < 0)
        fd_close(&fd);
    else
        e->fd = fd;
    return r;
}

static int open_internet(struct endpoint *e)
{
    struct address plain = address_without_ipv6(&e->address);
    int r = try_internet(e, &e->address);
    bool no_ipv6 = r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
    return no_ipv6 && e->address.both ? try_internet(e, &plain) : r;
}

/* Only a connection that is refused shows that nobody is there: a queue may be full, a mode may forbid it. */
static bool is_abandoned(const struct endpoint *e)
{
    int fd = new_socket(e, &e->address);
    bool refused = fd >= 0 && fd_nonblock(fd) == 0 &&
                   connect(fd, (const struct sockaddr *)&e->address.sa, e->address.len) < 0 && errno == ECONNREFUSED;
    fd_close(&fd);
    return refused;
}

/* Removes what somebody who died has left here, if it was ours. */
static int clear_stale(const struct endpoint *e, const struct endpoint_settings *s)
{
    const char *path = address_path(&e->address);
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != s->uid))
        return -EEXIST;
    if (!is_abandoned(e))
        return -EADDRINUSE;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Two that find the same leftover must not remove each other's socket. A directory that cannot be opened is nobody's to
 * share; a lock is not waited for. */
static int lock_directory(const char *path, int *ret_fd)
{
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    *ret_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (*ret_fd < 0 || flock(*ret_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    fd_close(ret_fd);
    return -EBUSY;
}

static int give_away(const char *path, const struct endpoint_settings *s)
{
    if (s->uid == (uid_t)-1 && s->gid == (gid_t)-1)
        return 0;
    return lchown(path, s->uid, s->gid) < 0 ? -errno : 0;
}

/* The file takes its mode from the descriptor, less the umask: so nobody can connect who may not, at no moment. */
static int bind_file(struct endpoint *e, const struct endpoint_settings *s)
{
    const char *path = address_path(&e->address);
    struct stat st;
    mode_t before;
    int r = fchmod(e->fd, s->mode) < 0 ? -errno : 0;
    if (r < 0)
        return r;
    before = umask(0);
    r = bind_to(e->fd, &e->address);
    umask(before);
    if (r < 0)
        return r;
    if (lstat(path, &st) < 0)
        return -errno;
    e->dev = st.st_dev;
    e->ino = st.st_ino;
    return give_away(path, s);
}

static int open_unix(struct endpoint *e, const struct endpoint_settings *s)
{
    int lock = -1, r = lock_directory(address_path(&e->address), &lock);
    if (r == 0)
        r = clear_stale(e, s);
    if (r == 0)
        r = e->fd = new_socket(e, &e->address);
    if (r >= 0)
        r = bind_file(e, s);
    fd_close(&lock);
    return r;
}

static int start_listening(const struct endpoint *e, int backlog)
{
    return e->type == SOCKET_STREAM && listen(e->fd, backlog) < 0 ? -errno : 0;
}

int endpoint_open(struct endpoint *e, const struct endpoint_settings *s)
{
    int r = address_path(&e->address) ? open_unix(e, s) : open_internet(e);
    if (r >= 0)
        r = start_listening(e, s->backlog);
    if (r < 0)
        shut(e);
    else
        e->settings = *s;
    return r;
}

int endpoint_change(struct endpoint *e, const struct endpoint_settings *s)
{
    const char *path = address_path(&e->address);
    struct endpoint_settings old = e->settings;
    if (e->name)
        return 0;
    e->settings = *s;
    int r = old.backlog != s->backlog ? start_listening(e, s->backlog) : 0;
    if (r < 0 || !path || !still_our_file(e))
        return r;
    if (old.mode != s->mode && chmod(path, s->mode) < 0)
        return -errno;
    return old.uid != s->uid || old.gid != s->gid ? give_away(path, s) : 0;
}

/* --- questions -----------------------------------------------------------------------------------------------------
 */

int endpoint_fd(const struct endpoint *e)
{
    return e->fd;
}

static bool is_at(const struct endpoint *e, const struct address *a)
{
    return e->name ? address_is_of(a, e->fd) : address_equal(a, &e->address);
}

struct endpoint *endpoint_find(const struct endpoint_pool *pool, const struct address *a, enum socket_type type)
{
    struct endpoint *e = pool->first;
    while (e && (e->type != (int)type || !is_at(e, a)))
        e = e->next;
    return e;
}

struct endpoint *endpoint_next_adopted(const struct endpoint_pool *pool, const struct endpoint *last)
{
    struct endpoint *e = last ? last->next : pool->first;
    while (e && !e->name)
        e = e->next;
    return e;
}

const char *endpoint_name(const struct endpoint *e)
{
    return e->name;
}

bool endpoint_has_type(const struct endpoint *e, enum socket_type type)
{
    return e->type == (int)type;
}

bool endpoint_used(const struct endpoint *e)
{
    return e->refs > 1;
}
