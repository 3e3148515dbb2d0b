/* Names of signals as a configuration has them: TERM, SIGTERM, RTMIN+3.
 *
 * Owner: config. Calls common/text. */
#pragma once
#include <jansson.h>
#include <stddef.h>

/* 0 and *ret, or -EINVAL with a sentence in `why`. */
int signal_parse(const char *text, int *ret, char *why, size_t why_size);
json_t *signal_schema(void); /* new reference, NULL when memory is out */
