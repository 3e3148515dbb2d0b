/* What a worker has to say for people: what it prints, and the messages `log` of its channel. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/logs.h"
#include "taskd/message.h"
#include "taskd/output.h"
#include "taskd/task_impl.h"

/* Messages that go to taskd's own log: a burst, then a steady trickle; what is over is counted and said once it is
 * quiet again. */
enum { LOG_BURST = 200, LOG_PER_S = 50, SHOWN = 1024 };

static struct logline new_line(const struct task *t)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    const struct unit *u = t->life.pid > 0 ? units_newest(&t->life.units) : NULL;
    return (struct logline){.time_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000,
                            .handle = t->life.handle,
                            .unit = u ? u->id : NULL,
                            .level = LOGLINE_LEVEL_NONE};
}

/* --- what it prints ---------------------------------------------------------------------------------------------- */

static void on_line(void *arg, const char *text, size_t len, bool more)
{
    struct task *t = arg;
    struct logline l = new_line(t);
    l.text = text;
    l.len = len;
    l.more = more;
    logline_take_prefix(&l);
    tasklog_put(t->log, &l);
    if (!tasklog_takes(t->log))
        t->shared->hooks.on_output(t->shared->hooks.arg, t, text, len);
}

/* A unit may have begun before this was printed. */
static void before(void *arg)
{
    const struct task *t = arg;
    if (t->channel)
        channel_poll(t->channel);
}

static void on_pause(void *arg)
{
    const struct task *t = arg;
    tasklog_flush(t->log);
}

/* A file takes what comes; a terminal may have been paused with ^S. */
static bool may(void *arg)
{
    const struct task *t = arg;
    return tasklog_takes(t->log) || t->shared->hooks.may_output(t->shared->hooks.arg);
}

static ssize_t move(void *arg, int pipe)
{
    const struct task *t = arg;
    return tasklog_splice(t->log, pipe);
}

int task_log_open(struct task *t, int *ret_fd)
{
    *ret_fd = -1;
    int r = tasklog_open(t->log, t->config);
    if (r < 0)
        return r;
    bool shown = t->shared->capture && t->config->log_to == LOG_TO_INHERIT;
    if (!shown && !tasklog_takes(t->log))
        return 0;
    struct output_hooks hooks = {.on_line = on_line, .on_pause = on_pause, .before = before, .may = may, .arg = t};
    if (tasklog_raw(t->log)) {
        hooks.before = NULL;
        hooks.move = move;
    }
    return output_new(t->shared->base, &hooks, &t->output, ret_fd);
}

/* What it printed before it says that a unit has ended belongs to that unit. Pipe and channel are two: where a worker
 * prints, ends a unit, begins another and prints again before taskd has looked, all of that is the first one's. */
void task_log_sync(struct task *t)
{
    if (t->output)
        output_poll(t->output);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static bool may_log(struct task *t)
{
    int64_t now = sys->now_ms();
    int64_t credit = t->log_credit + (now - t->log_credit_at_ms) * LOG_PER_S / 1000;
    if (credit != t->log_credit)
        t->log_credit_at_ms = now;
    t->log_credit = credit < LOG_BURST ? credit : LOG_BURST;
    if (t->log_credit <= 0) {
        t->log_dropped++;
        return false;
    }
    t->log_credit--;
    if (t->log_dropped)
        log_warn("%s: %llu log messages were dropped", t->id, (unsigned long long)t->log_dropped);
    t->log_dropped = 0;
    return true;
}

static void log_here(struct task *t, const struct logline *l)
{
    char shown[SHOWN];
    if (!may_log(t))
        return;
    text_printable(l->text, l->len, shown, sizeof shown);
    if (l->level != LOGLINE_LEVEL_NONE && l->level <= LOG_ERR)
        log_error("%s: %s", t->id, shown);
    else if (l->level == LOG_WARNING)
        log_warn("%s: %s", t->id, shown);
    else if (l->level == LOG_DEBUG)
        log_debug("%s: %s", t->id, shown);
    else
        log_info("%s: %s", t->id, shown);
}

/* Each of its lines is a line; the fields stand behind the last. */
static void put_lines(struct task *t, struct logline *l, const char *msg, const char *fields)
{
    for (const char *next = msg; next; msg = next) {
        l->text = msg;
        l->len = strcspn(msg, "\n");
        next = msg[l->len] && msg[l->len + 1] ? msg + l->len + 1 : NULL;
        l->fields = next ? NULL : fields;
        tasklog_put(t->log, l);
    }
    tasklog_flush(t->log);
}

void task_log_message(struct task *t, const struct message *m)
{
    char *fields = m->fields ? json_dumps(m->fields, JSON_COMPACT) : NULL;
    struct logline l = new_line(t);
    l.level = m->level ? logline_level(m->level) : LOG_INFO;
    task_log_sync(t);
    put_lines(t, &l, m->msg, fields);
    l.text = m->msg;
    l.len = strlen(m->msg);
    if (!tasklog_takes(t->log))
        log_here(t, &l);
    free(fields);
}
