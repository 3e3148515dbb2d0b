#include "taskd/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/jsonline.h"
#include "common/linebuf.h"
#include "taskd/paths.h"

enum { RECORD_MAX = 4 << 20, READ_SIZE = 64 * 1024, LOCK_TRIES = 100 };
static const char RESULTS[] = "results.ndjson";
static const char LIVES[] = "lives";

struct journal {
    char *dir;
    int results_fd, lives_fd; /* -1: in memory */
    uint64_t counted;         /* the last number that was given */
};

static int open_in(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fd;
}

/* Others hold it for an instant; whoever holds it longer (a suspended taskd) must not hold us up. */
static int lock(int fd, int how)
{
    const struct timespec moment = {.tv_nsec = 1000 * 1000};
    for (int i = 0; flock(fd, how | LOCK_NB) < 0; i++) {
        if (errno != EINTR && (errno != EWOULDBLOCK || i >= LOCK_TRIES))
            return -errno;
        if (errno == EWOULDBLOCK)
            nanosleep(&moment, NULL);
    }
    return 0;
}

/* Offset after the last newline. */
static off_t whole_end(int fd, off_t size)
{
    char buffer[4096];
    while (size > 0) {
        size_t n = (size_t)size < sizeof buffer ? (size_t)size : sizeof buffer;
        if (pread(fd, buffer, n, size - (off_t)n) != (ssize_t)n)
            return -1;
        const char *newline = memrchr(buffer, '\n', n);
        if (newline)
            return size - (off_t)n + (newline - buffer) + 1;
        size -= (off_t)n;
    }
    return 0;
}

/* Called under the lock. */
static int cut_torn_tail(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    off_t end = whole_end(fd, st.st_size);
    if (end < 0)
        return -EIO;
    return end == st.st_size || ftruncate(fd, end) == 0 ? 0 : -errno;
}

static int open_files(struct journal *j)
{
    int dir_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -errno;
    j->results_fd = open_in(dir_fd, RESULTS);
    j->lives_fd = open_in(dir_fd, LIVES);
    close(dir_fd);
    if (j->results_fd < 0 || j->lives_fd < 0)
        return j->results_fd < 0 ? j->results_fd : j->lives_fd;
    int r = lock(j->results_fd, LOCK_EX);
    if (r == 0)
        r = cut_torn_tail(j->results_fd);
    lock(j->results_fd, LOCK_UN);
    return r;
}

int journal_open(const char *dir, struct journal **ret)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return -ENOMEM;
    j->results_fd = j->lives_fd = -1;
    j->dir = strdup(dir);
    int r = j->dir ? paths_make_dir(dir) : -ENOMEM;
    if (r == 0)
        r = open_files(j);
    if (r < 0) {
        journal_free(j);
        return r;
    }
    *ret = j;
    return 0;
}

struct journal *journal_open_memory(void)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j)
        j->results_fd = j->lives_fd = -1;
    return j;
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    fd_close(&j->results_fd);
    fd_close(&j->lives_fd);
    free(j->dir);
    free(j);
}

const char *journal_dir(const struct journal *j)
{
    return j->dir;
}

static int next_life_locked(int fd, uint64_t after, uint64_t *ret)
{
    char text[32] = "";
    if (pread(fd, text, sizeof text - 1, 0) < 0)
        return -errno;
    uint64_t next = strtoull(text, NULL, 10) + 1;
    if (next <= after)
        next = after + 1;
    /* Always the same width: a number is never half old, half new. */
    int len = snprintf(text, sizeof text, "%020" PRIu64 "\n", next);
    ssize_t n = pwrite(fd, text, (size_t)len, 0);
    if (n != len)
        return n < 0 ? -errno : -ENOSPC;
    *ret = next;
    return 0;
}

int journal_next_life(struct journal *j, uint64_t *ret)
{
    int r = j->lives_fd < 0 ? 0 : lock(j->lives_fd, LOCK_EX);
    if (r == 0 && j->lives_fd >= 0) {
        r = next_life_locked(j->lives_fd, j->counted, ret);
        lock(j->lives_fd, LOCK_UN);
    } else {
        *ret = j->counted + 1;
    }
    if (r < 0)
        *ret = j->counted + 1;
    j->counted = *ret;
    return r;
}

static int append_locked(int fd, const char *line, size_t len)
{
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return -errno;
    ssize_t n = write(fd, line, len);
    if (n == (ssize_t)len)
        return 0;
    int error = n < 0 ? errno : ENOSPC;
    /* A torn record would hide the next one behind it. */
    if (n > 0 && ftruncate(fd, end) < 0)
        error = errno;
    return -error;
}

int journal_append(struct journal *j, const json_t *record)
{
    if (j->results_fd < 0)
        return 0;
    char *text = json_dumps(record, JSON_COMPACT);
    if (!text)
        return -ENOMEM;
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: one buffer, one write */
    int r = lock(j->results_fd, LOCK_EX);
    if (r == 0) {
        r = append_locked(j->results_fd, text, len + 1);
        lock(j->results_fd, LOCK_UN);
    }
    free(text);
    return r;
}

struct reading {
    journal_each_cb *each;
    void *arg;
    size_t bad;
    bool enough;
};

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    struct reading *r = arg;
    json_t *record;
    if (r->enough)
        return;
    if (cut || jsonline_decode(line, len, &record, NULL, 0) < 0) {
        r->bad++;
        return;
    }
    r->enough = !r->each(r->arg, record);
    json_decref(record);
}

int journal_read(const char *dir, journal_each_cb *each, void *arg, size_t *ret_bad)
{
    char path[4096], buffer[READ_SIZE];
    struct reading reading = {.each = each, .arg = arg};
    snprintf(path, sizeof path, "%s/%s", dir, RESULTS);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct linebuf *lines = linebuf_new(RECORD_MAX);
    int r = lines ? 0 : -ENOMEM;
    while (r == 0 && !reading.enough) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0) {
            r = n < 0 ? -errno : 0;
            break;
        }
        r = linebuf_feed(lines, buffer, (size_t)n, on_line, &reading);
    }
    linebuf_free(lines);
    close(fd);
    if (ret_bad)
        *ret_bad = reading.bad;
    return r;
}

struct wanted {
    const char *handle;
    json_t *record;
};

static bool pick(void *arg, json_t *record)
{
    struct wanted *w = arg;
    const char *handle = json_string_value(json_object_get(record, "handle"));
    if (!handle || strcmp(handle, w->handle) != 0)
        return true;
    w->record = json_incref(record);
    return false;
}

int journal_find(const char *dir, const char *handle, json_t **ret)
{
    struct wanted w = {.handle = handle};
    int r = journal_read(dir, pick, &w, NULL);
    if (r < 0)
        return r;
    if (!w.record)
        return -ENOENT;
    *ret = w.record;
    return 0;
}
