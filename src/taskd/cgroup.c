/* The control group of a task. */
#include "taskd/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/cgroup_impl.h"

enum { PROCS_SIZE = 1 << 20, KILL_ROUNDS = 100, EVENTS_SIZE = 512 };

struct cgroup {
    struct cgroups *all;
    char *name;
    int fd;
    bool limited[CONTROLLERS]; /* has had such a limit: it is taken back where the next life has none */
    char unset[64];
    int64_t oom_kills; /* when this life began */
};

/* --- files ---------------------------------------------------------------------------------------------------------
 */

int cgroup_write(int at, const char *file, const char *text)
{
    int fd = openat(at, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

int cgroup_read(int at, const char *file, char *text, size_t size)
{
    int fd = openat(at, file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;
    if (fd < 0)
        return -errno;
    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    int r = n < 0 ? -errno : (int)len;
    text[len] = '\0';
    close(fd);
    return r;
}

/* --- killing -------------------------------------------------------------------------------------------------------
 */

static size_t each_process(int at, pid_t except, int sig)
{
    char *text = malloc(PROCS_SIZE), *rest = NULL;
    size_t n = 0;
    if (!text)
        return 0;
    if (cgroup_read(at, "cgroup.procs", text, PROCS_SIZE) > 0)
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            pid_t pid = (pid_t)strtol(line, NULL, 10);
            n += pid != except;
            if (sig && pid > 1 && pid != getpid())
                kill(pid, sig);
        }
    free(text);
    return n;
}

/* cgroup.kill reaches what is being forked meanwhile; kernels before 5.14 do not have it. */
size_t cgroup_kill_all(int at, pid_t except)
{
    size_t n = each_process(at, except, 0);
    if (cgroup_write(at, "cgroup.kill", "1") == 0)
        return n;
    for (int i = 0; i < KILL_ROUNDS && each_process(at, 0, SIGKILL) > 0; i++)
        ;
    return n;
}

size_t cgroup_kill(struct cgroup *g, pid_t leader)
{
    return cgroup_kill_all(g->fd, leader);
}

bool cgroup_has(const struct cgroup *g, pid_t pid)
{
    char *text = malloc(PROCS_SIZE), *rest = NULL;
    bool found = false;
    if (text && cgroup_read(g->fd, "cgroup.procs", text, PROCS_SIZE) > 0)
        for (char *line = strtok_r(text, "\n", &rest); line && !found; line = strtok_r(NULL, "\n", &rest))
            found = strtol(line, NULL, 10) == pid;
    free(text);
    return found;
}

/* --- coming and going ----------------------------------------------------------------------------------------------
 */

int cgroup_remove(struct cgroups *all, const char *name, int tries)
{
    const struct timespec moment = {.tv_nsec = 2 * 1000 * 1000};
    while (unlinkat(all->fd, name, AT_REMOVEDIR) < 0) {
        if (errno != EBUSY || --tries <= 0)
            return -errno;
        nanosleep(&moment, NULL);
    }
    return 0;
}

static const struct limit_file {
    const char *key, *file, *none;
    enum cgroup_controller controller;
    size_t offset;
} limit_files[] = {
    {"memory_max", "memory.max", "max", CONTROLLER_MEMORY, offsetof(struct worker_config, memory_max)},
    {"pids_max", "pids.max", "max", CONTROLLER_PIDS, offsetof(struct worker_config, pids_max)},
    {"cpu_weight", "cpu.weight", "100", CONTROLLER_CPU, offsetof(struct worker_config, cpu_weight)},
};

static void set_limit(struct cgroup *g, const struct limit_file *f, int64_t value)
{
    char text[32];
    size_t len = strlen(g->unset);
    snprintf(text, sizeof text, "%lld", (long long)value);
    g->limited[f->controller] = true;
    if (!g->all->controllers[f->controller] || cgroup_write(g->fd, f->file, text) < 0)
        snprintf(g->unset + len, sizeof g->unset - len, "%s%s", len ? " " : "", f->key);
}

static void set_limits(struct cgroup *g, const struct worker_config *c)
{
    g->unset[0] = '\0';
    for (size_t i = 0; i < sizeof limit_files / sizeof *limit_files; i++) {
        int64_t value = *(const int64_t *)(const void *)((const char *)c + limit_files[i].offset);
        if (value > 0)
            set_limit(g, &limit_files[i], value);
        else if (g->limited[limit_files[i].controller])
            cgroup_write(g->fd, limit_files[i].file, limit_files[i].none);
    }
}

int cgroup_new(struct cgroups *all, const char *task, struct cgroup **ret)
{
    struct cgroup *g = calloc(1, sizeof *g);
    int r = -ENOMEM;
    if (!g)
        return r;
    *g = (struct cgroup){.all = all, .fd = -1, .name = strdup(task)};
    if (g->name) {
        /* One of that name may still be dying: it is used again. */
        r = mkdirat(all->fd, g->name, 0755) < 0 && errno != EEXIST ? -errno : 0;
        g->fd = r == 0 ? openat(all->fd, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
        r = r == 0 && g->fd < 0 ? -errno : r;
    }
    if (r < 0) {
        cgroup_free(g);
        return r;
    }
    *ret = g;
    return 0;
}

void cgroup_free(struct cgroup *g)
{
    if (!g)
        return;
    if (g->fd >= 0)
        cgroup_remove(g->all, g->name, 1);
    fd_close(&g->fd);
    free(g->name);
    free(g);
}

const char *cgroup_unset(const struct cgroup *g)
{
    return g->unset;
}

int cgroup_open_procs(const struct cgroup *g)
{
    int fd = openat(g->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int64_t oom_kills(const struct cgroup *g)
{
    char text[EVENTS_SIZE];
    if (cgroup_read(g->fd, "memory.events", text, sizeof text) < 0)
        return 0;
    const char *at = strstr(text, "oom_kill ");
    return at ? strtoll(at + strlen("oom_kill "), NULL, 10) : 0;
}

void cgroup_begin_life(struct cgroup *g, const struct worker_config *limits)
{
    set_limits(g, limits);
    g->oom_kills = oom_kills(g);
}

bool cgroup_had_oom_kill(const struct cgroup *g)
{
    return oom_kills(g) > g->oom_kills;
}
