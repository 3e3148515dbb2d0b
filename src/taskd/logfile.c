#include "taskd/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/jsonout.h"
#include "common/quantity.h"
#include "taskd/gzip.h"
#include "taskd/log.h"
#include "taskd/logfile_impl.h"
#include "taskd/logline.h"
#include "taskd/sys.h"

enum { RETRY_MS = 1000, SPLICE_MAX = 1 << 20, GAP_TEXT = 160, SCRATCH = 64 * 1024 };

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* Without O_NONBLOCK a FIFO would wait for its reader, here and at each write. splice(2) refuses O_APPEND. */
static int open_file(struct logfile *f)
{
    int append = f->policy.format == LOG_FORMAT_RAW ? 0 : O_APPEND;
    int fd = open(f->path, O_WRONLY | append | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    f->fd = fd;
    f->regular = S_ISREG(st.st_mode);
    f->size = f->regular ? st.st_size : 0;
    return 0;
}

int logfile_new(struct event_base *base, const char *path, const struct logfile_policy *policy, struct logfile **ret)
{
    struct logfile *f = calloc(1, sizeof *f);
    int r;

    if (!f)
        return -ENOMEM;
    *f = (struct logfile){.base = base, .path = strdup(path), .fd = -1, .policy = *policy};
    r = f->path ? open_file(f) : -ENOMEM;
    if (r < 0) {
        logfile_free(f);
        return r;
    }
    logfile_compress_next(f);
    *ret = f;
    return 0;
}

const char *logfile_path(const struct logfile *f)
{
    return f->path;
}

const struct logfile_policy *logfile_policy(const struct logfile *f)
{
    return &f->policy;
}

void logfile_set_policy(struct logfile *f, const struct logfile_policy *policy)
{
    enum log_format format = f->policy.format;

    f->policy = *policy;
    f->policy.format = format;
}

struct logfile_lost logfile_lost(const struct logfile *f)
{
    return f->lost;
}

/* --- what could not be written ----------------------------------------------------------------------------------- */

static bool in_gap(const struct logfile *f)
{
    return f->gap.bytes > 0;
}

static void count_lost(struct logfile *f, uint64_t lines, uint64_t bytes)
{
    f->gap.lines += lines;
    f->gap.bytes += bytes;
    f->lost.lines += lines;
    f->lost.bytes += bytes;
}

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t n = 0;

    for (const char *end = data + len; (data = memchr(data, '\n', (size_t)(end - data))); data++)
        n++;
    return n;
}

static void begin_gap(struct logfile *f, int error)
{
    if (!in_gap(f))
        log_error("log file %s: %s: what cannot be written is counted", f->path, strerror(error));
    f->gap_error = error;
    f->retry_ms = sys->now_ms() + RETRY_MS;
}

static const char *gap_text(const struct logfile *f, char *out)
{
    if (f->policy.format == LOG_FORMAT_RAW)
        snprintf(out, GAP_TEXT, "%" PRIu64 " bytes were lost: %s", f->gap.bytes, strerror(f->gap_error));
    else
        snprintf(out, GAP_TEXT, "%" PRIu64 " line%s (%" PRIu64 " bytes) were lost: %s", f->gap.lines,
                 f->gap.lines == 1 ? "" : "s", f->gap.bytes, strerror(f->gap_error));
    return out;
}

static void say_gap(struct logfile *f)
{
    char text[GAP_TEXT];

    if (in_gap(f))
        log_warn("log file %s: %s", f->path, gap_text(f, text));
    f->gap = (struct logfile_lost){0};
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* 0, or the errno that let only *ret_done bytes through. */
static int write_some(struct logfile *f, const char *data, size_t len, size_t *ret_done)
{
    *ret_done = 0;
    while (*ret_done < len) {
        ssize_t n = f->fd < 0 ? -1 : write(f->fd, data + *ret_done, len - *ret_done);
        if (f->fd < 0)
            return EBADF;
        if (n < 0 && errno != EINTR)
            return errno;
        *ret_done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A line of which only a part could be written is taken back, unless somebody else writes to the file, too. */
static void roll_back(struct logfile *f, size_t part)
{
    struct stat st;

    if (part == 0 || !f->regular || fstat(f->fd, &st) < 0 || st.st_size != f->size)
        return;
    if (ftruncate(f->fd, st.st_size - (off_t)part) == 0)
        f->size -= (int64_t)part;
}

static size_t whole_lines(const char *data, size_t len)
{
    const char *last = len ? memrchr(data, '\n', len) : NULL;
    return last ? (size_t)(last + 1 - data) : 0;
}

static int write_lines(struct logfile *f, const char *data, size_t len)
{
    size_t done, whole;
    int error = write_some(f, data, len, &done);

    f->size += (int64_t)done;
    if (error == 0)
        return 0;
    whole = whole_lines(data, done);
    roll_back(f, done - whole);
    begin_gap(f, error);
    count_lost(f, count_lines(data + whole, len - whole), len - whole);
    return error;
}

/* The line that stands in the file where others are missing. */
static bool close_gap(struct logfile *f)
{
    struct jsonout scratch = {0};
    struct logtext t = {0};
    struct timespec now;
    char text[GAP_TEXT];
    size_t done = 0;
    int error;

    clock_gettime(CLOCK_REALTIME, &now);
    struct logline l = {.time_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000,
                        .task = "taskd",
                        .handle = "taskd",
                        .level = LOG_WARNING,
                        .text = gap_text(f, text)};
    l.len = strlen(l.text);
    if (f->policy.format == LOG_FORMAT_JSON)
        logline_put_json(&t, &scratch, &l);
    else
        logline_put_text(&t, &l);
    error = t.failed ? ENOMEM : write_some(f, t.data, t.len, &done);
    f->size += (int64_t)done;
    if (error)
        roll_back(f, done);
    else
        say_gap(f);
    logtext_free(&t);
    jsonout_free(&scratch);
    return error == 0;
}

/* May it be tried now? */
static bool past_gap(struct logfile *f)
{
    if (!in_gap(f))
        return true;
    if (sys->now_ms() < f->retry_ms)
        return false;
    f->retry_ms = sys->now_ms() + RETRY_MS;
    return close_gap(f);
}

static void make_room(struct logfile *f, size_t len)
{
    if (f->regular && f->size > 0 && f->size + (int64_t)len > f->policy.max_size && logfile_rotate(f) == 0)
        logfile_reopen(f);
}

static size_t first_line(const char *lines, size_t len)
{
    const char *newline = memchr(lines, '\n', len);
    return newline ? (size_t)(newline + 1 - lines) : len;
}

/* As many lines as the file takes before it is to be rotated, and one at least. */
static size_t fitting(const struct logfile *f, const char *lines, size_t len)
{
    int64_t room = f->policy.max_size - f->size;
    size_t n = !f->regular || room >= (int64_t)len ? len : whole_lines(lines, room > 0 ? (size_t)room : 0);

    return n ? n : first_line(lines, len);
}

void logfile_write(struct logfile *f, const char *lines, size_t len)
{
    while (len > 0) {
        if (!past_gap(f)) {
            count_lost(f, count_lines(lines, len), len);
            return;
        }
        make_room(f, first_line(lines, len));
        size_t n = fitting(f, lines, len);
        write_lines(f, lines, n);
        lines += n;
        len -= n;
    }
}

void logfile_reopen(struct logfile *f)
{
    int before = f->fd, r = open_file(f);

    if (r < 0) {
        log_error("log file %s: cannot be opened again: %s", f->path, strerror(-r));
        return;
    }
    fd_close(&before);
}

void logfile_free(struct logfile *f)
{
    if (!f)
        return;
    say_gap(f);
    gzip_free(f->gzip);
    fd_close(&f->fd);
    free(f->path);
    free(f);
}

/* --- raw --------------------------------------------------------------------------------------------------------- */

/* Takes what is in the pipe and throws it away. */
static ssize_t skip(struct logfile *f, int pipe)
{
    static char scratch[SCRATCH];
    ssize_t n = read(pipe, scratch, sizeof scratch);

    if (n < 0)
        return -errno;
    count_lost(f, 0, (uint64_t)n);
    return n;
}

/* Where a file system does not know splice(2). */
static ssize_t copy(struct logfile *f, int pipe, size_t max)
{
    static char scratch[SCRATCH];
    ssize_t n = read(pipe, scratch, max < sizeof scratch ? max : sizeof scratch);
    size_t done = 0;
    int error;

    if (n <= 0)
        return n < 0 ? -errno : 0;
    error = f->regular && lseek(f->fd, 0, SEEK_END) < 0 ? errno : 0;
    error = error ? error : write_some(f, scratch, (size_t)n, &done);
    f->size += (int64_t)done;
    if (error) {
        begin_gap(f, error);
        count_lost(f, 0, (uint64_t)n - done);
    }
    return n;
}

static ssize_t move(struct logfile *f, int pipe, size_t max)
{
    struct stat st;
    loff_t at;
    ssize_t n;

    /* Somebody may have cut the file, or added to it. */
    if (f->regular && fstat(f->fd, &st) == 0)
        f->size = st.st_size;
    at = f->size;
    n = splice(pipe, NULL, f->fd, f->regular ? &at : NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0)
        f->size += n;
    return n < 0 ? -errno : n;
}

/* EAGAIN may be the pipe's, or that of a FIFO whose reader does not read: only the first is worth waiting for. A
 * regular file knows no second; and by now the worker may have written more. */
static bool is_empty(int pipe)
{
    int n = 0;
    return ioctl(pipe, FIONREAD, &n) < 0 || n == 0;
}

ssize_t logfile_splice(struct logfile *f, int pipe)
{
    uint64_t lost = f->gap.bytes;
    size_t max = SPLICE_MAX;
    ssize_t n;

    if (in_gap(f) && sys->now_ms() < f->retry_ms)
        return skip(f, pipe);
    if (f->regular && f->policy.max_size != SIZE_INFINITY) {
        make_room(f, 1);
        max = (size_t)(f->policy.max_size > f->size ? f->policy.max_size - f->size : 1);
    }
    n = f->fd < 0 ? -EBADF : move(f, pipe, max < SPLICE_MAX ? max : SPLICE_MAX);
    if (n == -EINVAL)
        n = copy(f, pipe, max);
    if (n > 0 && f->gap.bytes == lost)
        say_gap(f);
    if (n >= 0 || n == -EINTR || (n == -EAGAIN && (f->regular || is_empty(pipe))))
        return n;
    begin_gap(f, (int)-n);
    return skip(f, pipe);
}
