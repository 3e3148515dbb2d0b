/* Standard error that never makes anybody wait: a pipe that nobody reads, a terminal that was paused with ^S.
 *
 * Terminals and pipes are opened anew without blocking, so that the flag is on no descriptor that other processes
 * share. What does not fit is dropped and counted. Until errout_init() it is plain standard error. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void errout_init(void);
void errout_write(const char *data, size_t len);
bool errout_ready(void);       /* something can be written now */
uint64_t errout_dropped(void); /* how many writes were dropped since this was last asked */
FILE *errout_stream(void);     /* the same as a buffered stream, never closed; stderr when memory is out */
