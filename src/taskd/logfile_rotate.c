/* Older log files: FILE.1 is the youngest, and the oldest goes. Compressed ones end in .gz. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "taskd/gzip.h"
#include "taskd/log.h"
#include "taskd/logfile_impl.h"

enum { NAME = 4096 + 32 };

static const char *const endings[] = {"", ".gz"};

/* FILE itself is the one with the index 0. */
static const char *name_of(const struct logfile *f, int64_t index, const char *ending, char *out)
{
    if (index == 0)
        snprintf(out, NAME, "%s", f->path);
    else
        snprintf(out, NAME, "%s.%lld%s", f->path, (long long)index, ending);
    return out;
}

static const char *unfinished(const struct logfile *f, char *out)
{
    snprintf(out, NAME, "%s.gz.tmp", f->path);
    return out;
}

static int move(const struct logfile *f, int64_t from, int64_t to, const char *ending)
{
    char a[NAME], b[NAME];
    return rename(name_of(f, from, ending, a), name_of(f, to, ending, b)) < 0 ? -errno : 0;
}

static void forget(const struct logfile *f, int64_t index)
{
    char name[NAME];

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        unlink(name_of(f, index, endings[i], name));
}

static int shift(const struct logfile *f)
{
    int r = 0;

    if (f->policy.keep == 0)
        return unlink(f->path) < 0 ? -errno : 0;
    forget(f, f->policy.keep);
    for (int64_t i = f->policy.keep - 1; i > 0; i--)
        for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
            if ((r = move(f, i, i + 1, endings[k])) < 0 && r != -ENOENT)
                return r;
    return move(f, 0, 1, "");
}

int logfile_rotate(struct logfile *f)
{
    int r = shift(f);

    if (r < 0) {
        if (!f->complained)
            log_error("log file %s: cannot be rotated: %s: it grows beyond its size", f->path, strerror(-r));
        f->complained = true;
        return r;
    }
    f->complained = false;
    if (f->gzip)
        f->gzip_index++;
    logfile_compress_next(f);
    return 0;
}

/* --- compressing ------------------------------------------------------------------------------------------------- */

static void on_compressed(void *arg, bool ok)
{
    struct logfile *f = arg;
    char tmp[NAME], name[NAME];
    int64_t index = f->gzip_index;

    f->gzip = NULL;
    unfinished(f, tmp);
    if (!ok)
        log_warn("log file %s: could not be compressed", name_of(f, index, "", name));
    else if (index > f->policy.keep)
        unlink(tmp);
    else if (rename(tmp, name_of(f, index, ".gz", name)) == 0) {
        unlink(name_of(f, index, "", name));
        logfile_compress_next(f);
    }
}

void logfile_compress_next(struct logfile *f)
{
    char name[NAME], tmp[NAME];

    for (int64_t i = f->policy.gzip && !f->gzip ? f->policy.keep : 0; i > 0; i--) {
        if (access(name_of(f, i, "", name), F_OK) < 0)
            continue;
        int r = gzip_start(f->base, name, unfinished(f, tmp), on_compressed, f, &f->gzip);
        if (r < 0)
            log_warn("log file %s: cannot be compressed: %s", name, strerror(-r));
        f->gzip_index = i;
        return;
    }
}
