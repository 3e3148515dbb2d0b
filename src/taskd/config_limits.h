/* Resource limits by name: "nofile", "core" … and what values they take.
 *
 * Owner: config. Calls common/. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "taskd/config.h"

struct limit;

const struct limit *limit_find(const char *name); /* NULL: there is none of that name */
const char *const *limit_names(void);             /* NULL-terminated */

/* "1024", "64M" where the limit counts bytes, "infinity". 0, or -EINVAL and a sentence in `why`. */
int limit_parse(const struct limit *, const char *text, struct limit_setting *ret, char *why, size_t why_size);
int limit_from_json(const struct limit *, const json_t *, struct limit_setting *ret, char *why, size_t why_size);

json_t *limits_schema(void); /* of the whole object; new reference, NULL when memory is out */
