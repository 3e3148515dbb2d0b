/* A file that appears whole or not at all. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char hidden_prefix[] = ".unfinished-";

struct output {
    int dir;
    FILE *stream;
    bool published;
    const char *name; /* points into `hidden`, behind the prefix */
    char hidden[];
};

static FILE *open_hidden(int dir, const char *hidden)
{
    int fd = openat(dir, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    int error = errno;

    if (!stream && fd >= 0)
        close(fd);
    errno = error;
    return stream;
}

int output_new(int dir, const char *name, struct output **ret)
{
    size_t prefix = sizeof hidden_prefix - 1, len = strlen(name);
    struct output *o = malloc(sizeof *o + prefix + len + 1);

    if (!o)
        return -ENOMEM;
    memcpy(o->hidden, hidden_prefix, prefix);
    memcpy(o->hidden + prefix, name, len + 1);
    o->name = o->hidden + prefix;
    o->dir = dir;
    o->published = false;
    o->stream = open_hidden(dir, o->hidden);
    if (!o->stream) {
        int error = -errno;
        free(o);
        return error;
    }
    *ret = o;
    return 0;
}

FILE *output_stream(const struct output *o)
{
    return o->stream;
}

int output_seal(struct output *o, int64_t *ret_bytes)
{
    struct stat st = {0};
    int rc = 0;

    if (fflush(o->stream) != 0 || fsync(fileno(o->stream)) != 0 || fstat(fileno(o->stream), &st) != 0)
        rc = -errno;
    if (fclose(o->stream) != 0 && rc == 0)
        rc = -errno;
    o->stream = NULL;
    if (rc == 0)
        *ret_bytes = st.st_size;
    return rc;
}

int output_publish(struct output *o)
{
    if (renameat(o->dir, o->hidden, o->dir, o->name) != 0)
        return -errno;
    o->published = true;
    return fsync(o->dir) == 0 ? 0 : -errno;
}

void output_retract(struct output *o)
{
    if (o->published)
        unlinkat(o->dir, o->name, 0);
}

void output_free(struct output *o)
{
    if (!o)
        return;
    if (o->stream)
        fclose(o->stream);
    if (!o->published)
        unlinkat(o->dir, o->hidden, 0);
    free(o);
}
