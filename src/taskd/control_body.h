/* What a request's body may say: one table of keys a request. Private to control*.c. */
#pragma once
#include <stddef.h>

#include "taskd/control_calls.h"

enum body_kind { BODY_BOOL, BODY_NUMBER, BODY_STRING, BODY_ANY };

/* A key, and where its value goes: bool, int64_t, const char * or json_t * (borrowed from the body). */
struct body_key {
    const char *key;
    enum body_kind kind;
    size_t offset;
};

/* Reads every key of the body into `ret`; the table ends with a NULL key. false: something is wrong, and the client has
 * been told. */
bool control_body_read(struct control_call *, const struct body_key *keys, void *ret);
