/* Small truths about descriptors. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

int fd_cloexec(int fd);  /* 0 or -errno */
int fd_nonblock(int fd); /* 0 or -errno */

/* Writes everything to a blocking descriptor, through EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);

/* Reads a whole file of at most `max` bytes into a NUL-terminated buffer (caller frees). 0, -EFBIG or -errno. */
int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_len);

/* Closes *fd if it is open and sets it to -1; errno is kept. */
void fd_close(int *fd);
