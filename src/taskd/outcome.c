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
};

/* Rule 2: it died of the signal that taskd sent to end it. */
static bool died_of_ours(const struct outcome_input *in)
{
    return in->signal != 0 && in->sent != SENT_NOTHING && in->signal == in->sent_signal;
}

static struct outcome_verdict by_our_signal(const struct outcome_input *in)
{
    switch (in->sent) {
    case SENT_FAULT:
        return (struct outcome_verdict){OUTCOME_PANICKED, HOW_NONE, in->cause};
    case SENT_ABORT:
        return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_ABORTED, CAUSE_NONE};
    case SENT_KILL:
        return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_KILLED, CAUSE_NONE};
    default:
        /* A worker that had spoken and dies of stop_signal was cut by a signal that it was told to expect, but did not
         * handle: that is no cooperation. */
        if (in->silent)
            return (struct outcome_verdict){OUTCOME_CANCELLED, HOW_COOPERATIVE, CAUSE_NONE};
        return (struct outcome_verdict){OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE};
    }
}

struct outcome_verdict outcome_decide(const struct outcome_input *in)
{
    enum stop_how cooperative = in->stop_pending ? HOW_COOPERATIVE : HOW_NONE;
    if (in->exec_error)
        return (struct outcome_verdict){OUTCOME_UNSTARTED, HOW_NONE, CAUSE_NONE};
    if (died_of_ours(in))
        return by_our_signal(in);
    if (in->signal)
        return (struct outcome_verdict){OUTCOME_PANICKED, HOW_NONE, CAUSE_NONE};
    if (in->code != 0)
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
