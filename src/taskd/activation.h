/* Sockets that whoever started taskd has opened for it, by the protocol of sd_listen_fds(3).
 *
 * Owner: daemon.c. Calls endpoint. */
#pragma once
#include "taskd/config.h"
#include "taskd/endpoint.h"

/* Takes what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell, if it is meant for this process, into the pool. To be
 * called before anything else is opened. 0; -EINVAL where the variables make no sense; -ENOMEM. */
int activation_take(struct endpoint_pool *);

/* Lets the one worker of a configuration without a file have all of it. 0 or -ENOMEM. */
int activation_pass_on(const struct endpoint_pool *, struct config *);

/* Warns of what no socket of the configuration has taken. */
void activation_warn_unused(const struct endpoint_pool *);
