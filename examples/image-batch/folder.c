/* Listing a folder of pictures. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "picture.h"

static int is_picture(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && picture_supported(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* 0 also for what is no file, or is gone by now: it is left out. */
static int add_picture(struct folder *f, const char *name)
{
    struct source *s = &f->pictures[f->count];
    struct stat st;

    if (fstatat(f->fd, name, &st, 0) != 0 || !S_ISREG(st.st_mode))
        return 0;
    s->name = strdup(name);
    if (!s->name)
        return -ENOMEM;
    s->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    f->count++;
    return 0;
}

static int list(struct folder *f)
{
    struct dirent **entries;
    int count = scandirat(f->fd, ".", &entries, is_picture, by_name), rc = 0;

    if (count < 0)
        return -errno;
    f->pictures = calloc((size_t)count + 1, sizeof *f->pictures);
    if (!f->pictures)
        rc = -ENOMEM;
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = add_picture(f, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int folder_open(const char *path, struct folder *ret)
{
    struct folder f = {.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    int rc;

    if (f.fd < 0)
        return -errno;
    rc = list(&f);
    if (rc < 0)
        folder_close(&f);
    else
        *ret = f;
    return rc;
}

void folder_close(struct folder *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->pictures[i].name);
    free(f->pictures);
    close(f->fd);
}
