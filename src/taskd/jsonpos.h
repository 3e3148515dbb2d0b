/* Where things stand in a JSON text: the line and column of every key and value, which jansson does not tell.
 *
 * Owner: config. Calls jansson alone (to decode keys that have escapes). The text must already be known to be valid
 * JSON of bounded depth, so that what is left to do is to walk it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One value. Read-only; lives as long as its tree. Offsets count bytes from the start of the text. */
struct jsonpos_node {
    const char *key;    /* decoded, NULL for an element of a list and for the document */
    uint32_t key_at;    /* its opening quote; the value where there is no key */
    uint32_t value_at;  /* the first byte of the value */
    uint32_t parent;    /* number of the node that holds this one; the document holds itself */
    uint32_t span;      /* nodes from this one to its last descendant */
    uint32_t index;     /* position among its siblings */
    uint32_t repeat_of; /* number of the first node of the same name, or 0 */
    bool shadowed;      /* a later key of the same name wins in jansson */
};

struct jsonpos;

/* 0; -ENOMEM; -EFBIG for 4 GiB and more; -EINVAL for a text that is not JSON. */
int jsonpos_scan(const char *text, size_t len, struct jsonpos **ret);
void jsonpos_free(struct jsonpos *); /* NULL ok */

/* Nodes in the order of the text; number 0 is the document. */
size_t jsonpos_count(const struct jsonpos *);
const struct jsonpos_node *jsonpos_node(const struct jsonpos *, size_t number);

/* The child after `child` (NULL: the first); NULL when there is none. */
const struct jsonpos_node *jsonpos_child(const struct jsonpos_node *parent, const struct jsonpos_node *child);

/* "workers.resize.command[2]", with ["…"] around names that would be ambiguous. Cut to fit; returns `out`. */
char *jsonpos_path(const struct jsonpos *, const struct jsonpos_node *, char *out, size_t out_size);

/* Deeper than `max` somewhere: true, with the offset of the bracket that is too much. Safe for any bytes. */
bool jsonpos_too_deep(const char *text, size_t len, size_t max, size_t *ret_at);

/* A place for people: lines and characters (not bytes) from 1. Start with JSONPOS_START. */
struct jsonpos_place {
    size_t offset, line, column;
};
#define JSONPOS_START ((struct jsonpos_place){0, 1, 1})

/* Moves `place` on to `offset`, which is never before it: a sorted list of offsets costs one pass over the text. */
void jsonpos_advance(const char *text, size_t len, size_t offset, struct jsonpos_place *place);
