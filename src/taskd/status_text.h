/* PURE: one task of a status answer in words. Owner: the commands. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "taskd/table.h"

const char *status_string(const json_t *object, const char *key); /* "" when it is not there */
json_int_t status_number(const json_t *object, const char *key);  /* 0 when it is not there */

/* The strings of a list, "db, cache". Returns `out`. */
char *status_names(const json_t *names, char *out, size_t out_size);

/* "running", "running, due (reload)", "stopping, unresponsive, 12s left", "waiting for db". Returns `out`. */
char *status_state(const json_t *task, char *out, size_t out_size);
enum table_colour status_colour(const json_t *task);

/* "img_0384.jpg, 63 %, 12s", or "" when it is between units. Returns `out`. */
char *status_unit(const json_t *task, char *out, size_t out_size);

/* What the stop of this task waits for: "img_0384.jpg, 63 %, 12s", else its state. Returns `out`. */
char *status_waits_for(const json_t *task, char *out, size_t out_size);

/* It is being stopped and is not down yet. */
bool status_is_stopping(const json_t *task);
bool status_is_in_unit(const json_t *task);
/* It is starting, stopping, to be replaced, or waits for others: what a start or a restart waits for. */
bool status_is_on_its_way(const json_t *task);
/* `name` means this task: its own name, that of its worker, its group or its life. */
bool status_is_called(const json_t *task, const char *name);
