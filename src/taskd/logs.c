#include "taskd/logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonout.h"
#include "taskd/config.h"
#include "taskd/journald.h"
#include "taskd/list.h"
#include "taskd/log.h"
#include "taskd/logfile.h"

/* A file, and how many tasks write to it. */
struct shared_file {
    struct list link;
    struct logfile *file;
    unsigned users;
};

struct logs {
    struct event_base *base;
    struct list files, readers;
    struct journald *journald;
    struct logtext batch; /* of the task whose lines are being put */
    struct jsonout scratch;
};

struct tasklog {
    struct logs *logs;
    const char *task;
    char *worker;
    int to; /* enum log_to */
    struct shared_file *file;
    struct logring *ring;
};

struct logs_reader {
    struct list link;
    logring_each *on_line;
    void *arg;
};

struct logs *logs_new(struct event_base *base)
{
    struct logs *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->base = base;
    list_init(&l->files);
    list_init(&l->readers);
    return l;
}

void logs_free(struct logs *l)
{
    if (!l)
        return;
    journald_free(l->journald);
    logtext_free(&l->batch);
    jsonout_free(&l->scratch);
    free(l);
}

void logs_reopen(struct logs *l)
{
    for (struct shared_file *f = list_first(&l->files); f; f = list_next(&l->files, &f->link))
        logfile_reopen(f->file);
}

/* --- shared files ------------------------------------------------------------------------------------------------ */

/* Where a reload has changed the format, both are there until the last life of the old one has ended. */
static struct shared_file *find_file(struct logs *l, const char *path, enum log_format format)
{
    struct shared_file *f = list_first(&l->files);

    while (f && (strcmp(logfile_path(f->file), path) != 0 || logfile_policy(f->file)->format != format))
        f = list_next(&l->files, &f->link);
    return f;
}

static void release_file(struct shared_file *f)
{
    if (!f || --f->users > 0)
        return;
    list_remove(&f->link);
    logfile_free(f->file);
    free(f);
}

static int new_file(struct logs *l, const char *path, const struct logfile_policy *policy, struct shared_file **ret)
{
    struct shared_file *f = calloc(1, sizeof *f);
    int r = f ? logfile_new(l->base, path, policy, &f->file) : -ENOMEM;

    if (r < 0) {
        free(f);
        return r;
    }
    list_append(&l->files, &f->link);
    *ret = f;
    return 0;
}

static int take_file(struct logs *l, const struct worker_config *c, struct shared_file **ret)
{
    struct logfile_policy policy = {.format = (enum log_format)c->log_format,
                                    .max_size = c->log_max_size,
                                    .keep = c->log_keep,
                                    .gzip = c->log_compress == LOG_COMPRESS_GZIP};
    struct shared_file *f = find_file(l, c->log_file, policy.format);
    int r = 0;

    if (f)
        logfile_set_policy(f->file, &policy);
    else
        r = new_file(l, c->log_file, &policy, &f);
    if (r < 0)
        return r;
    f->users++;
    *ret = f;
    return 0;
}

/* --- a task's ---------------------------------------------------------------------------------------------------- */

struct tasklog *tasklog_new(struct logs *l, const char *task)
{
    struct tasklog *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    *t = (struct tasklog){.logs = l, .task = task, .ring = logring_new()};
    if (!t->ring) {
        free(t);
        return NULL;
    }
    return t;
}

void tasklog_free(struct tasklog *t)
{
    if (!t)
        return;
    release_file(t->file);
    logring_free(t->ring);
    free(t->worker);
    free(t);
}

static int open_journal(struct logs *l)
{
    if (!l->journald)
        l->journald = journald_new();
    return l->journald ? 0 : -ENOMEM;
}

int tasklog_open(struct tasklog *t, const struct worker_config *c)
{
    struct shared_file *file = NULL;
    char *worker = strdup(c->name);
    int r = worker ? 0 : -ENOMEM;

    if (r == 0 && c->log_to == LOG_TO_FILE)
        r = take_file(t->logs, c, &file);
    else if (r == 0 && c->log_to == LOG_TO_JOURNAL)
        r = open_journal(t->logs);
    if (r < 0) {
        free(worker);
        return r;
    }
    release_file(t->file);
    free(t->worker);
    t->file = file;
    t->worker = worker;
    t->to = c->log_to;
    return 0;
}

bool tasklog_takes(const struct tasklog *t)
{
    return t->to == LOG_TO_FILE || t->to == LOG_TO_JOURNAL;
}

bool tasklog_raw(const struct tasklog *t)
{
    return t->file && logfile_policy(t->file->file)->format == LOG_FORMAT_RAW;
}

const struct logring *tasklog_ring(const struct tasklog *t)
{
    return t->ring;
}

static void tell_readers(struct logs *l, const struct logline *line)
{
    struct logs_reader *next;

    for (struct logs_reader *r = list_first(&l->readers); r; r = next) {
        next = list_next(&l->readers, &r->link);
        r->on_line(r->arg, line);
    }
}

/* A message of the channel also has a line in a raw file: it is a line of its own there. */
static void put_in_file(struct tasklog *t, const struct logline *l)
{
    struct logs *all = t->logs;

    if (logfile_policy(t->file->file)->format == LOG_FORMAT_JSON)
        logline_put_json(&all->batch, &all->scratch, l);
    else
        logline_put_text(&all->batch, l);
}

void tasklog_put(struct tasklog *t, const struct logline *line)
{
    struct logline l = *line;

    l.task = t->task;
    logring_put(t->ring, &l);
    tell_readers(t->logs, &l);
    if (t->file)
        put_in_file(t, &l);
    else if (t->to == LOG_TO_JOURNAL)
        journald_put(t->logs->journald, t->worker, &l);
}

void tasklog_flush(struct tasklog *t)
{
    struct logtext *b = &t->logs->batch;

    if (t->file && b->len > 0)
        logfile_write(t->file->file, b->data, b->len);
    if (b->failed)
        log_error("%s: lines were lost: out of memory", t->task);
    b->failed = false;
    b->len = 0;
}

ssize_t tasklog_splice(struct tasklog *t, int pipe)
{
    return logfile_splice(t->file->file, pipe);
}

json_t *tasklog_json(const struct tasklog *t)
{
    struct logfile_lost lost = {0};

    if (t->file)
        lost = logfile_lost(t->file->file);
    else if (t->to == LOG_TO_JOURNAL)
        lost.lines = journald_lost(t->logs->journald);
    return json_pack("{ss ss* ss* s{sI sI}}", "to", log_to_name(t->to), "file",
                     t->file ? logfile_path(t->file->file) : NULL, "format",
                     t->file ? log_format_name((int)logfile_policy(t->file->file)->format) : NULL, "lost", "lines",
                     (json_int_t)lost.lines, "bytes", (json_int_t)lost.bytes);
}

/* --- followers --------------------------------------------------------------------------------------------------- */

struct logs_reader *logs_subscribe(struct logs *l, logring_each *on_line, void *arg)
{
    struct logs_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->on_line = on_line;
    r->arg = arg;
    list_append(&l->readers, &r->link);
    return r;
}

void logs_unsubscribe(struct logs_reader *r)
{
    list_remove(&r->link);
    free(r);
}
