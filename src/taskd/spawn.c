#include "taskd/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

enum { CHILD_STACK = 64 * 1024, STANDARD_FDS = 3 };

/* The C library's wrappers of these would touch the parent's memory that the child borrows (they tell all threads, they
 * cache ids), and where a 32-bit call exists the plain one has 16-bit ids. */
#ifdef SYS_setresuid32
enum { NR_SETRESUID = SYS_setresuid32, NR_SETRESGID = SYS_setresgid32, NR_SETGROUPS = SYS_setgroups32 };
#else
enum { NR_SETRESUID = SYS_setresuid, NR_SETRESGID = SYS_setresgid, NR_SETGROUPS = SYS_setgroups };
#endif

/* A sanitizer would track the child's use of the borrowed memory as if it were the parent's. */
#if defined(__clang__) || defined(__GNUC__)
#define CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined"))) static
#endif

struct child {
    const struct spawn_request *req;
    sigset_t old_mask;
    int error;
    const char *step;
};

/* The plain system call also reaches the signals that the C library keeps for itself: an ancestor may have ignored
 * them. All zero is SIG_DFL, whatever the layout. */
CHILD_SIDE int reset_signals(void)
{
    static const unsigned long standard[8];
    for (int sig = 1; sig < NSIG; sig++)
        syscall(SYS_rt_sigaction, sig, standard, NULL, (NSIG - 1) / 8);
    return 0;
}

/* Before anything of the worker's is there that could be counted elsewhere, and while it may still be done. */
CHILD_SIDE int join_cgroup(const struct spawn_request *r)
{
    return r->cgroup_fd < 0 || write(r->cgroup_fd, "0", 1) == 1 ? 0 : -1;
}

/* Where there is none: /dev/null. Above `highest`, so that no dup2 overwrites one that is still needed. */
CHILD_SIDE int lift(int fd, int highest)
{
    if (fd < 0 && (fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, highest + 1);
}

CHILD_SIDE bool is_target(const struct spawn_request *r, int fd)
{
    for (size_t i = 0; i < r->fds_count; i++)
        if (r->fds[i].target == fd)
            return true;
    return false;
}

CHILD_SIDE int place_fds(const struct spawn_request *r)
{
    struct spawn_fd all[STANDARD_FDS + SPAWN_FDS_MAX] = {{r->stdin_fd, 0}, {r->stdout_fd, 1}, {r->stderr_fd, 2}};
    size_t count = STANDARD_FDS;
    int highest = STANDARD_FDS - 1;
    for (size_t i = 0; i < r->fds_count; i++) {
        all[count++] = r->fds[i];
        highest = r->fds[i].target > highest ? r->fds[i].target : highest;
    }
    for (size_t i = 0; i < count; i++)
        if ((all[i].fd = lift(all[i].fd, highest)) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        if (dup2(all[i].fd, all[i].target) < 0)
            return -1;
    for (int fd = STANDARD_FDS; fd < highest; fd++)
        if (!is_target(r, fd))
            syscall(SYS_close, fd);
    return (int)syscall(SYS_close_range, (unsigned)highest + 1, ~0U, 0);
}

/* Nobody knows the number before the clone, and the environment is of before. */
CHILD_SIDE int write_pid(const struct spawn_request *r)
{
    char digits[SPAWN_PID_ROOM];
    int n = 0;
    if (r->pid_texts_count == 0)
        return 0;
    for (long pid = syscall(SYS_getpid); pid > 0; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    for (size_t k = 0; k < r->pid_texts_count; k++) {
        for (int i = 0; i < n; i++)
            r->pid_texts[k][i] = digits[n - 1 - i];
        r->pid_texts[k][n] = '\0';
    }
    return 0;
}

CHILD_SIDE int set_limits(const struct spawn_request *r)
{
    if (r->nofile && setrlimit(RLIMIT_NOFILE, r->nofile) < 0)
        return -1;
    for (size_t i = 0; i < r->limits_count; i++) {
        struct rlimit rl = {r->limits[i].value, r->limits[i].value};
        /* Not setrlimit(): the C libraries do not agree on the type of its first argument. */
        if (syscall(SYS_prlimit64, 0, r->limits[i].resource, &rl, NULL) < 0)
            return -1;
    }
    return 0;
}

/* Groups before uid, and each is read back: a half-dropped privilege must never reach exec. */
CHILD_SIDE int set_ids(const struct spawn_request *r)
{
    if (!r->set_ids)
        return 0;
    if (syscall(NR_SETGROUPS, r->groups_count, r->groups) < 0 || syscall(NR_SETRESGID, r->gid, r->gid, r->gid) < 0 ||
        syscall(NR_SETRESUID, r->uid, r->uid, r->uid) < 0)
        return -1;
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid;
    if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
        return -1;
    if (ruid != r->uid || euid != r->uid || suid != r->uid || rgid != r->gid || egid != r->gid || sgid != r->gid) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

CHILD_SIDE int change_dir(const struct spawn_request *r)
{
    return r->cwd ? chdir(r->cwd) : 0;
}

CHILD_SIDE int own_group(const struct spawn_request *r)
{
    (void)r;
    return setpgid(0, 0);
}

/* A candidate that is missing gives way to the next one; one that may not be run is remembered, as execvp does. */
CHILD_SIDE int exec_first(const struct spawn_request *r)
{
    bool denied = false;
    for (char *const *file = r->candidates; *file; file++) {
        /* Not execve(): a profiler's build puts a function of its own in its place, which writes to the borrowed
         * memory. */
        syscall(SYS_execve, *file, r->argv, r->envp);
        if (errno == EACCES)
            denied = true;
        else if (errno != ENOENT && errno != ENOTDIR)
            return -1;
    }
    errno = denied ? EACCES : ENOENT;
    return -1;
}

CHILD_SIDE int child_main(void *arg)
{
    struct child *c = arg;
    const struct {
        const char *step;
        int (*run)(const struct spawn_request *);
    } steps[] = {
        {"setpgid", own_group},
        {"join the control group", join_cgroup},
        {"set up descriptors", place_fds},
        {"write its pid", write_pid},
        {"set limits", set_limits},
        {"switch user", set_ids},
        {"chdir", change_dir},
    };
    reset_signals();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        c->step = steps[i].step;
        if (steps[i].run(c->req) < 0)
            goto fail;
    }
    if (c->req->umask >= 0)
        umask((mode_t)c->req->umask);
    c->step = "exec";
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exec_first(c->req);
fail:
    c->error = errno;
    syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

static pid_t clone_child(struct child *c, int *ret_pidfd)
{
    char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -1;
    pid_t pid = clone(child_main, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, c, ret_pidfd);
    int error = errno;
    munmap(stack, CHILD_STACK);
    errno = error;
    return pid;
}

static void reap_failed(pid_t pid, int *pidfd)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fd_close(pidfd);
}

int spawn_process(const struct spawn_request *req, struct spawn_result *ret)
{
    struct child c = {.req = req};
    sigset_t all;
    if (req->fds_count > SPAWN_FDS_MAX) {
        *ret = (struct spawn_result){.pid = -1, .pidfd = -1, .error = EMFILE, .step = "set up descriptors"};
        return -EMFILE;
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &c.old_mask);
    int pidfd = -1;
    pid_t pid = clone_child(&c, &pidfd);
    int error = pid < 0 ? errno : c.error;
    sigprocmask(SIG_SETMASK, &c.old_mask, NULL);

    if (error) {
        if (pid > 0)
            reap_failed(pid, &pidfd);
        *ret = (struct spawn_result){.pid = -1, .pidfd = -1, .error = error, .step = pid < 0 ? "clone" : c.step};
        return -error;
    }
    fd_cloexec(pidfd);
    *ret = (struct spawn_result){.pid = pid, .pidfd = pidfd};
    return 0;
}

static const char *find_path(char *const *envp)
{
    for (; envp && *envp; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static size_t count_colons(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == ':';
    return n;
}

/* "DIR/FILE", or plain FILE for an empty entry, which means the working directory. */
static char *join(const char *dir, size_t dir_len, const char *file)
{
    size_t file_len = strlen(file);
    char *s = malloc(dir_len + file_len + 2);
    if (!s)
        return NULL;
    memcpy(s, dir, dir_len);
    if (dir_len)
        s[dir_len++] = '/';
    memcpy(s + dir_len, file, file_len + 1);
    return s;
}

char **spawn_candidates(const char *file, char *const *envp)
{
    const char *path = strchr(file, '/') ? "" : find_path(envp);
    char **list = calloc(count_colons(path) + 2, sizeof *list);
    if (!list)
        return NULL;
    for (size_t n = 0;; n++) {
        size_t len = strcspn(path, ":");
        list[n] = join(path, len, file);
        if (!list[n]) {
            spawn_candidates_free(list);
            return NULL;
        }
        if (!path[len])
            return list;
        path += len + 1;
    }
}

void spawn_candidates_free(char **list)
{
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
}
