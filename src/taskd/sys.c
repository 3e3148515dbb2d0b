#include "taskd/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "taskd/procfs.h"

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int kill_pidfd(int pidfd, int sig)
{
    return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

static int kill_group(pid_t leader, int sig)
{
    /* kill(-1) and kill(0) would reach far beyond a group. */
    if (leader <= 1)
        return -EINVAL;
    return kill(-leader, sig) < 0 ? -errno : 0;
}

static pid_t next_exit(void)
{
    siginfo_t si;
    memset(&si, 0, sizeof si);
    if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
        return 0;
    return si.si_pid;
}

static int reap(pid_t pid, struct sys_exit *ret)
{
    int status;
    struct rusage usage;
    pid_t r;
    do
        r = wait4(pid, &status, WNOHANG, &usage);
    while (r < 0 && errno == EINTR);
    if (r != pid)
        return r < 0 ? -errno : -EAGAIN;
    *ret = (struct sys_exit){
        .pid = pid,
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .core = WIFSIGNALED(status) && WCOREDUMP(status),
        .usage = usage,
    };
    return 0;
}

/* proc_pid_statm(5): the second number is the resident set in pages. */
static int64_t resident(pid_t pid)
{
    char path[64];
    long long pages = 0;
    if (procfs_fault())
        return 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*d %lld", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static double dice(void)
{
    uint32_t n = 0;
    if (getentropy(&n, sizeof n) < 0)
        n = UINT32_MAX / 2;
    return n / ((double)UINT32_MAX + 1);
}

const struct sys_ops sys_kernel = {
    .now_ms = now_ms,
    .spawn = spawn_process,
    .kill_leader = kill_pidfd,
    .kill_group = kill_group,
    .kill_stray = kill_pidfd,
    .next_exit = next_exit,
    .reap = reap,
    .resident = resident,
    .dice = dice,
};

const struct sys_ops *sys = &sys_kernel;

int sys_raise_nofile(struct rlimit *ret_before)
{
    struct rlimit rl;
    if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
        return -errno;
    *ret_before = rl;
    rl.rlim_cur = rl.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &rl) < 0 ? -errno : 0;
}
