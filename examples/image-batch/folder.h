/* The pictures in a folder, by name.
 *
 * Owner: main.c. Calls picture.h, to know which files are pictures. */
#pragma once
#include <stddef.h>

#include "results.h"

struct folder {
    int fd;                  /* the open folder */
    struct source *pictures; /* sorted by name; the names are owned */
    size_t count;
};

/* Opens a folder and lists its pictures: files whose names end like one and do not begin with a dot. 0 or -errno. */
int folder_open(const char *path, struct folder *ret);
void folder_close(struct folder *);
