/* Other files that belong to a configuration: "include".
 *
 * Owner: config_load.c. Calls config_document, config_file, glob(3). */
#pragma once
#include "taskd/config_document.h"

/* Documents in the order of their patterns, and by name within one. Zeroed is empty. */
struct documents {
    struct document *list;
    size_t count;
};

enum { INCLUDE_MAX = 1000 };

/* Loads what `patterns` (a list of patterns in the main document, relative to the directory of the file `main_path`)
 * names; whatever is wrong is reported. */
void include_load(struct documents *, const struct value *patterns, const char *main_path);
void include_clear(struct documents *);
