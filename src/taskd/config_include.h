/* Other files that belong to a configuration: "include".
 *
 * Owner: config_load.c. Calls config_document, config_file, glob(3). */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "taskd/config_document.h"

enum { INCLUDE_MAX = 1000 };

/* Which file it is, whatever its path. */
struct file_id {
    dev_t device;
    ino_t inode;
};

/* Documents in the order of their patterns, and by name within one. Zeroed is empty. */
struct documents {
    struct document *list;
    size_t count;
    struct file_id ids[INCLUDE_MAX + 1]; /* of the main file, where it is one, and of the documents */
    size_t ids_count;
};

/* Loads what `patterns` (a list of patterns in the main document, relative to the directory of the file `main_path`)
 * names, a file that is named twice once. Whatever is wrong is reported; false: some file could not be found or read.
 */
bool include_load(struct documents *, const struct value *patterns, const char *main_path);
void include_clear(struct documents *);
