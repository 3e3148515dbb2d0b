/* What a person sees while taskd runs in the foreground: at a terminal a few live lines, anywhere else plain log lines.
 *
 * Owner: cmd_run.c. Calls supervisor's questions, term, log. A timer runs only while something on the screen ages. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct supervisor;
struct task;
struct view;

/* `live`: draw live lines on standard error (the workers' output must come through view_output then). NULL when memory
 * is out. */
struct view *view_new(struct event_base *, const struct supervisor *, bool live);
void view_free(struct view *); /* NULL ok */

void view_change(struct view *); /* something that is shown has changed */
void view_output(struct view *, const struct task *, const char *line, size_t len);
void view_stopping(struct view *, const char *why); /* the stop has begun: says who is being waited for */
void view_end(struct view *);                       /* the last words: what was done, what was lost */

/* "resize@2: img_0384.jpg, 63 %, 12s" */
void view_describe(const struct task *, char *out, size_t out_size);
