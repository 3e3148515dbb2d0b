/* One line from a worker -> a checked message. One table of types and their fields; nothing is guessed: a wrong type, a
 * missing field or a number out of range is an error, an unknown field or type is ignored (taskd-protocol(7)). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/proto.h"

/* Absent strings and values are NULL, absent numbers -1. All of it is borrowed from `root`. */
struct message {
    json_t *root; /* owned: message_clear */
    enum proto_type type;
    const char *unit, *msg, *text, *level, *reason, *sdk, *error_type, *error_message;
    int64_t version, done, total, timeout_ms, ms, eta_ms, slots;
    bool ok, complete, retry;
    json_t *value, *resume, *fields, *info;
};

/* 0; -EINVAL with a sentence in `why`; -ENOMEM. */
int message_decode(const char *line, size_t len, struct message *ret, char *why, size_t why_size);
void message_clear(struct message *);

/* Is this line JSON, but none of taskd's messages: not an object, without a type that taskd knows, or one that Node
 * keeps for itself ({"cmd": "NODE_…"})? */
bool message_is_foreign(const char *line, size_t len);
