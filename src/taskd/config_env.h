/* Environment files: NAME=VALUE a line, as systemd's EnvironmentFile= and docker's --env-file have them.
 *
 * Empty lines and lines that begin with # or ; are skipped. A value may stand in single quotes (taken as it is) or in
 * double quotes (where a backslash takes away the meaning of " \ $ and `); without quotes blanks at its end are
 * dropped. Nothing is expanded. Owner: config. Calls fd, config_list. */
#pragma once
#include <stddef.h>

/* Called for each thing that is wrong: "prod.env:3: …". */
typedef void env_file_error(void *arg, const char *message);

/* Adds what the file says to *env; names that are there already keep their value, of a name that the file has twice the
 * last one counts. 0; -EINVAL after `on_error` was called; -ENOMEM. */
int env_file_load(const char *path, char ***env, env_file_error *on_error, void *arg);
