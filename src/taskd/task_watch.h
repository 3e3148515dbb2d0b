/* Shows who is doing what while something is waited for: a block of lines that is drawn again at a terminal, else one
 * line a change. Goes to standard error.
 *
 * Owner: verb.c, which its commands give one. Calls client, status_text, term. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct task_watch;

/* Which tasks are worth a line. */
typedef bool task_watch_filter(const json_t *task);

/* `socket` is borrowed. NULL when memory is out. */
struct task_watch *task_watch_new(const char *socket, task_watch_filter *shows);
void task_watch_free(struct task_watch *); /* NULL ok; takes the block off the terminal */

/* Only tasks that are called so, from the first call on; borrowed. */
void task_watch_name(struct task_watch *, const char *name);

void task_watch_clear(struct task_watch *); /* takes the block off the terminal; the next update draws it again */

/* Asks the daemon and shows what is new. A daemon that does not answer shows nothing. */
void task_watch_update(struct task_watch *);
