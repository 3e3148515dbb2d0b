/* Where the output of workers goes: files, the journal, the last lines of each task, and whoever follows.
 *
 * A line is put once and goes everywhere. Files are shared by the tasks that name them. Owner: daemon.c; task.c has a
 * tasklog for each task. Calls logfile, journald, logring. */
#pragma once
#include <jansson.h>

#include "taskd/logline.h"
#include "taskd/logring.h"

struct event_base;
struct logs;
struct tasklog;
struct worker_config;

struct logs *logs_new(struct event_base *); /* NULL when memory is out */
void logs_free(struct logs *);              /* NULL ok; after its tasklogs and readers */
void logs_reopen(struct logs *);            /* all files: somebody has moved them away */

struct tasklog *tasklog_new(struct logs *, const char *task); /* NULL when memory is out; `task` is borrowed */
void tasklog_free(struct tasklog *);                          /* NULL ok */

/* Lines go where this definition says, from now on. 0; -errno when a file cannot be opened: then it is as before. */
int tasklog_open(struct tasklog *, const struct worker_config *);

bool tasklog_takes(const struct tasklog *); /* it goes to a file or the journal */
bool tasklog_raw(const struct tasklog *);   /* it is not to be looked at: tasklog_splice */

void tasklog_put(struct tasklog *, const struct logline *); /* its `task` is filled in */
void tasklog_flush(struct tasklog *);                       /* no more for now: what was put is written */
ssize_t tasklog_splice(struct tasklog *, int pipe);         /* see logfile_splice */

const struct logring *tasklog_ring(const struct tasklog *);
/* {"to":"file","file":"…","format":"text","lost":{"lines":0,"bytes":0}}, new reference. */
json_t *tasklog_json(const struct tasklog *);

/* Whoever wants every line as it comes. The callback may unsubscribe itself, and no other. */
struct logs_reader;
struct logs_reader *logs_subscribe(struct logs *, logring_each *on_line, void *arg); /* NULL when memory is out */
void logs_unsubscribe(struct logs_reader *);
