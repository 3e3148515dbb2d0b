#include "taskd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "taskd/log.h"

enum { MESSAGE_MAX = 2048 };

/* A path, or a name in the abstract namespace behind '@': sd_notify(3), ENVIRONMENT. 0 or -errno. */
static int address(struct sockaddr_un *ret, socklen_t *ret_len)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof ret->sun_path || (path[0] != '/' && path[0] != '@'))
        return -EINVAL;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return 0;
}

static int send_text(const char *text, size_t len)
{
    struct sockaddr_un sa;
    socklen_t sa_len;
    int r = address(&sa, &sa_len);
    if (r < 0)
        return r;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sa, sa_len) < 0 ? -errno : 0;
    close(fd);
    return r;
}

bool notify_wanted(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void notify_send(const char *fmt, ...)
{
    static bool said;
    char text[MESSAGE_MAX];
    if (!notify_wanted())
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int r = send_text(text, strlen(text));
    if (r < 0 && !said) {
        said = true;
        log_warn("the service manager does not listen at NOTIFY_SOCKET=%s: %s", getenv("NOTIFY_SOCKET"), strerror(-r));
    }
}

int64_t notify_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!notify_wanted() || !usec || (pid && strtol(pid, NULL, 10) != getpid()))
        return 0;
    long long us = strtoll(usec, NULL, 10);
    return us > 0 ? us / 2000 : 0; /* twice as often as asked, as the manual advises */
}
