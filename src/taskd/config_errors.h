/* The list of what is wrong with a configuration: filled in any order, told in the order of the file.
 *
 * Owner: config. A load is bracketed by begin and end; errors come with offsets into the text, and end turns those into
 * lines and columns. Memory that runs out is latched, so that whoever finds an error need not look. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "taskd/config.h"

#define ERROR_NOWHERE ((size_t)-1) /* an error of the whole file */

/* Errors have a source: the file that a load begins with, and those that it includes. */
enum { SOURCE_MAIN };

/* Another source (`file` is copied, `text` borrowed until config_errors_end, NULL: nothing in it has a place). */
size_t config_errors_source(struct config_errors *, const char *file, const char *text, size_t len);

/* "taskd.json:7:5", for a sentence that names a second place. Returns `out`. */
char *config_errors_place(struct config_errors *, size_t source, size_t offset, char *out, size_t out_size);

/* `file` (copied, NULL for a command line) is what the errors to come are about; `text` as for a source. */
void config_errors_begin(struct config_errors *, const char *file, const char *text, size_t len);

/* 0; -EINVAL when this load has errors; -ENOMEM. Sorts them and drops those that say the same of the same place, which
 * happens when many workers inherit one mistake. */
int config_errors_end(struct config_errors *);

void config_errors_add(struct config_errors *, size_t offset, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void config_errors_vadd(struct config_errors *, size_t source, size_t offset, const char *path, const char *fmt,
                        va_list) __attribute__((format(printf, 5, 0)));
/* The same, in a source that is not the first. */
void config_errors_add_in(struct config_errors *, size_t source, size_t offset, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void config_errors_no_memory(struct config_errors *);

/* While muted, errors are dropped: the same text is being read once more. */
void config_errors_mute(struct config_errors *, bool muted);
