/* Sockets in a configuration: one definition from its making to its end, and what sockets and workers say about each
 * other.
 *
 * Owner: config. Calls config_keys, config_value, address. */
#pragma once
#include "taskd/config.h"
#include "taskd/config_value.h"

/* Every key at its default. 0 or -ENOMEM. */
int socket_init(struct socket_config *);
void socket_clear(struct socket_config *);

/* Where the sockets and the workers of a configuration stand, by their index. */
struct socket_places {
    const struct value *sockets, *workers;
};

/* Reports what is wrong: keys of a socket that say nothing or contradict each other, an address that two have, a name
 * in a worker's list that no socket has, or that stands there twice, and a socket that nobody uses. `whole`: no file
 * was unreadable, so a worker that is not among these does not exist. Memory that runs out is latched in the errors. */
void config_sockets_check(const struct config *, const struct socket_places *, bool whole, struct config_errors *);
