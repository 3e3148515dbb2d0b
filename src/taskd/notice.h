/* PURE: one datagram of sd_notify(3) -> what it says. It comes from a stranger's hand: nothing in it is trusted, and
 * what is unknown or out of range is counted and passed over. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOTICE_MAX = 4096 /* bytes in a datagram, as service managers take them */ };

/* Absent numbers are -1. Times are rounded up to milliseconds, DURATION_INFINITY for "never" and past a hundred years.
 */
struct notice {
    bool ready, stopping, watchdog, watchdog_trigger, barrier;
    const char *status; /* valid UTF-8, borrowed from the text; NULL: not said */
    int64_t watchdog_ms, extend_ms;
    int64_t main_pid, error, exit_status;
    unsigned ignored; /* assignments that mean nothing here */
};

/* Takes apart `text`, which it changes: text[len] has to be there to be written. 0; -EINVAL when there is a NUL within
 * or nothing at all. */
int notice_parse(char *text, size_t len, struct notice *ret);
