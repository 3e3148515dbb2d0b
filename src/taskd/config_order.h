/* What workers say about each other: each is defined once, `after` names workers that exist and leads into no circle; a
 * group has a name of its own.
 *
 * Owner: config_read.c. Calls config_value. */
#pragma once
#include "taskd/config.h"
#include "taskd/config_value.h"

/* Reports what is wrong; places[i] is where worker i stands. A circle is told once; of circles that share an `after`
 * some may be told only when the others are mended. `whole`: no file was unreadable, so a worker that is not among
 * these does not exist. Memory that runs out is latched in `errors`. */
void config_order_check(const struct config *, const struct value *places, bool whole, struct config_errors *errors);
