/* What workers say about each other: `after` names workers that exist and leads into no circle; a group has a name of
 * its own.
 *
 * Owner: config_read.c. Calls config_value. */
#pragma once
#include "taskd/config.h"
#include "taskd/config_value.h"

/* Tells where worker `index` of the configuration stands in its file. false: it does not. */
typedef bool config_find_worker(void *arg, size_t index, struct value *ret);

/* Reports what is wrong through the values; a circle once. */
void config_order_check(const struct config *, config_find_worker *find, void *arg);
