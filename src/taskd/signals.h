/* Signals to taskd, read from a descriptor: none of them interrupts anything, and a thousand exits may be one SIGCHLD.
 */
#pragma once

struct event_base;
struct signals;

typedef void signals_cb(void *arg, int signo);

/* For process 1 only, before anything else: the kernel drops a signal that it neither handles nor blocks, so a stop
 * that comes before the loop runs would be lost. Any other process is simply ended by it, and has started nothing yet.
 */
void signals_hold(void);

/* Blocks what is listened to (TERM, INT, QUIT, HUP, PWR, CHLD) and ignores PIPE. 0 or -errno. */
int signals_new(struct event_base *, signals_cb *on_signal, void *arg, struct signals **ret);
void signals_free(struct signals *); /* NULL ok */
