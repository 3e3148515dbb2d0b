/* Requests over the UNIX socket: HTTP/1.1 and JSON (see http.h for why it is a server of our own).
 *
 * One table of routes. Every client is authorised by SO_PEERCRED: root and the owner. Owner: cmd_run.c. Calls
 * supervisor, journal, listener. A client's mistakes cost that client its connection, never taskd. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct event_base;
struct events;
struct supervisor;
struct control;
struct listener;

struct control_hooks {
    void (*on_shutdown)(void *arg, int now); /* somebody asked the daemon to end; the stop itself has been passed on */
    /* Reads the configuration again: see daemon_reload.h. */
    json_t *(*on_reload)(void *arg, bool dry_run, int *ret_status);
    void *arg;
};

/* Takes `listener` (see listener.h); the rest is borrowed. `state_dir` is where results are read. 0 or -errno. */
int control_new(struct event_base *base, struct listener *listener, struct supervisor *sup, struct events *events,
                const char *state_dir, const struct control_hooks *hooks, struct control **ret);

/* The daemon has ended: answers everyone who still waits, ends the streams, writes the replies out (at most `max_ms`),
 * closes. */
void control_finish(struct control *, int max_ms);
void control_free(struct control *);
