#include "taskd/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/proto.h"
#include "taskd/procfs.h"
#include "taskd/sys.h"

enum { FRESH_MS = 20, ENVIRON_MAX = 8 << 20, TOLD = 256, ANCESTORS = 1000 };

struct entry {
    pid_t pid, parent;
    bool marked; /* belongs to the tree that is being looked for */
};

struct tree {
    struct entry *entries;
    size_t count, cap;
    int64_t taken_ms; /* 0: never */
    pid_t told[TOLD]; /* strays that were killed lately: a sweep may meet them again before they are dead */
    size_t told_next;
};

struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}

void tree_free(struct tree *t)
{
    if (!t)
        return;
    free(t->entries);
    free(t);
}

struct stat_line {
    char state;
    int parent, group;
};

/* The name in /proc/PID/stat may hold anything, so the fields are counted from its last parenthesis: proc(5). false:
 * there is no such process. */
static bool read_stat(pid_t pid, struct stat_line *ret)
{
    char path[40], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *after = strrchr(text, ')');
    return after && sscanf(after + 1, " %c %d %d", &ret->state, &ret->parent, &ret->group) == 3;
}

/* The parent of a process that is not a zombie, or -1. */
static pid_t parent_of(pid_t pid)
{
    struct stat_line s;
    return read_stat(pid, &s) && s.state != 'Z' && s.state != 'X' ? s.parent : -1;
}

static int add(struct tree *t, pid_t pid, pid_t parent)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct entry *entries = realloc(t->entries, cap * sizeof *entries);
        if (!entries)
            return -ENOMEM;
        t->entries = entries;
        t->cap = cap;
    }
    t->entries[t->count++] = (struct entry){.pid = pid, .parent = parent};
    return 0;
}

static int by_parent(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->parent > y->parent) - (x->parent < y->parent);
}

static void scan(struct tree *t)
{
    t->count = 0;
    /* Another namespace's numbers would lead the signals to strangers. */
    DIR *dir = procfs_fault() ? NULL : opendir("/proc");
    if (!dir)
        return;
    struct dirent *e;
    while ((e = readdir(dir))) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        pid_t parent = parent_of(pid);
        if (parent > 0 && add(t, pid, parent) < 0)
            break;
    }
    closedir(dir);
    if (t->count > 0) /* process 1 has no parent, and may be alone */
        qsort(t->entries, t->count, sizeof *t->entries, by_parent);
    t->taken_ms = sys->now_ms();
}

void tree_look(struct tree *t)
{
    if (t->taken_ms == 0 || sys->now_ms() - t->taken_ms > FRESH_MS)
        scan(t);
}

/* The number may have gone to a stranger since the scan: the descriptor pins whoever has it now, and then its parent is
 * asked again. */
static bool kill_checked(pid_t pid, pid_t parent)
{
    if (pid <= 1 || pid == getpid())
        return false;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    pid_t now = parent_of(pid);
    /* A child whose parent has just died of this very sweep is taskd's by now. */
    bool killed = (now == parent || now == getpid()) && sys->kill_stray(fd, SIGKILL) == 0;
    close(fd);
    return killed;
}

static struct entry *first_child(struct tree *t, pid_t parent)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->entries[mid].parent < parent)
            low = mid + 1;
        else
            high = mid;
    }
    return &t->entries[low];
}

static size_t kill_children(struct tree *t, pid_t parent)
{
    size_t killed = 0;
    struct entry *end = t->entries + t->count;
    for (struct entry *e = first_child(t, parent); e != end && e->parent == parent; e++) {
        if (e->marked)
            continue; /* a picture that was taken in pieces may hold a circle */
        e->marked = true;
        killed += kill_checked(e->pid, parent);
        killed += kill_children(t, e->pid);
    }
    return killed;
}

void tree_forget(struct tree *t)
{
    t->taken_ms = 0;
}

size_t tree_kill(struct tree *t, pid_t leader)
{
    tree_look(t);
    for (size_t i = 0; i < t->count; i++)
        t->entries[i].marked = false;
    return t->count ? kill_children(t, leader) : 0;
}

/* /proc/PID/environ may be read by the process's own user, or with CAP_SYS_PTRACE, which a container's root has not.
 * The file system's user and group of this thread decide about nothing else here. */
static int read_environ(pid_t pid, char **ret, size_t *ret_len)
{
    char path[40];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int r = fd_read_file(path, ENVIRON_MAX, ret, ret_len);
    if ((r != -EACCES && r != -EPERM) || geteuid() != 0 || stat(path, &st) < 0)
        return r;
    setfsgid(st.st_gid);
    setfsuid(st.st_uid);
    r = fd_read_file(path, ENVIRON_MAX, ret, ret_len);
    setfsuid(geteuid());
    setfsgid(getegid());
    prctl(PR_SET_DUMPABLE, 1); /* the kernel takes it from whoever changes these */
    return r;
}

/* The value of TASKD_HANDLE in a process's environment as it was at its exec, in `out`; false without one. */
static bool handle_of(pid_t pid, char *out, size_t out_size)
{
    static const char key[] = PROTO_ENV_HANDLE "=";
    char *text;
    size_t len;
    bool found = false;
    if (read_environ(pid, &text, &len) < 0)
        return false;
    for (const char *p = text; p < text + len && !found; p += strlen(p) + 1) {
        if (strncmp(p, key, sizeof key - 1) == 0) {
            snprintf(out, out_size, "%s", p + sizeof key - 1);
            found = true;
        }
    }
    free(text);
    return found;
}

static bool has_handle(pid_t pid, const char *handle)
{
    char found[160];
    return handle_of(pid, found, sizeof found) && strcmp(found, handle) == 0;
}

bool tree_has(pid_t leader, const char *handle, pid_t pid)
{
    struct stat_line s;
    for (int i = 0; i < ANCESTORS && pid > 1 && pid != getpid(); i++) {
        if (pid == leader)
            return true;
        if (!read_stat(pid, &s))
            return false;
        if (s.group == leader || (s.parent == getpid() && has_handle(pid, handle)))
            return true;
        pid = s.parent;
    }
    return false;
}

static bool first_time(struct tree *t, pid_t pid)
{
    for (size_t i = 0; i < TOLD; i++)
        if (t->told[i] == pid)
            return false;
    t->told[t->told_next++ % TOLD] = pid;
    return true;
}

size_t tree_sweep(struct tree *t, const struct tree_sweep *s)
{
    char handle[160];
    size_t killed = 0;
    tree_look(t);
    struct entry *end = t->entries + t->count;
    if (t->count == 0)
        return 0;
    for (struct entry *e = first_child(t, getpid()); e != end && e->parent == getpid(); e++) {
        if (s->is_leader(s->arg, e->pid) || !handle_of(e->pid, handle, sizeof handle) || !s->is_dead(s->arg, handle))
            continue;
        if (kill_checked(e->pid, getpid())) {
            if (first_time(t, e->pid))
                s->on_stray(s->arg, handle, e->pid);
            killed++;
        }
    }
    return killed;
}
