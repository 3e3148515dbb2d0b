/* The control socket's path: who owns it, and how it comes and goes.
 *
 * A lock file beside the socket (PATH.lock) is taken with flock(2) before the path is touched, so the loser of a double
 * start changes nothing; a stale socket is reclaimed only under the lock, and anything that is not a socket is left
 * alone. fchmod before bind: never a moment with wider permissions, whatever the umask. */
#pragma once

struct listener;

/* Makes the directory (0700) if it is missing, locks, binds, listens. 0; -EADDRINUSE when another taskd has it; -EEXIST
 * when something that is no socket is in the way; -errno. `path` is copied. */
int listener_open(const char *path, struct listener **ret);
int listener_fd(const struct listener *);
const char *listener_path(const struct listener *);
/* Unlinks the socket, if it is still ours, and drops the lock. */
void listener_free(struct listener *);
