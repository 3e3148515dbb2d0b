/* One value of a configuration file together with its place, so that whoever finds it wrong can say where it stands.
 *
 * Owner: config. Calls jsonpos, config_errors. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "taskd/config_errors.h"
#include "taskd/jsonpos.h"

/* Plain data, all borrowed. */
struct value {
    const struct jsonpos *tree;
    const struct jsonpos_node *at;
    json_t *json;
    struct config_errors *errors;
    size_t source; /* which file: see config_errors_source */
};

/* Walks an object or a list in the file's order: start with a zeroed `member`. A key that a later one of the same name
 * overrides is skipped: it has been reported as a duplicate. */
bool value_next(const struct value *container, struct value *member);
/* The member of that name; false when there is none. */
bool value_find(const struct value *object, const char *key, struct value *ret);

const char *value_kind(const struct value *); /* "a number" */

/* Reports an error about the value, or about its key. */
void value_error(const struct value *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void value_key_error(const struct value *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "unknown key", with the one of the NULL-terminated `known` that was meant, if any is near. */
void value_unknown_key(const struct value *, const char *const *known);

/* Where entry `index` of the list `key` stands; the list, or the object itself, where there is no such entry. */
struct value value_entry(const struct value *object, const char *key, size_t index);

/* Reports an entry that names something that is not there: "there is no worker "x"", with the one of `known` that was
 * meant, if any is near. */
void value_unknown_name(const struct value *, const char *what, const char *name, const char *const *known);

/* "taskd.json:7:5": where its key stands. Returns `out`. */
char *value_place(const struct value *, char *out, size_t out_size);

/* What a setter said: -EINVAL with its sentence becomes an error of this value, -ENOMEM is latched, 0 is silence. */
void value_report(const struct value *, int result, const char *why);
