/* NULL-terminated lists of owned strings, and the environment kept as one. NULL is the empty list.
 *
 * Owner: config. Calls nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_ENV_MAX = 4096 }; /* entries in one worker's environment */

void list_free(char **list);
size_t list_count(char *const *list);
bool list_equal(char *const *a, char *const *b);
bool env_equal(char *const *a, char *const *b); /* in any order: no entry is there twice */
/* Appends a string (taken, even on failure; NULL is a failed allocation). 0 or -ENOMEM. */
int list_add(char ***list, char *taken);

/* A variable's name: not empty, no '='. */
bool env_name_ok(const char *name, size_t len);

enum env_clash { ENV_KEEP, ENV_REPLACE };
/* Adds "NAME=VALUE" (copied); on_clash says what becomes of an entry of that name. 0, -E2BIG past CONFIG_ENV_MAX,
 * -ENOMEM. */
int env_add(char ***env, const char *name, size_t name_len, const char *value, enum env_clash on_clash);
