/* PURE: what the body of a request says, read into a struct by a table: one row a key. Strict, as the configuration is.
 *
 * Owner: control*.c. Calls common/text. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a key may hold, and what it is read into. JSON and text are borrowed from the body. */
enum body_type {
    BODY_BOOL,   /* bool */
    BODY_NUMBER, /* int64_t, from 0 to `max` */
    BODY_TEXT,   /* const char * */
    BODY_LIST,   /* json_t *: an array of strings, not empty */
    BODY_OBJECT, /* json_t * */
    BODY_ANY,    /* json_t * */
};

struct body_key {
    const char *name;
    enum body_type type;
    size_t offset; /* in the struct */
    int64_t max;   /* BODY_NUMBER */
};

#define BODY_KEY(structure, member, kind) .name = #member, .type = (kind), .offset = offsetof(structure, member)

/* `keys` ends with a NULL name. Members whose key is absent stay as they are. False with a sentence in `why`. */
bool control_body_read(json_t *body, const struct body_key *keys, void *ret, char *why, size_t why_size);
