/* A text, parsed, with the place of each of its values; and what is wrong before its keys can be looked at.
 *
 * Owner: config_load.c, config_include.c. Calls jsonpos, config_errors. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "taskd/config_value.h"

struct document {
    char *text; /* owned, or NULL where the caller keeps it */
    json_t *json;
    struct jsonpos *tree;
    size_t source; /* see config_errors_source */
};

/* Parses; false after what is wrong was reported. document_clear in either case. */
bool document_parse(struct document *, struct config_errors *, const char *text, size_t len);
/* The whole of it as a value. */
struct value document_value(const struct document *, struct config_errors *);
void document_clear(struct document *);
