#include "common/proto.h"

#include <string.h>

static const char *const types[PROTO_TYPES] = {
    [PROTO_HELLO] = "hello",       [PROTO_READY] = "ready",         [PROTO_NEXT] = "next",
    [PROTO_BEGIN] = "begin",       [PROTO_PROGRESS] = "progress",   [PROTO_END] = "end",
    [PROTO_RELEASE] = "release",   [PROTO_HEARTBEAT] = "heartbeat", [PROTO_STATUS] = "status",
    [PROTO_STOPPING] = "stopping", [PROTO_EXTEND] = "extend",       [PROTO_RESULT] = "result",
    [PROTO_LOG] = "log",           [PROTO_METRIC] = "metric",       [PROTO_STOP_ME] = "stop_me",
};

static const char *const replies[PROTO_REPLIES] = {
    [PROTO_R_HELLO] = "hello", [PROTO_R_UNIT] = "unit",         [PROTO_R_DRAIN] = "drain",
    [PROTO_R_STOP] = "stop",   [PROTO_R_EXTENDED] = "extended", [PROTO_R_ERROR] = "error",
};

/* 0, the unknown one, when nothing matches. */
static int find(const char *const *names, int count, const char *name)
{
    for (int i = 1; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

const char *proto_type_name(enum proto_type type)
{
    return types[type] ? types[type] : "unknown";
}

enum proto_type proto_type_find(const char *name)
{
    return (enum proto_type)find(types, PROTO_TYPES, name);
}

const char *proto_reply_name(enum proto_reply reply)
{
    return replies[reply] ? replies[reply] : "unknown";
}

enum proto_reply proto_reply_find(const char *name)
{
    return (enum proto_reply)find(replies, PROTO_REPLIES, name);
}
