/* Claims as byte locks that the kernel gives back. */
#include "claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct claims {
    int fd;
};

int claims_open(const char *db_path, struct claims **ret)
{
    char *path = NULL;
    struct claims *c = malloc(sizeof *c);
    int rc = 0;

    if (!c || asprintf(&path, "%s.claims", db_path) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (c->fd < 0)
        rc = -errno;
    free(path);
    if (rc < 0)
        free(c);
    else
        *ret = c;
    return rc;
}

/* FNV-1a, folded into what a file offset can hold. */
static int64_t byte_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return (int64_t)(hash >> 2);
}

/* Locks of the open file, not of the process: those would vanish when any part of it closes the file a second time. */
static int set_lock(int fd, short type, int64_t byte)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int rc;

    do
        rc = fcntl(fd, F_OFD_SETLK, &lock);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

int claims_take(struct claims *c, const char *name, int64_t *ret_claim)
{
    int64_t byte = byte_of(name);
    int rc = set_lock(c->fd, F_WRLCK, byte);

    if (rc == -EAGAIN || rc == -EACCES)
        return 0;
    if (rc < 0)
        return rc;
    *ret_claim = byte;
    return 1;
}

void claims_release(struct claims *c, int64_t claim)
{
    set_lock(c->fd, F_UNLCK, claim);
}

void claims_free(struct claims *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c);
}
