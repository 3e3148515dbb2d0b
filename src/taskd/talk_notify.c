/* The conversation with a worker that speaks sd_notify(3): all of it one way. It is stopped by signals. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/quantity.h"
#include "taskd/cgroup.h"
#include "taskd/log.h"
#include "taskd/notice.h"
#include "taskd/notify_socket.h"
#include "taskd/task_impl.h"
#include "taskd/tree.h"

/* Whoever knows the path can send. A sender that has been reaped already cannot be told from a stranger: it has to wait
 * for the barrier, as systemd-notify(1) does. */
static bool belongs(const struct task *t, pid_t pid)
{
    const struct life *l = &t->life;
    if (pid <= 1 || l->pid <= 0)
        return false;
    return pid == l->pid || tree_has(l->pid, l->handle, pid) || (t->cgroup && cgroup_has(t->cgroup, pid));
}

/* It is pinned before it is asked whose it is, so that the number cannot change hands in between. */
static void take_main_pid(struct task *t, pid_t pid)
{
    struct life *l = &t->life;
    if (pid == l->main_pid)
        return;
    int fd = pid == l->pid ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid != l->pid && (fd < 0 || !belongs(t, pid) || sys->kill_leader(fd, 0) < 0)) {
        log_warn("%s: MAINPID=%d is no living process of its own: ignored", t->id, (int)pid);
        fd_close(&fd);
        l->ignored++;
        return;
    }
    fd_close(&l->main_pidfd);
    l->main_pid = pid;
    l->main_pidfd = fd;
    log_info("%s: its signals go to process %d from now on", t->id, (int)pid);
}

static void take_status(struct task *t, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return;
    free(t->life.text);
    t->life.text = copy;
}

/* The new time begins now; 0 is none at all. */
static void take_watchdog(struct task *t, int64_t ms)
{
    t->life.watchdog_ms = ms > 0 ? ms : DURATION_INFINITY;
    watch_heard(t);
    watch_arm(t);
}

static void take_numbers(struct task *t, const struct notice *n)
{
    if (n->error >= 0)
        t->life.told_errno = (int)n->error;
    if (n->exit_status >= 0)
        t->life.told_status = (int)n->exit_status;
    if (n->main_pid >= 0)
        take_main_pid(t, (pid_t)n->main_pid);
    if (n->watchdog_ms >= 0)
        take_watchdog(t, n->watchdog_ms);
    if (n->extend_ms >= 0 && talk_extend(t, n->extend_ms) == 0)
        task_extend_start(t, n->extend_ms);
}

static void take(struct task *t, const struct notice *n)
{
    t->life.ignored += n->ignored;
    if (n->status)
        take_status(t, n->status);
    take_numbers(t, n);
    if (n->stopping)
        t->life.acked = true;
    if (n->watchdog)
        watch_heard(t);
    if (n->ready)
        talk_ready(t);
    if (n->watchdog_trigger)
        watch_trigger(t);
    task_changed(t);
}

static void on_datagram(void *arg, pid_t sender, char *text, size_t len)
{
    struct task *t = arg;
    struct notice n;
    if (!belongs(t, sender)) {
        if (t->life.strangers++ == 0)
            log_warn(
                "%s: ignored what process %d has sent to its NOTIFY_SOCKET: it is none of its own, or gone already",
                t->id, (int)sender);
        return;
    }
    if (notice_parse(text, len, &n) < 0) {
        t->life.ignored++;
        return;
    }
    take(t, &n);
}

static void on_oversized(void *arg)
{
    struct task *t = arg;
    if (t->life.bad_lines++ == 0)
        log_warn("%s: ignored what was sent to its NOTIFY_SOCKET: more than %d bytes", t->id, NOTICE_MAX);
}

/* Can another user get there? The folder itself is open to all. */
static bool reachable(const char *folder)
{
    struct stat st;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (stat(path, &st) == 0 && !(st.st_mode & S_IXOTH))
            return false;
    }
    return true;
}

int talk_open_notify(struct task *t)
{
    struct notify_hooks hooks = {.on_datagram = on_datagram, .on_oversized = on_oversized, .arg = t};
    if (t->config->channel != CHANNEL_SD_NOTIFY)
        return 0;
    if (!t->shared->notify_folder)
        return -EADDRNOTAVAIL; /* there is no control socket either */
    if (t->definition->identity.change && t->attempts == 1 && !reachable(t->shared->notify_folder))
        log_warn(
            "%s: its user may not be able to reach its NOTIFY_SOCKET: open the directories above %s to others (mode "
            "0711)",
            t->id, t->shared->notify_folder);
    return notify_socket_new(t->shared->base, t->shared->notify_folder, &hooks, &t->notify);
}
