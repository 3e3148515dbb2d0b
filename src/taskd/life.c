#include "taskd/life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/quantity.h"

void life_clear(struct life *l)
{
    if (l->pidfd > 0)
        fd_close(&l->pidfd);
    fd_close(&l->main_pidfd);
    units_clear(&l->units);
    json_decref(l->value);
    json_decref(l->resume);
    free(l->text);
    *l = (struct life){.pidfd = -1, .main_pidfd = -1};
}

enum { EXIT_RUNTIME = 124 /* as timeout(1) does */ };

static struct outcome_input facts(const struct life *l)
{
    struct outcome_input in = {
        .exec_error = l->exec_error,
        .code = l->exit.code,
        .signal = l->exit.signal,
        .code_is_success = l->code_is_success,
        .oom_kill = l->oom_kill,
        .cause = l->cause,
        .stop_pending = l->stop_pending,
        .silent = !l->spoken || l->deaf || (l->early && l->units.open_count == 0),
        .result_complete = l->has_result && l->result_complete,
    };
    memcpy(in.sent, l->sent, sizeof in.sent);
    return in;
}

struct outcome_verdict life_verdict(const struct life *l)
{
    struct outcome_input in = facts(l);
    return outcome_decide(&in);
}

int life_exit_status(const struct life *l)
{
    struct outcome_input in = facts(l);
    struct outcome_verdict v = outcome_decide(&in);
    if (v.outcome == OUTCOME_CANCELLED && l->reason == STOP_RUNTIME)
        return EXIT_RUNTIME;
    return outcome_exit_status(&v, &in, l->stop_signo);
}

static json_t *name_or_null(const char *name)
{
    return name ? json_string(name) : json_null();
}

static json_t *timestamp(const struct timespec *ts)
{
    char text[64];
    return *moment_format(ts, text, sizeof text) ? json_string(text) : json_null();
}

json_t *life_timestamp(int64_t unix_ms)
{
    struct timespec ts = {.tv_sec = unix_ms / 1000, .tv_nsec = unix_ms % 1000 * 1000000};
    return timestamp(&ts);
}

/* The names that a caller may branch on; musl has no strerrorname_np. */
static const char *errno_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        {ENOENT, "ENOENT"},   {EACCES, "EACCES"}, {ENOEXEC, "ENOEXEC"}, {ETXTBSY, "ETXTBSY"}, {EPERM, "EPERM"},
        {ENOTDIR, "ENOTDIR"}, {EISDIR, "EISDIR"}, {ELOOP, "ELOOP"},     {E2BIG, "E2BIG"},     {ENOMEM, "ENOMEM"},
        {EAGAIN, "EAGAIN"},   {EINVAL, "EINVAL"}, {EMFILE, "EMFILE"},   {ENFILE, "ENFILE"},   {EIO, "EIO"},
        {ENOSPC, "ENOSPC"},   {EROFS, "EROFS"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            return names[i].name;
    return "unstarted";
}

/* Appends what it has said of its own end. */
static void add_told(const struct life *l, char *message, size_t size)
{
    size_t len = strlen(message);
    if (l->told_errno)
        snprintf(message + len, size - len, "; it says: %s", strerror(l->told_errno));
    else if (l->told_status)
        snprintf(message + len, size - len, "; it says: exit status %d", l->told_status);
}

static json_t *error_of(const struct life *l, const struct outcome_verdict *v)
{
    char message[160];
    const char *type = outcome_name(v->outcome);
    if (v->outcome == OUTCOME_UNSTARTED) {
        snprintf(message, sizeof message, "%s: %s", l->exec_step, strerror(l->exec_error));
        type = errno_name(l->exec_error);
    } else if (l->exit.signal) {
        snprintf(message, sizeof message, "signal %d (%s)%s", l->exit.signal, strsignal(l->exit.signal),
                 l->exit.core ? ", core dumped" : "");
    } else if (l->exit.code && !l->code_is_success) {
        snprintf(message, sizeof message, "exit status %d", l->exit.code);
    } else {
        return json_null();
    }
    add_told(l, message, sizeof message);
    return json_pack("{ss ss}", "type", type, "message", message);
}

static json_t *exit_of(const struct life *l)
{
    if (l->exec_error)
        return json_null();
    json_t *code = l->exit.signal ? json_null() : json_integer(l->exit.code);
    json_t *signal = l->exit.signal ? json_integer(l->exit.signal) : json_null();
    return json_pack("{so so sb}", "code", code, "signal", signal, "core", l->exit.core);
}

static json_t *stop_of(const struct life *l, const struct outcome_verdict *v)
{
    if (!l->stop_pending)
        return json_null();
    json_t *stop =
        json_pack("{so so sb sI}", "reason", name_or_null(stop_reason_name(l->reason)), "how",
                  name_or_null(stop_how_name(v->how)), "acked", l->acked, "waited_ms", (json_int_t)l->waited_ms);
    if (l->stop_signo)
        json_object_set_new(stop, "signal", json_integer(l->stop_signo));
    return stop;
}

static json_t *unit_of(const struct life *l, int64_t now_ms)
{
    const struct unit *u = units_oldest(&l->units);
    if (!u)
        return json_null();
    return json_pack("{ss ss sI}", "id", u->id, "state", "begun", "for_ms", (json_int_t)(now_ms - u->began_ms));
}

static json_t *lost_of(const struct life *l)
{
    json_t *lost = json_array();
    for (size_t i = 0; i < l->units.open_count; i++)
        json_array_append_new(lost, json_string(l->units.open[i].id));
    return lost;
}

static json_int_t millis(struct timeval tv)
{
    return (json_int_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

json_t *life_record(const struct life *l, const char *worker, const char *task, int64_t now_ms)
{
    struct outcome_verdict v = life_verdict(l);
    json_t *value = l->has_result && l->value ? json_incref(l->value) : json_null();
    json_t *resume = l->resume ? json_incref(l->resume) : json_null();
    return json_pack("{si ss ss ss si so ss so so so so so so s{sI sI si} so so so s{sI sI sI} so sb si}", "v", 1,
                     "worker", worker, "id", task, "handle", l->handle, "attempt", (int)l->attempt, "pid",
                     l->exec_error ? json_null() : json_integer(l->exit.pid), "outcome", outcome_name(v.outcome),
                     "value", value, "error", error_of(l, &v), "exit", exit_of(l), "stop", stop_of(l, &v), "cause",
                     name_or_null(cause_name(v.cause)), "unit", unit_of(l, now_ms), "units", "done",
                     (json_int_t)l->units.done, "failed", (json_int_t)l->units.failed, "lost", (int)l->units.open_count,
                     "lost", lost_of(l), "started", timestamp(&l->began), "ended", timestamp(&l->ended), "usage",
                     "utime_ms", millis(l->exit.usage.ru_utime), "stime_ms", millis(l->exit.usage.ru_stime),
                     "max_rss_kib", (json_int_t)l->exit.usage.ru_maxrss, "resume", resume, "spoken", l->spoken,
                     "tree_killed", (int)l->tree_killed);
}
