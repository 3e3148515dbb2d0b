/* A configuration's file as it lies on disk, bounded, and refused where it is not its owner's alone.
 *
 * Owner: config. Calls config_errors. */
#pragma once
#include <stddef.h>

struct config_errors;

/* Reads a whole file ("-": standard input) of CONFIG_FILE_MAX bytes at most. 0 and *ret (owned) or -errno: -EFBIG,
 * -EPERM for one that anybody can write to and we are root. */
int config_file_read(const char *path, char **ret, size_t *ret_len);

/* Reports such an error about the file that errors are about; `source`: see config_errors_source. Returns what a load
 * is to return: -EINVAL for what only another file can mend. */
int config_file_refuse(struct config_errors *, size_t source, int error);
