#include "taskd/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "taskd/config.h"
#include "taskd/config_errors.h"

/* The whole of a descriptor, CONFIG_FILE_MAX bytes at most; a pipe's length is known only at its end. */
static int read_all(int fd, char **ret, size_t *ret_len)
{
    size_t cap = 16384, len = 0;
    char *text = malloc(cap);

    while (text) {
        ssize_t n = read(fd, text + len, cap - len);
        if (n == 0) {
            *ret = text;
            *ret_len = len;
            return 0;
        }
        if (n < 0 && errno == EINTR)
            continue;
        int r = n < 0 ? -errno : (len += (size_t)n) > CONFIG_FILE_MAX ? -EFBIG : 0;
        char *grown = r == 0 && len == cap ? realloc(text, cap *= 2) : text;
        if (r < 0 || !grown) {
            free(text);
            return r < 0 ? r : -ENOMEM;
        }
        text = grown;
    }
    return -ENOMEM;
}

/* What anyone can write is no order from the owner: as root it would hand this machine to everyone on it. */
static bool anyone_can_write(int fd)
{
    struct stat st;

    return geteuid() == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH);
}

int config_file_refuse(struct config_errors *errors, size_t source, int error)
{
    if (error == -EPERM)
        config_errors_add_in(errors, source, ERROR_NOWHERE, "",
                             "everyone can write to this file: taskd does not obey it as root "
                             "(chmod o-w makes it safe)");
    else if (error == -EFBIG)
        config_errors_add_in(errors, source, ERROR_NOWHERE, "", "larger than %d MiB", CONFIG_FILE_MAX >> 20);
    else
        config_errors_add_in(errors, source, ERROR_NOWHERE, "", "%s", strerror(-error));
    return error == -EPERM || error == -EFBIG ? -EINVAL : error;
}

int config_file_read(const char *path, char **ret, size_t *ret_len)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r = fd < 0 ? -errno : anyone_can_write(fd) ? -EPERM : read_all(fd, ret, ret_len);

    if (fd >= 0 && !standard_input)
        close(fd);
    return r;
}
