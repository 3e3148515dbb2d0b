#include "taskd/gzip.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "autoconf.h"
#include "common/fd.h"

#ifdef HAVE_ZLIB
#include <zlib.h>

enum { BLOCK = 64 * 1024, NICE = 19 };

struct gzip {
    int fd; /* the process writes one byte when all is done */
    struct event *readable;
    gzip_done *done;
    void *arg;
};

static int compress_all(int from, gzFile to)
{
    static char block[BLOCK];
    ssize_t n;

    while ((n = read(from, block, sizeof block)) > 0)
        if (gzwrite(to, block, (unsigned)n) != n)
            return -EIO;
    return n < 0 ? -errno : 0;
}

static int compress_file(int in, const char *to)
{
    struct stat st;
    int out, r;
    gzFile gz;

    if (fstat(in, &st) < 0)
        return -errno;
    unlink(to);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
    if (out < 0)
        return -errno;
    /* Where the owner cannot be kept the mode still protects it. */
    r = fchown(out, st.st_uid, st.st_gid) < 0 && errno != EPERM ? -errno : 0;
    gz = r == 0 ? gzdopen(dup(out), "wb") : NULL;
    if (!gz)
        return r ? r : -ENOMEM;
    r = compress_all(in, gz);
    if (gzclose(gz) != Z_OK || fsync(out) < 0)
        r = r ? r : -EIO;
    return r;
}

static _Noreturn void child(int tell, int from, const char *to)
{
    bool ok;

    /* Of the loop's descriptors none may be held open for longer than the loop needs them. */
    if (dup2(from, STDIN_FILENO) < 0 || dup2(tell, STDOUT_FILENO) < 0 ||
        syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) < 0)
        _exit(1);
    setpriority(PRIO_PROCESS, 0, NICE);
    ok = compress_file(STDIN_FILENO, to) == 0;
    if (!ok)
        unlink(to);
    _exit(ok && write(STDOUT_FILENO, "+", 1) == 1 ? 0 : 1);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct gzip *g = arg;
    gzip_done *done = g->done;
    void *done_arg = g->arg;
    char byte;
    bool ok = read(fd, &byte, 1) == 1;

    gzip_free(g);
    done(done_arg, ok);
}

int gzip_start(struct event_base *base, const char *from, const char *to, gzip_done *done, void *arg, struct gzip **ret)
{
    /* Opened here: by the time the process runs, a rotation may have given the name to another file. */
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), fds[2];
    struct gzip *g = in < 0 ? NULL : calloc(1, sizeof *g);
    pid_t pid;

    if (!g || pipe2(fds, O_CLOEXEC) < 0) {
        int error = in < 0 ? errno : ENOMEM;
        free(g);
        fd_close(&in);
        return -error;
    }
    *g = (struct gzip){.fd = fds[0], .done = done, .arg = arg};
    g->readable = event_new(base, g->fd, EV_READ, on_readable, g);
    pid = g->readable && event_add(g->readable, NULL) == 0 ? fork() : -1;
    if (pid == 0)
        child(fds[1], in, to);
    close(fds[1]);
    close(in);
    if (pid < 0) {
        gzip_free(g);
        return -EAGAIN;
    }
    *ret = g; /* the process itself is reaped with the strangers */
    return 0;
}

void gzip_free(struct gzip *g)
{
    if (!g)
        return;
    if (g->readable)
        event_free(g->readable);
    fd_close(&g->fd);
    free(g);
}

#else

int gzip_start(struct event_base *base, const char *from, const char *to, gzip_done *done, void *arg, struct gzip **ret)
{
    (void)base, (void)from, (void)to, (void)done, (void)arg, (void)ret;
    return -ENOSYS;
}

void gzip_free(struct gzip *g)
{
    (void)g;
}

#endif
