/* Pictures: reading, scaling and writing them. Everything that knows the image library is behind this header.
 *
 * Owner: main.c. Knows nothing of databases, folders or supervisors. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct picture;

/* Whether a file of this name is one that picture_read and picture_write can handle, judged by its ending. */
bool picture_supported(const char *name);

/* Reads a picture in the format that `name` ends in. 0 and *ret (picture_free frees it), -ENOTSUP for a strange name,
 * -EBADMSG when the content is not such a picture or is cut off. The stream is borrowed. */
int picture_read(FILE *from, const char *name, struct picture **ret);

/* Replaces the picture by one of `width` pixels across, its proportions kept. A narrower picture stays as it is. 0 or
 * -ENOMEM. */
int picture_fit_width(struct picture *, int width);

/* Writes in the format that `name` ends in. 0, -ENOTSUP, or -EIO (the stream's own errors are the caller's to ask for).
 */
int picture_write(const struct picture *, FILE *to, const char *name);

int picture_width(const struct picture *);
int picture_height(const struct picture *);

/* A picture of our own making: `paint` gives each pixel as 0xRRGGBB. NULL when memory is out. */
struct picture *picture_paint(int width, int height, int (*paint)(void *arg, int x, int y), void *arg);

void picture_free(struct picture *); /* NULL ok */
