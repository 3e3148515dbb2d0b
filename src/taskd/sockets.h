/* The daemons of this user: `taskd run` takes a socket beside the default one when that is taken, so there may be
 * several.
 *
 * Owner: cmd_status.c, client.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The sockets named taskd*.sock in the folder of `path` on which somebody listens, sorted; `path` itself always comes
 * first, whether or not somebody does. NULL-terminated, one allocation for free(); NULL when memory is out. */
char **sockets_find(const char *path);

bool sockets_alive(const char *path); /* somebody listens there */

/* A live socket beside `path`, other than `path`. */
bool sockets_find_other(const char *path, char *out, size_t out_size);
