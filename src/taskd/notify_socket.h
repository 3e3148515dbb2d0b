/* A socket for sd_notify(3), one for each life: datagrams in, with the process that sent each of them as the kernel
 * knows it. Knows nothing of what they mean, nor of who may send.
 *
 * Owner: task. Everybody may write to it, as to a service manager's: a worker may have become another user before it
 * says that it is ready. Descriptors that come along are closed. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct notify_socket;

struct notify_hooks {
    /* text[len] may be written to; valid during the call, and the socket must not be freed. Descriptors that came with
     * it are closed afterwards, which is what a sender of BARRIER=1 waits for. */
    void (*on_datagram)(void *arg, pid_t sender, char *text, size_t len);
    void (*on_oversized)(void *arg); /* one that is longer than a notice may be has been dropped */
    void *arg;
};

/* Makes a socket in `folder`, which is made if it is missing, and has to be the own user's. 0; -ENAMETOOLONG; -EPERM
 * when the folder is somebody else's; -errno. */
int notify_socket_new(struct event_base *, const char *folder, const struct notify_hooks *, struct notify_socket **ret);
const char *notify_socket_path(const struct notify_socket *);
void notify_socket_poll(struct notify_socket *); /* takes what has come by now; NULL ok */
void notify_socket_free(struct notify_socket *); /* removes it, and the folder with the last one; NULL ok */
