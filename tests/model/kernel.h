/* A kernel of four process numbers, and everything else that the supervisor stands on, for tests/model: processes and
 * strangers that reuse numbers at once, channels, timers, a clock that only the explorer turns.
 *
 * The supervisor's own code is the real one. Whatever it does here is checked while it does it: see `violation`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PIDS = 4, FIRST_PID = 2, TASKS = 2, QUEUE_MAX = 4 };

enum owner { NOBODY, STRANGER, CHILD };

enum line { LINE_HELLO, LINE_BEGIN, LINE_END, LINE_STOPPING, LINES };

struct process {
    enum owner owner;
    int task;    /* of a child */
    int serial;  /* which life of all: a number is reused, this is not */
    bool zombie; /* has exited, and is not reaped */
    bool told;   /* the stop message has been read */
    bool greeted, begun, in_unit, acknowledged;
    int code, signal;
    unsigned pending; /* bit n: signal n has been sent, and has not taken effect */
};

struct kernel {
    struct process processes[PIDS];
    int64_t now_ms;
    bool sigchld; /* one, however many have exited */
    int lives;
    const char *violation; /* the first property that was broken, NULL: none */
    char detail[160];
};

extern struct kernel kernel;

struct channel_view { /* the fake channel of a task's life */
    enum line queue[QUEUE_MAX];
    int count;
    bool open, stop_sent;
};
struct channel_view *kernel_channel(int task); /* NULL: it has none now */

void kernel_reset(void);
void kernel_violation(const char *property, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the explorer can make happen. The process of a task, or NULL. */
struct process *kernel_process(int task);
void kernel_say(struct process *, enum line);
void kernel_exit(struct process *, int code, int signal);
void kernel_take_signal(struct process *, int sig, bool ignored);
void kernel_read(int task); /* taskd reads what is on the channel */

/* Timers: the next one that is due, and the callbacks that wait for their turn of the loop. */
int64_t kernel_next_timer(void); /* INT64_MAX: none is armed */
void kernel_fire_timer(void);    /* turns the clock to it */
bool kernel_has_active(void);
void kernel_run_active(void);
bool kernel_timer_pending(const void *event, int64_t *ret_due_ms);

/* Records by life: how many each has. */
int kernel_records(int serial);
bool kernel_life_over(int serial); /* its process has exited */
