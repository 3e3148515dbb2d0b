/* taskd's end of the channel, played by a test of the library. */
#pragma once
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "libtaskd/taskd.h"
#include "suite.h"

static const char HELLO[] = "{\"type\":\"hello\",\"v\":1,\"id\":\"w@1\",\"grace_ms\":5000,\"max_message\":65536,"
                            "\"input\":{\"a\":[1]},\"resume\":7}\n";

static int peer; /* taskd's end */
static taskd *t;

static inline void say(const char *line)
{
    ck_assert_int_eq(send(peer, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
}

/* What the library has written by now. */
static inline const char *heard(void)
{
    static char text[200000];
    ssize_t n = recv(peer, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static inline void pair(void)
{
    int fds[2];
    char number[16];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer = fds[0];
    snprintf(number, sizeof number, "%d", fds[1]);
    setenv("TASKD_FD", number, 1);
}

/* A handle that has been greeted. */
static inline void open_greeted(void)
{
    pair();
    say(HELLO);
    ck_assert_int_eq(taskd_open(&t), 1);
    ck_assert_ptr_nonnull(strstr(heard(), "\"type\":\"hello\""));
}

static inline int64_t mono_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline void say_stop(int64_t from_now_ms)
{
    char line[200];
    snprintf(
        line, sizeof line,
        "{\"type\":\"stop\",\"reason\":\"cli\",\"grace_ms\":1,\"deadline_mono_ms\":%lld,\"mode\":\"finish_unit\"}\n",
        (long long)(mono_ms() + from_now_ms));
    say(line);
}

/* Waits for these very bytes: true when they came. For a process that plays taskd beside the test. */
static inline bool hears(const char *expected)
{
    char text[1000];
    size_t len = strlen(expected);
    return recv(peer, text, len, MSG_WAITALL) == (ssize_t)len && memcmp(text, expected, len) == 0;
}
