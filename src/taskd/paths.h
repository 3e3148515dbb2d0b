/* Where the socket and the state live, for the daemon and for its clients: option, environment, then a default. */
#pragma once
#include <stddef.h>

#define PATHS_CONFIG "/etc/taskd/taskd.json"

/* option (NULL ok), TASKD_SOCKET, root: /run/taskd/taskd.sock, else $XDG_RUNTIME_DIR/taskd/taskd.sock, else
 * /tmp/taskd-UID/taskd.sock. `configured` (NULL ok) comes after the environment. 0, or -ENAMETOOLONG when sockaddr_un
 * cannot hold it. */
int paths_socket(const char *option, const char *configured, char *out, size_t out_size);

/* option, TASKD_STATE_DIR, configured, STATE_DIRECTORY (systemd), root: /var/lib/taskd, else $XDG_STATE_HOME/taskd,
 * else ~/.local/state/taskd, else (no HOME, or "/") /tmp/taskd-UID/state. 0 or -ENAMETOOLONG. */
int paths_state_dir(const char *option, const char *configured, char *out, size_t out_size);

/* Makes a directory, 0700, and its parents, with 0755 for root. 0 or -errno. */
int paths_make_dir(const char *dir);
