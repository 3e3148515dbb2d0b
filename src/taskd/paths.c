#include "taskd/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* An empty variable counts as unset, as everywhere in the XDG specification. */
static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* The XDG specification: relative paths in its variables are to be ignored. */
static const char *env_absolute(const char *name)
{
    const char *value = env(name);

    return value && *value == '/' ? value : NULL;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    const char *const all[] = {a, b, c};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && *all[i])
            return all[i];
    return NULL;
}

static int put(char *out, size_t out_size, size_t limit, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static int put(char *out, size_t out_size, size_t limit, const char *fmt, ...)
{
    char path[PATH_MAX];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof path || (size_t)len >= limit || (size_t)len >= out_size)
        return -ENAMETOOLONG;
    memcpy(out, path, (size_t)len + 1);
    return 0;
}

int paths_socket(const char *option, const char *configured, char *out, size_t out_size)
{
    const size_t limit = sizeof((struct sockaddr_un *)0)->sun_path;
    const char *chosen = first_of(option, env("TASKD_SOCKET"), configured);

    if (chosen)
        return put(out, out_size, limit, "%s", chosen);
    if (geteuid() == 0)
        return put(out, out_size, limit, "/run/taskd/taskd.sock");
    if ((chosen = env_absolute("XDG_RUNTIME_DIR")))
        return put(out, out_size, limit, "%s/taskd/taskd.sock", chosen);
    return put(out, out_size, limit, "/tmp/taskd-%lu/taskd.sock", (unsigned long)geteuid());
}

int paths_state_dir(const char *option, const char *configured, char *out, size_t out_size)
{
    const char *chosen = first_of(option, env("TASKD_STATE_DIR"), configured);

    if (chosen)
        return put(out, out_size, PATH_MAX, "%s", chosen);
    /* A unit with several StateDirectory= entries gets them all, separated by colons: the first is ours. */
    if ((chosen = env("STATE_DIRECTORY")))
        return put(out, out_size, PATH_MAX, "%.*s", (int)strcspn(chosen, ":"), chosen);
    if (geteuid() == 0)
        return put(out, out_size, PATH_MAX, "/var/lib/taskd");
    if ((chosen = env_absolute("XDG_STATE_HOME")))
        return put(out, out_size, PATH_MAX, "%s/taskd", chosen);
    /* "/" is what a container gives to a user without an account. */
    if ((chosen = env_absolute("HOME")) && strcmp(chosen, "/") != 0)
        return put(out, out_size, PATH_MAX, "%s/.local/state/taskd", chosen);
    return put(out, out_size, PATH_MAX, "/tmp/taskd-%lu/state", (unsigned long)geteuid());
}

static int make_one(const char *dir, mode_t mode)
{
    struct stat st;
    int rc;

    if (mkdir(dir, mode) == 0)
        return 0;
    rc = -errno;
    /* On a read-only file system mkdir of what exists may say EROFS; what counts is whether it is there. */
    if (stat(dir, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    return rc;
}

int paths_make_dir(const char *dir)
{
    /* Root's parents are the system's: in an image without /run or /var others must get past them. */
    const mode_t parents = geteuid() == 0 ? 0755 : 0700;
    char path[PATH_MAX];
    int rc = put(path, sizeof path, sizeof path, "%s", dir);

    if (rc < 0)
        return rc;
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    for (char *p = path + 1; path[0] && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        rc = make_one(path, parents);
        if (rc < 0)
            return rc;
        *p = '/';
    }
    return make_one(path, 0700);
}
