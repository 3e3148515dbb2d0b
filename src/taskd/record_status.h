/* PURE: outcome records read back: what a shell sees of them, and how a person reads them. See taskd(1), EXIT STATUS.
 *
 * Owner: the commands. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* 0 ok; the worker's own code; 128+n for a signal; 126/127 never started; 137 had to be killed; 130/143 when taskd
 * itself was told to stop and the life ended cooperatively; 0 for any other cooperative end. 125 for what is no record.
 */
int record_exit_status(const json_t *record);

/* "failed 3", "panicked SIGSEGV", "cancelled/killed". Returns `out`. */
char *record_brief(const json_t *record, char *out, size_t out_size);

/* Milliseconds between "started" and "ended", or -1. */
int64_t record_duration_ms(const json_t *record);

/* The units that the life was in the middle of: calls `each` with the id of every one. */
void record_each_lost(const json_t *record, void (*each)(void *arg, const char *unit), void *arg);
