#include "taskd/fsm.h"

struct cell {
    bool legal, moved;
    unsigned char next, actions;
};

#define GO(state, acts)                                                  \
    {                                                                    \
        .legal = true, .moved = true, .next = (state), .actions = (acts) \
    }
#define STAY          \
    {                 \
        .legal = true \
    }

/* What every living state does with an end, an abort and a fault. */
#define LIVING [ON_FAULT] = GO(TASK_DUMPING, ACT_DUMP), [ON_ABORT] = GO(TASK_KILLING, ACT_KILL_ABORT), ENDS
#define ENDS                                                                                          \
    [ON_START] = STAY, [ON_ENDED_DOWN] = GO(TASK_STOPPED, 0), [ON_ENDED_RETRY] = GO(TASK_BACKOFF, 0), \
    [ON_ENDED_WAIT] = GO(TASK_WAITING, 0), [ON_ENDED_DONE] = GO(TASK_DONE, 0), [ON_ENDED_FAILED] = GO(TASK_FAILED, 0)
/* What every state without a process does. */
#define RISING   [ON_START] = GO(TASK_STARTING, ACT_SPAWN), [ON_WAIT] = GO(TASK_WAITING, 0)
#define LIFELESS RISING, [ON_PRE_STOP] = STAY, [ON_STOP] = STAY, [ON_ABORT] = STAY
#define GIVES_UP [ON_PRE_STOP] = GO(TASK_STOPPED, 0), [ON_STOP] = GO(TASK_STOPPED, 0), [ON_ABORT] = GO(TASK_STOPPED, 0)

static const struct cell table[TASK_STATES][TASK_EVENTS] =
    {
        [TASK_STOPPED] = {LIFELESS},
        [TASK_DONE] = {LIFELESS},
        [TASK_FAILED] = {LIFELESS},
        [TASK_BACKOFF] = {RISING, GIVES_UP},
        [TASK_WAITING] = {[ON_START] = GO(TASK_STARTING, ACT_SPAWN), [ON_WAIT] = STAY, GIVES_UP},
        [TASK_STARTING] =
            {
                LIVING,
                [ON_READY] = GO(TASK_RUNNING, 0),
                [ON_PRE_STOP] = GO(TASK_PRE_STOP, 0),
                [ON_STOP] = GO(TASK_STOPPING, ACT_SEND_STOP),
                [ON_TIMEOUT] = GO(TASK_KILLING, ACT_KILL_FAULT),
            },
        [TASK_RUNNING] =
            {
                LIVING,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = GO(TASK_PRE_STOP, 0),
                [ON_STOP] = GO(TASK_STOPPING, ACT_SEND_STOP),
            },
        [TASK_PRE_STOP] =
            {
                LIVING,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = STAY,
                [ON_STOP] = GO(TASK_STOPPING, ACT_SEND_STOP),
                [ON_TIMEOUT] = GO(TASK_STOPPING, ACT_SEND_STOP),
            },
        [TASK_STOPPING] =
            {
                LIVING,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = GO(TASK_STOPPING, 0),
                [ON_STOP] = GO(TASK_STOPPING, 0),
                [ON_TIMEOUT] = GO(TASK_KILLING, ACT_KILL_GRACE),
                [ON_GRACE_TERM] = GO(TASK_TERMINATING, ACT_SEND_TERM),
            },
        [TASK_TERMINATING] =
            {
                ENDS,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = STAY,
                [ON_STOP] = STAY,
                [ON_FAULT] = STAY,
                [ON_ABORT] = GO(TASK_KILLING, ACT_KILL_ABORT),
                [ON_TIMEOUT] = GO(TASK_KILLING, ACT_KILL_GRACE),
            },
        [TASK_DUMPING] =
            {
                ENDS,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = GO(TASK_DUMPING, 0),
                [ON_STOP] = GO(TASK_DUMPING, 0),
                [ON_FAULT] = STAY,
                [ON_ABORT] = GO(TASK_KILLING, ACT_KILL_ABORT),
                [ON_TIMEOUT] = GO(TASK_KILLING, ACT_KILL_FAULT),
            },
        [TASK_KILLING] =
            {
                ENDS,
                [ON_READY] = STAY,
                [ON_PRE_STOP] = STAY,
                [ON_STOP] = STAY,
                [ON_FAULT] = STAY,
                [ON_ABORT] = STAY,
                [ON_TIMEOUT] = GO(TASK_KILLING, ACT_KILL_AGAIN),
            },
};

static const struct {
    const char *name;
    enum task_timer timer;
    bool alive, ending, over;
} states[TASK_STATES] = {
    [TASK_STOPPED] = {"stopped", TIMER_NONE, .over = true},
    [TASK_STARTING] = {"starting", TIMER_START, .alive = true},
    [TASK_RUNNING] = {"running", TIMER_NONE, .alive = true},
    [TASK_PRE_STOP] = {"pre-stop", TIMER_PRE_STOP, .alive = true, .ending = true},
    [TASK_STOPPING] = {"stopping", TIMER_GRACE, .alive = true, .ending = true},
    [TASK_TERMINATING] = {"terminating", TIMER_TERM, .alive = true, .ending = true},
    [TASK_DUMPING] = {"dumping", TIMER_DUMP, .alive = true, .ending = true},
    [TASK_KILLING] = {"killing", TIMER_KILL, .alive = true, .ending = true},
    [TASK_BACKOFF] = {"backoff", TIMER_BACKOFF},
    [TASK_WAITING] = {"waiting", TIMER_NONE},
    [TASK_DONE] = {"done", TIMER_NONE, .over = true},
    [TASK_FAILED] = {"failed", TIMER_NONE, .over = true},
};

static const char *const event_names[TASK_EVENTS] = {
    [ON_START] = "start",
    [ON_WAIT] = "wait",
    [ON_READY] = "ready",
    [ON_PRE_STOP] = "pre-stop",
    [ON_STOP] = "stop",
    [ON_TIMEOUT] = "timeout",
    [ON_GRACE_TERM] = "grace-term",
    [ON_FAULT] = "fault",
    [ON_ABORT] = "abort",
    [ON_ENDED_DOWN] = "ended-down",
    [ON_ENDED_RETRY] = "ended-retry",
    [ON_ENDED_WAIT] = "ended-wait",
    [ON_ENDED_DONE] = "ended-done",
    [ON_ENDED_FAILED] = "ended-failed",
};

bool fsm_next(enum task_state state, enum task_event event, struct fsm_step *ret)
{
    const struct cell *c = &table[state][event];
    if (!c->legal)
        return false;
    *ret = (struct fsm_step){
        .next = c->moved ? (enum task_state)c->next : state,
        .actions = c->actions,
        .moved = c->moved,
    };
    return true;
}

enum task_timer fsm_timer(enum task_state state)
{
    return states[state].timer;
}

bool fsm_alive(enum task_state state)
{
    return states[state].alive;
}

bool fsm_ending(enum task_state state)
{
    return states[state].ending;
}

bool fsm_over(enum task_state state)
{
    return states[state].over;
}

const char *task_state_name(enum task_state state)
{
    return states[state].name;
}

const char *task_event_name(enum task_event event)
{
    return event_names[event];
}
