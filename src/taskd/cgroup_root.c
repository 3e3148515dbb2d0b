/* Where the own control group is, and whether what is below it may be arranged. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/cgroup_impl.h"

#define LEAF "taskd"

enum { LINE = 8192, LEFT_TRIES = 250 };

/* --- finding -------------------------------------------------------------------------------------------------------
 */

/* "0::/system.slice/taskd.service": cgroups(7). */
static bool own_path(char path[LINE])
{
    bool found = false;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && !found && fgets(path, LINE, f)) {
        path[strcspn(path, "\n")] = '\0';
        found = strncmp(path, "0::/", 4) == 0;
    }
    if (f)
        fclose(f);
    if (found)
        memmove(path, path + 3, strlen(path + 3) + 1);
    return found;
}

/* Does a mount that shows the tree from `root` on show `path`? What is above a namespace's root is shown as "/..". */
static bool shows(const char *root, const char *path)
{
    size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    return strncmp(root, "/..", 3) != 0 && strncmp(path, root, len) == 0 && (path[len] == '/' || !path[len]);
}

/* A mount point of the second hierarchy, and which of its groups stands there: proc_pid_mountinfo(5). */
static bool mount_point(const char *path, char where[LINE], char root[LINE])
{
    char line[LINE];
    bool found = false;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %8191s %8191s", root, where) == 2 &&
                shows(root, path);
    if (f)
        fclose(f);
    return found;
}

/* 0; -ESRCH: it is another's; or why it cannot be told. */
static int holds_us(const char *folder)
{
    char path[LINE], line[24];
    bool found = false;
    snprintf(path, sizeof path, "%.4000s/cgroup.procs", folder);
    FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    while (!found && fgets(line, sizeof line, f))
        found = strtol(line, NULL, 10) == getpid();
    fclose(f);
    return found ? 0 : -ESRCH;
}

static int find_folder(char *folder, size_t size, char *why, size_t why_size)
{
    char path[LINE], where[LINE], root[LINE];
    if (!own_path(path) || !mount_point(path, where, root)) {
        snprintf(why, why_size, "no cgroup2 hierarchy is mounted");
        return -ENOENT;
    }
    size_t above = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if ((size_t)snprintf(folder, size, "%s%s", where, path + above) >= size) {
        snprintf(why, why_size, "the path of the control group is too long");
        return -ENAMETOOLONG;
    }
    /* Another namespace's view of the tree may look the same: never arrange what is not our own. */
    int r = holds_us(folder);
    if (r < 0)
        snprintf(why, why_size, "%s is not seen to be the control group of this process: %s", folder, strerror(-r));
    return r;
}

/* systemd marks what it has delegated: systemd.resource-control(5). */
static bool is_delegated(const char *folder)
{
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    char value[8];
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (getxattr(folder, marks[i], value, sizeof value) == 1 && value[0] == '1')
            return true;
    return false;
}

/* --- taking --------------------------------------------------------------------------------------------------------
 */

/* A task's group has an '@' in its name; nothing else here is ours. */
static void clear_leftovers(struct cgroups *c)
{
    int copy = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *d;
    if (!dir && copy >= 0)
        close(copy);
    while (dir && (d = readdir(dir))) {
        int fd = strchr(d->d_name, '@') ? openat(c->fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        cgroup_kill_all(fd, 0);
        close(fd);
        cgroup_remove(c, d->d_name, LEFT_TRIES);
    }
    if (dir)
        closedir(dir);
}

/* A group with processes of its own can have no controllers for groups below it, so taskd goes into one. */
static int move_into_leaf(const struct cgroups *c)
{
    char self[24];
    if (mkdirat(c->fd, LEAF, 0755) < 0 && errno != EEXIST)
        return -errno;
    snprintf(self, sizeof self, "%d", (int)getpid());
    return cgroup_write(c->fd, LEAF "/cgroup.procs", self);
}

static void enable_controllers(struct cgroups *c)
{
    static const char *const enable[CONTROLLERS] = {
        [CONTROLLER_MEMORY] = "+memory", [CONTROLLER_PIDS] = "+pids", [CONTROLLER_CPU] = "+cpu"};
    for (int i = 0; i < CONTROLLERS; i++)
        c->controllers[i] = cgroup_write(c->fd, "cgroup.subtree_control", enable[i]) == 0;
}

static int take(struct cgroups *c, char *why, size_t why_size)
{
    if (flock(c->fd, LOCK_EX | LOCK_NB) < 0) {
        snprintf(why, why_size, "another taskd arranges this control group");
        return -EBUSY;
    }
    int r = move_into_leaf(c);
    if (r < 0) {
        snprintf(why, why_size, "the control group cannot be arranged: %s", strerror(-r));
        return r;
    }
    clear_leftovers(c);
    enable_controllers(c);
    return 0;
}

int cgroups_open_at(const char *folder, struct cgroups **ret, char *why, size_t why_size)
{
    struct cgroups *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = c->fd < 0 ? -errno : 0;
    if (r < 0)
        snprintf(why, why_size, "%s: %s", folder, strerror(-r));
    else
        r = take(c, why, why_size);
    if (r < 0) {
        cgroups_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

int cgroups_open(enum cgroup_use use, struct cgroups **ret, char *why, size_t why_size)
{
    char folder[PATH_MAX];
    *ret = NULL;
    if (use == CGROUP_OFF)
        return 0;
    int r = find_folder(folder, sizeof folder, why, why_size);
    if (use == CGROUP_AUTO && (r < 0 || !is_delegated(folder)))
        return 0;
    return r < 0 ? r : cgroups_open_at(folder, ret, why, why_size);
}

void cgroups_free(struct cgroups *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        clear_leftovers(c);
    fd_close(&c->fd);
    free(c);
}
