#include "taskd/sockets.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/fd.h"

enum { SOCKETS_MAX = 64, PATH_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path) };

bool sockets_alive(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive;

    if (fd < 0)
        return false;
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    alive = connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0;
    fd_close(&fd);
    return alive;
}

static int is_socket_name(const struct dirent *entry)
{
    return fnmatch("taskd*.sock", entry->d_name, FNM_PERIOD) == 0;
}

static int dir_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash - path) + 1 : 0;
}

/* Fills `found` with live neighbours of `path`. Returns how many. */
static size_t find_neighbours(const char *path, char found[][PATH_SIZE], size_t max)
{
    struct dirent **entries;
    char dir[PATH_SIZE];
    size_t count = 0;
    int n;

    snprintf(dir, sizeof dir, "%.*s", dir_length(path), path);
    n = scandir(dir[0] ? dir : ".", &entries, is_socket_name, alphasort);
    if (n < 0)
        return 0;
    for (int i = 0; i < n; i++) {
        char *slot = found[count];

        if (count < max && snprintf(slot, PATH_SIZE, "%s%s", dir, entries[i]->d_name) < PATH_SIZE &&
            strcmp(slot, path) != 0 && sockets_alive(slot))
            count++;
        free(entries[i]);
    }
    free(entries);
    return count;
}

char **sockets_find(const char *path)
{
    struct list {
        char *paths[SOCKETS_MAX + 2];
        char text[SOCKETS_MAX + 1][PATH_SIZE];
    } *list = calloc(1, sizeof *list);
    size_t count;

    if (!list)
        return NULL;
    snprintf(list->text[0], PATH_SIZE, "%s", path);
    count = 1 + find_neighbours(path, list->text + 1, SOCKETS_MAX);
    for (size_t i = 0; i < count; i++)
        list->paths[i] = list->text[i];
    return list->paths;
}

bool sockets_find_other(const char *path, char *out, size_t out_size)
{
    char **all = sockets_find(path);
    bool found = all && all[1];

    if (found)
        snprintf(out, out_size, "%s", all[1]);
    free(all);
    return found;
}
