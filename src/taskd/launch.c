#include "taskd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/proto.h"
#include "common/quantity.h"

extern char **environ;

/* The service manager, or a Node program, speaks to taskd through these; a worker that answered would speak for it. */
static const char *const managers_own[] = {
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "MAINPID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "MANAGERPID",
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
    NULL,
};

/* An environment under construction. Later entries win. Strings are borrowed but for the few in `own`. */
struct env {
    char **list;
    size_t count, cap;
    char *own[16];
    size_t own_count;
    char *pid_texts[SPAWN_PIDS_MAX]; /* see spawn.h */
    size_t pid_texts_count;
    bool failed;
};

static bool same_name(const char *entry, const char *name, size_t len)
{
    return strncmp(entry, name, len) == 0 && (entry[len] == '=' || entry[len] == '\0');
}

static bool in_list(const char *entry, char *const *names)
{
    for (; names && *names; names++)
        if (same_name(entry, *names, strlen(*names)))
            return true;
    return false;
}

static void env_put(struct env *e, char *entry)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < e->count; i++) {
        if (same_name(e->list[i], entry, len)) {
            e->list[i] = entry;
            return;
        }
    }
    if (e->count + 1 >= e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 64;
        char **list = realloc(e->list, cap * sizeof *list);
        if (!list) {
            e->failed = true;
            return;
        }
        e->list = list;
        e->cap = cap;
    }
    e->list[e->count++] = entry;
    e->list[e->count] = NULL;
}

__attribute__((format(printf, 2, 3))) static void env_printf(struct env *e, const char *fmt, ...)
{
    char *entry = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&entry, fmt, ap) < 0)
        entry = NULL;
    va_end(ap);
    if (!entry) {
        e->failed = true;
        return;
    }
    e->own[e->own_count++] = entry;
    env_put(e, entry);
}

/* The child will put its own number behind the name. */
static void env_own_pid(struct env *e, const char *name)
{
    env_printf(e, "%s=%*s", name, SPAWN_PID_ROOM, "");
    if (!e->failed)
        e->pid_texts[e->pid_texts_count++] = strchr(e->own[e->own_count - 1], '=') + 1;
}

static void env_free(struct env *e)
{
    for (size_t i = 0; i < e->own_count; i++)
        free(e->own[i]);
    free(e->list);
}

static bool managers(const char *entry)
{
    for (const char *const *name = managers_own; *name; name++)
        if (same_name(entry, *name, strlen(*name)))
            return true;
    return strncmp(entry, "TASKD_", 6) == 0;
}

static void inherit(struct env *e, const struct worker_config *c)
{
    for (char **entry = environ; *entry && c->env_inherit != ENV_INHERIT_NONE; entry++) {
        bool wanted = c->env_inherit == ENV_INHERIT_ALL || in_list(*entry, c->env_inherit_names);
        if (wanted && !managers(*entry))
            env_put(e, *entry);
    }
}

static void identify(struct env *e, const struct identity *id)
{
    if (!id->name)
        return;
    env_printf(e, "USER=%s", id->name);
    env_printf(e, "LOGNAME=%s", id->name);
    env_printf(e, "HOME=%s", id->home);
}

static int64_t grace_for_env(int64_t ms)
{
    return ms == DURATION_INFINITY ? -1 : ms;
}

/* Sockets come first, since their protocol counts from 3. */
static int channel_target(const struct launch *l)
{
    return PROTO_FD + (int)l->sockets->count;
}

/* Node takes a socket that it is given like this for the IPC channel of its parent: child_process, "Advanced
 * serialization" and options.stdio in Node's manual. */
static void describe_channel(struct env *e, const struct launch *l)
{
    const struct worker_config *c = l->config;
    if (c->channel == CHANNEL_NODE_IPC) {
        env_printf(e, "NODE_CHANNEL_FD=%d", channel_target(l));
        env_printf(e, "NODE_CHANNEL_SERIALIZATION_MODE=json");
    } else {
        env_printf(e, PROTO_ENV_FD "=%d", channel_target(l));
    }
    env_printf(e, PROTO_ENV_PROTO "=%d", PROTO_VERSION);
    env_printf(e, PROTO_ENV_GRACE_MS "=%" PRId64, grace_for_env(c->stop_timeout));
    if (c->watchdog_timeout != DURATION_INFINITY)
        env_printf(e, PROTO_ENV_WATCHDOG_MS "=%" PRId64, c->watchdog_timeout);
}

/* sd_notify(3), sd_watchdog_enabled(3) */
static void describe_notify(struct env *e, const struct launch *l)
{
    if (l->notify_path)
        env_printf(e, "NOTIFY_SOCKET=%s", l->notify_path);
    if (l->config->watchdog_timeout == DURATION_INFINITY)
        return;
    env_printf(e, "WATCHDOG_USEC=%" PRId64, l->config->watchdog_timeout * 1000);
    env_own_pid(e, "WATCHDOG_PID");
}

static void describe_life(struct env *e, const struct launch *l)
{
    env_printf(e, PROTO_ENV_ID "=%s", l->task);
    env_printf(e, PROTO_ENV_HANDLE "=%s", l->handle);
    env_printf(e, PROTO_ENV_ATTEMPT "=%u", l->attempt);
    if (l->ready_fd >= 0)
        env_printf(e, PROTO_ENV_READY_FD "=%" PRId64, l->config->ready_fd);
    if (l->config->channel == CHANNEL_SD_NOTIFY)
        describe_notify(e, l);
    else if (worker_talks(l->config))
        describe_channel(e, l);
}

/* LISTEN_PID guards descendants that inherit the variables without the descriptors. */
static void hand_over_sockets(struct env *e, const struct launch *l)
{
    if (l->sockets->count == 0)
        return;
    env_printf(e, "LISTEN_FDS=%zu", l->sockets->count);
    env_printf(e, "LISTEN_FDNAMES=%s", l->sockets->names);
    env_own_pid(e, "LISTEN_PID");
}

static void build_env(struct env *e, const struct launch *l)
{
    inherit(e, l->config);
    identify(e, l->identity);
    for (char **entry = l->config->env; entry && *entry; entry++)
        env_put(e, *entry);
    describe_life(e, l);
    hand_over_sockets(e, l);
}

/* The worker's stdout and stderr; -1 is /dev/null. */
static void choose_log(const struct launch *l, int fds[2])
{
    fds[0] = fds[1] = l->output_fd;
    if (l->output_fd < 0 && l->config->log_to == LOG_TO_INHERIT) {
        fds[0] = STDOUT_FILENO;
        fds[1] = STDERR_FILENO;
    }
}

/* ends[0] is taskd's, ends[1] the worker's, which blocks as a plain program expects. */
static int open_channel(const struct worker_config *c, int ends[2])
{
    ends[0] = ends[1] = -1;
    if (!worker_talks(c))
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    return fd_nonblock(ends[0]);
}

/* Every socket, the channel and the readiness pipe at its place. *ret_clash: two would have the same one, as
 * run -- CMD may have been handed sockets that its ready_fd knows nothing of. */
static size_t list_fds(const struct launch *l, int channel, struct spawn_fd fds[SPAWN_FDS_MAX], bool *ret_clash)
{
    size_t n = 0;
    for (; n < l->sockets->count && n < SPAWN_FDS_MAX - 2; n++)
        fds[n] = (struct spawn_fd){endpoint_fd(l->sockets->list[n]), PROTO_FD + (int)n};
    if (channel >= 0)
        fds[n++] = (struct spawn_fd){channel, channel_target(l)};
    *ret_clash = l->ready_fd >= 0 && l->config->ready_fd < PROTO_FD + (int64_t)n;
    if (l->ready_fd >= 0)
        fds[n++] = (struct spawn_fd){l->ready_fd, (int)l->config->ready_fd};
    return n;
}

static int failed_at(struct spawn_result *ret, int r, const char *step)
{
    *ret = (struct spawn_result){.pid = -1, .pidfd = -1, .error = -r, .step = step};
    return r;
}

static int start(const struct launch *l, const struct env *env, const int log_fds[2], int channel,
                 struct spawn_result *ret)
{
    char **candidates = spawn_candidates(l->config->command[0], env->list);
    if (!candidates || env->failed) {
        spawn_candidates_free(candidates);
        *ret = (struct spawn_result){.pid = -1, .pidfd = -1, .error = ENOMEM, .step = "prepare"};
        return -ENOMEM;
    }
    struct spawn_fd fds[SPAWN_FDS_MAX];
    bool clash;
    struct spawn_request req = {
        .argv = l->config->command,
        .envp = env->list,
        .candidates = candidates,
        .cwd = l->config->cwd,
        .stdin_fd = l->stdin_fd,
        .stdout_fd = log_fds[0],
        .stderr_fd = log_fds[1],
        .fds = fds,
        .fds_count = list_fds(l, channel, fds, &clash),
        .pid_texts = env->pid_texts,
        .pid_texts_count = env->pid_texts_count,
        .cgroup_fd = l->cgroup_fd,
        .set_ids = l->identity->change,
        .uid = l->identity->uid,
        .gid = l->identity->gid,
        .groups = l->identity->groups,
        .groups_count = l->identity->groups_count,
        .umask = (int)l->config->umask,
        .limits = l->config->limits,
        .limits_count = l->config->limits_count,
        .nofile = l->nofile,
    };
    int r = clash ? failed_at(ret, -EBUSY, "place ready_fd") : sys->spawn(&req, ret);
    spawn_candidates_free(candidates);
    return r;
}

int launch(const struct launch *l, struct spawn_result *ret, int *ret_channel)
{
    struct env env = {0};
    int ends[2] = {-1, -1}, log_fds[2];
    choose_log(l, log_fds);
    int r = open_channel(l->config, ends);
    if (r < 0) {
        failed_at(ret, r, "open the channel");
        goto out;
    }
    build_env(&env, l);
    r = start(l, &env, log_fds, ends[1], ret);
    if (r == 0) {
        *ret_channel = ends[0];
        ends[0] = -1;
    }
out:
    env_free(&env);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
    return r;
}
