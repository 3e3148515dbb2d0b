#include "taskd/signals.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/fd.h"

static const int listened[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGPWR, SIGUSR1, SIGCHLD};

struct signals {
    int fd;
    struct event *readable;
    signals_cb *on_signal;
    void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct signals *s = arg;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        s->on_signal(s->arg, (int)info.ssi_signo);
}

static sigset_t listened_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof listened / sizeof *listened; i++)
        sigaddset(&set, listened[i]);
    return set;
}

void signals_hold(void)
{
    const sigset_t set = listened_set();
    if (getpid() == 1)
        sigprocmask(SIG_BLOCK, &set, NULL);
}

static int open_signalfd(void)
{
    const sigset_t set = listened_set();
    /* A parent may have ignored SIGCHLD (then children vanish unseen) or SIGINT (nohup-like shells): neither is
     * inherited. */
    struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    for (size_t i = 0; i < sizeof listened / sizeof *listened; i++)
        sigaction(listened[i], &sa, NULL);
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGXFSZ, &sa, NULL); /* a log file that grows beyond its limit is a failed write */
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int signals_new(struct event_base *base, signals_cb *on_signal, void *arg, struct signals **ret)
{
    struct signals *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct signals){.fd = open_signalfd(), .on_signal = on_signal, .arg = arg};
    if (s->fd < 0) {
        int r = s->fd;
        free(s);
        return r;
    }
    s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
    if (!s->readable || event_add(s->readable, NULL) < 0) {
        signals_free(s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

void signals_free(struct signals *s)
{
    if (!s)
        return;
    if (s->readable)
        event_free(s->readable);
    fd_close(&s->fd);
    free(s);
}
