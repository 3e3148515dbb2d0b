/* Users and groups as a configuration names them: by name, or by number.
 *
 * Owner: config. Calls nothing; the name service may block. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

bool account_user(const char *text, uid_t *ret);  /* false: there is none */
bool account_group(const char *text, gid_t *ret); /* the same */
