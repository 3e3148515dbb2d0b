/* What the model looks at inside the supervisor: the only file that knows its private fields.
 *
 * The world is one supervisor with two tasks of one worker; view.c owns it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;

struct supervisor *view_begin(void); /* a new world; kernel_reset comes before */
void view_end(void);

bool view_wanted(int task);
bool view_over(int task);         /* nothing runs, and nothing will by itself */
bool view_acknowledged(int task); /* its life reports that the stop was acknowledged */
int view_task_of_pid(pid_t);      /* the task that holds this number for its own, -1: none */
bool view_stop_pending(int task, int64_t *ret_deadline_ms);
const char *view_state(int task);

void view_check(void);    /* invariants of what is inside: see kernel_violation */
uint64_t view_hash(void); /* of everything that decides what can happen next */
