/* Outcome records as `wait` and `spawn` print them: JSON, one a line, and what a shell sees of all of them.
 *
 * Owner: cmd_wait.c, cmd_spawn.c. Calls record_status. */
#pragma once
#include <jansson.h>

/* Prints one record on standard output. Its exit status. */
int record_print(const json_t *record);

/* … every one in the "results" of an answer. The greatest exit status, 0 for none. */
int record_print_all(const json_t *answer);
