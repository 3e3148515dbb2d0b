#include "taskd/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

static const char *const outcome_names[OUTCOMES] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_PANICKED] = "panicked",
    [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_UNSTARTED] = "unstarted",
};

static const char *const reason_names[STOP_REASONS] = {
    [STOP_SIGNAL] = "signal",
    [STOP_CLI] = "cli",
    [STOP_RELOAD] = "reload",
    [STOP_SCALE] = "scale",
    [STOP_DEPS] = "deps",
    [STOP_UNIT_LIMIT] = "unit_limit",
    [STOP_MEMORY] = "memory",
    [STOP_SUPERVISOR_LOST] = "supervisor_lost",
    [STOP_CLIENT_LOST] = "client_lost",
    [STOP_SELF] = "self",
    [STOP_PROTOCOL] = "protocol",
    [STOP_DRAIN] = "drain",
    [STOP_AGE] = "age",
    [STOP_RUNTIME] = "runtime",
    [STOP_SCHEDULE] = "schedule",
};

static const char *const how_names[HOWS] = {
    [HOW_COOPERATIVE] = "cooperative",
    [HOW_ABORTED] = "aborted",
    [HOW_KILLED] = "killed",
};

static const char *const cause_names[CAUSES] = {
    [CAUSE_WATCHDOG] = "watchdog",
    [CAUSE_START_TIMEOUT] = "start_timeout",
    [CAUSE_UNIT_TIMEOUT] = "unit_timeout",
    [CAUSE_OOM] = "oom",
};

/* Rule 2: the strongest kind whose signal it died of; SENT_KINDS when none of ours did it. A weaker one may have won
 * the race with a stronger one that was sent right behind it. */
static enum sent_kind died_of(const struct outcome_input *in)
{
    for (int kind = SENT_KINDS - 1; kind >= 0; kind--)
        if (in->signal != 0 && in->sent[kind] == in->signal)
            return (enum sent_kind)kind;
    return SENT_KINDS;
}

static struct outcome_verdict by_signal(const struct outcome_input *in)
{
    switch (died_of(in)) {
    case SENT_DUMP:
    case SENT_FAULT:
        return (struct outcome_verdict){OUTCOME_PANICKED, HOW_NONE, in->cause};
    case SENT_ABORT:
        return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_ABORTED, CAUSE_NONE};
    case SENT_KILL:
    case SENT_TERM:
        return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_KILLED, CAUSE_NONE};
    case SENT_STOP_SIGNAL:
        if (in->silent)
            return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE};
        /* One that has spoken and dies of a signal that it was to handle was cut: that is no cooperation. */
        __attribute__((fallthrough));
    default:
        return (struct outcome_verdict){OUTCOME_PANICKED, HOW_NONE,
                                        in->oom_kill && in->signal == SIGKILL ? CAUSE_OOM : CAUSE_NONE};
    }
}

struct outcome_verdict outcome_decide(const struct outcome_input *in)
{
    enum stop_how cooperative = in->stop_pending ? HOW_COOPERATIVE : HOW_NONE;
    if (in->exec_error)
        return (struct outcome_verdict){OUTCOME_UNSTARTED, HOW_NONE, CAUSE_NONE};
    if (in->signal)
        return by_signal(in);
    if (in->code != 0 && !in->code_is_success)
        return (struct outcome_verdict){OUTCOME_FAILED, cooperative, CAUSE_NONE};
    if (in->stop_pending && !in->result_complete)
        return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE};
    return (struct outcome_verdict){OUTCOME_OK, cooperative, CAUSE_NONE};
}

static int unstarted_status(int exec_error)
{
    return exec_error == ENOENT || exec_error == ENOTDIR ? 127 : 126;
}

int outcome_exit_status(const struct outcome_verdict *v, const struct outcome_input *in, int told_by)
{
    switch (v->outcome) {
    case OUTCOME_UNSTARTED:
        return unstarted_status(in->exec_error);
    case OUTCOME_FAILED:
        return in->code;
    case OUTCOME_PANICKED:
        return 128 + in->signal;
    case OUTCOME_CANCELLED:
        if (v->how != HOW_COOPERATIVE)
            return 128 + SIGKILL;
        return told_by ? 128 + told_by : 0;
    default:
        return 0;
    }
}

static size_t find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    return count;
}

const char *outcome_name(enum outcome o)
{
    return outcome_names[o];
}

const char *stop_reason_name(enum stop_reason r)
{
    return reason_names[r];
}

const char *stop_how_name(enum stop_how h)
{
    return how_names[h];
}

const char *cause_name(enum cause c)
{
    return cause_names[c];
}

enum outcome outcome_find(const char *name)
{
    return (enum outcome)find(outcome_names, OUTCOMES, name);
}

enum stop_how stop_how_find(const char *name)
{
    return (enum stop_how)find(how_names, HOWS, name);
}
