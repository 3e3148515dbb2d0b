/* What a command may do with its output: colours, the width of a terminal, lines that are drawn again in place.
 *
 * Owner: the commands. Calls common/text. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

bool term_is_terminal(FILE *);
bool term_colours(FILE *); /* a terminal that is not dumb, and no NO_COLOR */
int term_columns(FILE *);  /* 80 when it cannot be asked */
int term_rows(FILE *);     /* 24 when it cannot be asked */

/* Cuts UTF-8 text in place to `columns`, with "…" where something was left out. `s` has room for one more "…". */
void term_cut(char *s, size_t size, int columns);

/* A block of lines at the bottom of a terminal. */
struct term_block {
    FILE *out;
    int lines; /* drawn before, to be drawn over */
};
void term_block_begin(struct term_block *);
void term_block_line(struct term_block *, const char *line); /* printable text */
void term_block_clear(struct term_block *);

/* The first SIGINT is caught, the next one has its usual effect; system calls that wait return EINTR. The second one
 * takes SIGTERM and SIGHUP as well, any of the three, and leaves alone what the parent has chosen to ignore. */
void term_catch_interrupt(void);
void term_catch_end(void);
int term_interrupted(void); /* which signal it was, 0: none */

/* poll(2) for ever on one descriptor, with -1 for a signal that has come since the last call, too: none is missed
 * between a look at term_interrupted() and the wait. */
struct pollfd;
int term_poll(struct pollfd *);
