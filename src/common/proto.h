/* The worker protocol's names and bounds, version 1. One place, both sides: see taskd-protocol(7). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    PROTO_VERSION = 1,
    PROTO_MAX_UNIT = 1024,           /* bytes in a unit's id */
    PROTO_FD = 3,                    /* the worker's end, where no sockets come before it: TASKD_FD says */
    PROTO_MAX_MESSAGE = 64 * 1024,   /* bytes in a line, by default */
    PROTO_MAX_MESSAGE_CAP = 1 << 20, /* the most a configuration may ask for */
};

/* The largest number in a message: every double, and so every JSON reader, holds it exactly. */
#define PROTO_MAX_COUNT ((int64_t)1 << 53)

#define PROTO_ENV_FD          "TASKD_FD"
#define PROTO_ENV_PROTO       "TASKD_PROTO"
#define PROTO_ENV_ID          "TASKD_ID"
#define PROTO_ENV_HANDLE      "TASKD_HANDLE" /* resize@2#17: which life a process belongs to */
#define PROTO_ENV_ATTEMPT     "TASKD_ATTEMPT"
#define PROTO_ENV_GRACE_MS    "TASKD_GRACE_MS"
#define PROTO_ENV_WATCHDOG_MS "TASKD_WATCHDOG_MS"
#define PROTO_ENV_READY_FD    "TASKD_READY_FD"

/* What a worker says. PROTO_UNKNOWN stands for every name that is not in the table: ignored, counted. */
enum proto_type {
    PROTO_UNKNOWN,
    PROTO_HELLO,
    PROTO_READY,
    PROTO_NEXT,
    PROTO_BEGIN,
    PROTO_PROGRESS,
    PROTO_END,
    PROTO_RELEASE,
    PROTO_HEARTBEAT,
    PROTO_STATUS,
    PROTO_STOPPING,
    PROTO_EXTEND,
    PROTO_RESULT,
    PROTO_LOG,
    PROTO_METRIC,
    PROTO_STOP_ME,
    PROTO_TYPES
};

/* What taskd says. */
enum proto_reply {
    PROTO_R_UNKNOWN,
    PROTO_R_HELLO,
    PROTO_R_UNIT,
    PROTO_R_DRAIN,
    PROTO_R_STOP,
    PROTO_R_EXTENDED,
    PROTO_R_ERROR,
    PROTO_REPLIES
};

const char *proto_type_name(enum proto_type);
enum proto_type proto_type_find(const char *name);
const char *proto_reply_name(enum proto_reply);
enum proto_reply proto_reply_find(const char *name);
