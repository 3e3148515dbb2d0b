/* taskd's end of a worker's socketpair: lines in, lines out, bounds on both. Knows nothing of what the lines mean.
 *
 * Owner: task.c. Reads whatever comes, at most a budget a turn, so that one flood does not starve the others; what
 * waits to be written is bounded, and a worker that does not read costs only itself. taskd never blocks here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct channel;

struct channel_hooks {
    /* Not NUL-terminated, valid during the call. `cut`: longer than the bound, this is its beginning. The channel must
     * not be freed. */
    void (*on_line)(void *arg, const char *line, size_t len, bool cut);
    /* The other end is closed; on_line follows no more. The channel stays until channel_free. `unread`: it was closed
     * with something of ours unread, which the kernel tells by ECONNRESET in place of an end of file. */
    void (*on_eof)(void *arg, bool unread);
    void *arg;
};

enum { CHANNEL_OUT_MAX = 256 * 1024 };

/* Takes `fd` (non-blocking), also on failure. 0, or -ENOMEM. */
int channel_new(struct event_base *, int fd, size_t max_line, const struct channel_hooks *, struct channel **ret);
void channel_free(struct channel *); /* NULL ok */

/* Queues one line. 0; -EPIPE when the other end is gone; -ENOBUFS past CHANNEL_OUT_MAX, which does not hold for what is
 * `urgent`; -ENOMEM. */
int channel_send(struct channel *, const char *line, size_t len, bool urgent);

/* Reads until there is nothing more (EOF, EAGAIN, or more than a socket buffer can have held): the process is dead, and
 * what it said counts. An incomplete last line is handed over, too. */
void channel_drain(struct channel *);

/* Reads what has come by now, as the loop would: a decision about the worker is about to be made. */
void channel_poll(struct channel *);

bool channel_open(const struct channel *); /* the other end may still be heard */
