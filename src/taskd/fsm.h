/* PURE: the life cycle of a task. State x event -> next state + actions; no I/O, no clock.
 *
 * Every state change of a task goes through fsm_next(). Whether a task is wanted up or down, and what its restart
 * policy says, is decided before the event is chosen (restart.h), so the table holds no conditions. States of a living
 * process only advance: starting -> running -> pre-stop -> stopping -> terminating -> dumping -> killing. */
#pragma once
#include <stdbool.h>

enum task_state {
    TASK_STOPPED,     /* down, because somebody asked for it, or never started */
    TASK_STARTING,    /* alive, not ready yet */
    TASK_RUNNING,     /* alive and ready */
    TASK_PRE_STOP,    /* a stop was asked for; it goes out after the pre_stop delay */
    TASK_STOPPING,    /* the stop is out; the grace period runs */
    TASK_TERMINATING, /* the grace period is over; SIGTERM is out and term_timeout runs */
    TASK_DUMPING,     /* wedged; SIGABRT is out, so that it leaves a core */
    TASK_KILLING,     /* SIGKILL is out */
    TASK_BACKOFF,     /* dead, waiting to be started again */
    TASK_WAITING,     /* wanted up, and its turn has not come: others come first, or its time */
    TASK_DONE,        /* ended well, for good */
    TASK_FAILED,      /* ended badly, for good */
    TASK_STATES
};

enum task_event {
    ON_START, /* and its turn has come */
    ON_WAIT,  /* it is to start, but not yet */
    ON_READY,
    ON_PRE_STOP,   /* a stop is asked for, and a pre_stop delay is configured */
    ON_STOP,       /* a stop is asked for */
    ON_TIMEOUT,    /* the state's own timer */
    ON_GRACE_TERM, /* the state's own timer, where a term_timeout comes before SIGKILL */
    ON_FAULT,      /* a unit or its silence took too long: the process is to die, the task is not */
    ON_ABORT,
    ON_ENDED_DOWN,   /* the life is over; wanted down */
    ON_ENDED_RETRY,  /* the life is over; another one is due */
    ON_ENDED_WAIT,   /* the life is over; the next one comes when its time comes */
    ON_ENDED_DONE,   /* the life is over; none follows, it ended well */
    ON_ENDED_FAILED, /* the life is over; none follows, it ended badly */
    TASK_EVENTS
};

enum task_action {
    ACT_SPAWN = 1 << 0,
    ACT_SEND_STOP = 1 << 1,
    ACT_SEND_TERM = 1 << 2,
    ACT_DUMP = 1 << 3,
    ACT_KILL_GRACE = 1 << 4, /* SIGKILL to the tree: the grace period is over */
    ACT_KILL_FAULT = 1 << 5, /* … the worker is at fault */
    ACT_KILL_ABORT = 1 << 6, /* … somebody asked for it */
    ACT_KILL_AGAIN = 1 << 7, /* … for whatever has survived or was born since */
};

/* The timer that runs while a task is in a state; armed on entry, disarmed on leaving. */
enum task_timer {
    TIMER_NONE,
    TIMER_START,
    TIMER_PRE_STOP,
    TIMER_GRACE,
    TIMER_TERM,
    TIMER_DUMP,
    TIMER_KILL,
    TIMER_BACKOFF
};

struct fsm_step {
    enum task_state next;
    unsigned actions;
    bool moved; /* false: the event changes nothing here, and timers stay as they are */
};

/* false when the pair cannot happen; *ret is then untouched and the caller stays as it is. */
bool fsm_next(enum task_state, enum task_event, struct fsm_step *ret);

enum task_timer fsm_timer(enum task_state);
bool fsm_alive(enum task_state);  /* there is a process */
bool fsm_ending(enum task_state); /* there is a process, and a stop or kill is under way */
bool fsm_over(enum task_state);   /* nothing runs and nothing will, unless somebody starts it */
const char *task_state_name(enum task_state);
const char *task_event_name(enum task_event);
