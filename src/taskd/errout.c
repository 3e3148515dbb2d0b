#include "taskd/errout.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd = STDERR_FILENO;
static bool is_socket;
static uint64_t dropped;

void errout_init(void)
{
    struct stat st;
    if (fd != STDERR_FILENO || fstat(STDERR_FILENO, &st) < 0)
        return;
    is_socket = S_ISSOCK(st.st_mode);
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return;
    int anew = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (anew >= 0)
        fd = anew;
}

static ssize_t write_some(const char *data, size_t len)
{
    return is_socket ? send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, data, len);
}

void errout_write(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write_some(data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            dropped += errno == EAGAIN;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

bool errout_ready(void)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) > 0;
}

uint64_t errout_dropped(void)
{
    uint64_t n = dropped;
    dropped = 0;
    return n;
}

static ssize_t on_write(void *cookie, const char *data, size_t len)
{
    (void)cookie;
    errout_write(data, len);
    return (ssize_t)len;
}

FILE *errout_stream(void)
{
    static FILE *stream;
    if (!stream)
        stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});
    return stream ? stream : stderr;
}
