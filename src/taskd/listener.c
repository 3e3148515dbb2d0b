#include "taskd/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/paths.h"

enum { BACKLOG = 128, LOCK_TRIES = 100 };

struct listener {
    char *path, *lock_path;
    int fd, lock_fd;
    dev_t dev; /* of the socket that we bound: somebody may have put another in its place since */
    ino_t ino;
};

/* The folder of the socket, made if need be. In one that belongs to a stranger the socket could be replaced under us.
 */
static int prepare_directory(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat st;
    int rc;

    if (!slash)
        return 0;
    snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    rc = paths_make_dir(dir);
    if (rc < 0)
        return rc;
    if (stat(dir, &st) < 0)
        return -errno;
    return geteuid() == 0 || st.st_uid == 0 || st.st_uid == geteuid() ? 0 : -EPERM;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* One try at the lock: -EAGAIN when its file was unlinked by an owner who left between our open and our flock. */
static int try_lock(const char *lock_path, int *ret_fd)
{
    struct stat st, named;
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    int rc = 0;

    if (fd < 0)
        return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EEXIST : -errno;
    if (fstat(fd, &st) < 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode))
        rc = -EEXIST;
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
    else if (lstat(lock_path, &named) < 0 || !same_file(&st, &named))
        rc = -EAGAIN;
    if (rc < 0)
        fd_close(&fd);
    else
        *ret_fd = fd;
    return rc;
}

static int take_lock(const char *lock_path, int *ret_fd)
{
    int rc = -EAGAIN;

    for (int i = 0; i < LOCK_TRIES && rc == -EAGAIN; i++)
        rc = try_lock(lock_path, ret_fd);
    return rc == -EAGAIN ? -EADDRINUSE : rc;
}

static bool somebody_listens(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes;

    if (fd < 0)
        return true;
    yes = connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN;
    fd_close(&fd);
    return yes;
}

/* Under the lock: removes what a taskd that died left behind, and nothing else. */
static int clear_stale(const struct sockaddr_un *addr)
{
    struct stat st;

    if (lstat(addr->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    /* The lock says that no taskd has it, but another program may. */
    if (somebody_listens(addr))
        return -EADDRINUSE;
    return unlink(addr->sun_path) < 0 ? -errno : 0;
}

/* The socket file takes its mode from the descriptor, so it is 0600 from its first moment, whatever the umask says. */
static int bind_private(struct listener *l, const struct sockaddr_un *addr)
{
    struct stat st;

    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || fchmod(l->fd, 0600) < 0)
        return -errno;
    if (bind(l->fd, (const struct sockaddr *)addr, sizeof *addr) < 0)
        return -errno;
    if (lstat(addr->sun_path, &st) < 0)
        return -errno;
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    return listen(l->fd, BACKLOG) < 0 ? -errno : 0;
}

static int open_all(struct listener *l)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int rc;

    if (strlen(l->path) >= sizeof addr.sun_path)
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, l->path, strlen(l->path) + 1);
    rc = prepare_directory(l->path);
    if (rc < 0)
        return rc;
    rc = take_lock(l->lock_path, &l->lock_fd);
    if (rc < 0)
        return rc;
    rc = clear_stale(&addr);
    if (rc < 0)
        return rc;
    return bind_private(l, &addr);
}

int listener_open(const char *path, struct listener **ret)
{
    struct listener *l = calloc(1, sizeof *l);
    int rc = -ENOMEM;

    if (!l)
        return -ENOMEM;
    l->fd = l->lock_fd = -1;
    l->path = strdup(path);
    if (l->path && asprintf(&l->lock_path, "%s.lock", path) < 0)
        l->lock_path = NULL;
    if (l->lock_path)
        rc = open_all(l);
    if (rc < 0)
        listener_free(l);
    else
        *ret = l;
    return rc;
}

int listener_fd(const struct listener *l)
{
    return l->fd;
}

const char *listener_path(const struct listener *l)
{
    return l->path;
}

void listener_free(struct listener *l)
{
    struct stat st;

    if (!l)
        return;
    if (l->ino && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->path);
    fd_close(&l->fd);
    /* While we hold the lock nobody else uses its file; who opened it meanwhile sees that it is gone and tries again.
     */
    if (l->lock_fd >= 0)
        unlink(l->lock_path);
    fd_close(&l->lock_fd);
    free(l->path);
    free(l->lock_path);
    free(l);
}
