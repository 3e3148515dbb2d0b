/* One file of the output folder, made so that its name never stands for half a file.
 *
 * The bytes go into a hidden file beside it, whose name follows from the final one: what a killed process left there is
 * overwritten by whoever does the same picture next, so nothing piles up and nothing has to be swept.
 * Owner: main.c. Calls nothing of this program. */
#pragma once
#include <stdint.h>
#include <stdio.h>

struct output;

/* Begins the file `name` in the folder `dir` (an open descriptor, borrowed for the life of the output). 0 and *ret, or
 * -errno. */
int output_new(int dir, const char *name, struct output **ret);

FILE *output_stream(const struct output *); /* borrowed; ends with output_seal */

/* All bytes on the disk, under the hidden name. *ret_bytes: how many. 0 or -errno. */
int output_seal(struct output *, int64_t *ret_bytes);

/* Gives it its name, replacing a file that has it, and makes the name durable. 0 or -errno. */
int output_publish(struct output *);

/* Takes back what output_publish did. */
void output_retract(struct output *);

/* Removes the hidden file if it was never published. NULL ok. */
void output_free(struct output *);
