#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int add_flag(int fd, int get, int set, int flag)
{
    int flags = fcntl(fd, get);
    if (flags < 0 || ((flags & flag) == 0 && fcntl(fd, set, flags | flag) < 0))
        return -errno;
    return 0;
}

int fd_cloexec(int fd)
{
    return add_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC);
}

int fd_nonblock(int fd)
{
    return add_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK);
}

int fd_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file's size is not asked: files in /proc say 0. */
static int read_to_end(int fd, size_t max, char **ret, size_t *ret_len)
{
    size_t len = 0, cap = 4096;
    char *data = malloc(cap);
    while (data) {
        if (len + 1 == cap) {
            char *more = realloc(data, cap * 2);
            if (!more)
                break;
            data = more;
            cap *= 2;
        }
        ssize_t n = read(fd, data + len, cap - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || len + (size_t)n > max) {
            int r = n < 0 ? -errno : n > 0 ? -EFBIG : 0;
            if (r < 0) {
                free(data);
                return r;
            }
            data[len] = '\0';
            *ret = data;
            *ret_len = len;
            return 0;
        }
        len += (size_t)n;
    }
    free(data);
    return -ENOMEM;
}

int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int r = read_to_end(fd, max, ret, ret_len);
    close(fd);
    return r;
}

void fd_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}
