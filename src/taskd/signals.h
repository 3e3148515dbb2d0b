/* Signals to taskd, read from a descriptor: none of them interrupts anything, and a thousand exits may be one SIGCHLD.
 */
#pragma once

struct event_base;
struct signals;

typedef void signals_cb(void *arg, int signo);

/* Blocks what is listened to (TERM, INT, QUIT, HUP, CHLD) and ignores PIPE. 0 or -errno. */
int signals_new(struct event_base *, signals_cb *on_signal, void *arg, struct signals **ret);
void signals_free(struct signals *); /* NULL ok */
