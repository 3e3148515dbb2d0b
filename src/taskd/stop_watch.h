/* Shows who is finishing what while a stop is under way: a block of lines that is drawn again at a terminal, else one
 * line a change. Goes to standard error.
 *
 * Owner: cmd_stop.c. Calls client, status_text, term. */
#pragma once

struct stop_watch;

struct stop_watch *stop_watch_new(const char *socket); /* borrowed; NULL when memory is out */
void stop_watch_free(struct stop_watch *);             /* NULL ok; takes the block off the terminal */

/* Asks the daemon and shows what is new. A daemon that does not answer shows nothing. */
void stop_watch_update(struct stop_watch *);
