/* What was done, in SQLite: one row of `images` for every picture in the output folder, one of `failures` for every
 * picture that could not be read.
 *
 * Owner: main.c. Calls nothing of this program.
 * Errors are -errno. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct results;

/* A source picture as the batch sees it: a changed file is another picture. */
struct source {
    char *name;
    int64_t mtime_ns;
};

struct image_row {
    int width, height;
    int64_t bytes;
    const char *done_by; /* the task's id, or "hand" */
};

/* Opens the database, and creates it with its tables. Several processes may do so at once. 0 and *ret, or -errno. */
int results_open(const char *path, struct results **ret);

/* 1 when this picture needs nothing more (it was done, or it failed and has not changed since), 0 when it does, -errno.
 */
int results_settled(struct results *, const struct source *);

/* A picture's one transaction: opened with its row inside, then committed or rolled back. */
int results_begin_image(struct results *, const struct source *, const struct image_row *);
int results_commit(struct results *);
void results_rollback(struct results *);

int results_record_failure(struct results *, const struct source *, const char *reason);

/* How many rows there are. 0 or -errno. */
int results_count(struct results *, int64_t *ret_images, int64_t *ret_failures);

void results_free(struct results *); /* NULL ok */
