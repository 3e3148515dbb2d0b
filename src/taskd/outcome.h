/* PURE: from how a process ended, what was asked of it and what it said, to how its life is reported.
 *
 * The rules are the protocol's "first match wins" list; see taskd-protocol(7), OUTCOMES. No I/O, no clock. */
#pragma once
#include <stdbool.h>

enum outcome { OUTCOME_OK, OUTCOME_FAILED, OUTCOME_PANICKED, OUTCOME_CANCELLED, OUTCOME_UNSTARTED, OUTCOMES };

enum stop_reason {
    STOP_NONE,
    STOP_SIGNAL,
    STOP_CLI,
    STOP_RELOAD,
    STOP_SCALE,
    STOP_DEPS,
    STOP_UNIT_LIMIT,
    STOP_MEMORY,
    STOP_SUPERVISOR_LOST,
    STOP_CLIENT_LOST,
    STOP_SELF,     /* the worker asked for it: stop_me */
    STOP_PROTOCOL, /* on_protocol_error: stop */
    STOP_DRAIN,
    STOP_AGE,      /* max_age */
    STOP_RUNTIME,  /* max_runtime */
    STOP_SCHEDULE, /* overlap: replace */
    STOP_REASONS
};

enum stop_how { HOW_NONE, HOW_COOPERATIVE, HOW_ABORTED, HOW_KILLED, HOWS };

enum cause { CAUSE_NONE, CAUSE_WATCHDOG, CAUSE_START_TIMEOUT, CAUSE_UNIT_TIMEOUT, CAUSE_OOM, CAUSES };

/* Why taskd sent a signal that ends, weakest first. */
enum sent_kind {
    SENT_STOP_SIGNAL, /* the stop itself, to a worker without a channel or one that never spoke */
    SENT_TERM,        /* grace expiry, the step before SIGKILL */
    SENT_DUMP,        /* wedged, the step before SENT_FAULT */
    SENT_FAULT,
    SENT_KILL, /* grace expiry */
    SENT_ABORT,
    SENT_KINDS
};

struct outcome_input {
    int exec_error;       /* errno of the start, 0 if it ran */
    int code, signal;     /* as waitid says: one of them, signal 0 for an exit */
    int sent[SENT_KINDS]; /* the signal that taskd sent for each kind, 0: none */
    bool code_is_success; /* success_exit has this code */
    enum cause cause;     /* why SENT_DUMP or SENT_FAULT */
    bool oom_kill;        /* the kernel has killed something of it for its memory */
    bool stop_pending;    /* a stop was under way */
    bool silent;          /* no channel, or no word on it until it was told, and nothing begun */
    bool result_complete; /* a result with complete:true was read */
};

struct outcome_verdict {
    enum outcome outcome;
    enum stop_how how; /* HOW_NONE unless a stop was under way */
    enum cause cause;  /* CAUSE_NONE unless taskd's fault signal ended it */
};

struct outcome_verdict outcome_decide(const struct outcome_input *);

/* What a shell sees for one life: 0, the worker's code, 128+n, 126/127, 137, 130/143 (`told_by`: the signal that
 * stopped taskd, or 0). */
int outcome_exit_status(const struct outcome_verdict *, const struct outcome_input *, int told_by);

const char *outcome_name(enum outcome);
const char *stop_reason_name(enum stop_reason); /* NULL for STOP_NONE */
const char *stop_how_name(enum stop_how);       /* NULL for HOW_NONE */
const char *cause_name(enum cause);             /* NULL for CAUSE_NONE */
enum outcome outcome_find(const char *name);    /* OUTCOMES for a stranger */
enum stop_how stop_how_find(const char *name);
