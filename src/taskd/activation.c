#include "taskd/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/text.h"
#include "taskd/log.h"
#include "taskd/spawn.h"

enum { FIRST_FD = 3, SHOWN = 160 };

static const char no_name[] = "unknown"; /* as sd_listen_fds_with_names(3) calls it */

/* A whole number, or -1. */
static long number_from(const char *name)
{
    const char *text = getenv(name);
    size_t digits = text ? strspn(text, "0123456789") : 0;
    return digits > 0 && digits < 10 && !text[digits] ? strtol(text, NULL, 10) : -1;
}

static int take_one(struct endpoint_pool *pool, int fd, const char *name)
{
    int r = fd_cloexec(fd);
    if (r < 0)
        return -EINVAL;
    return endpoint_adopt(pool, fd, *name ? name : no_name) ? 0 : -ENOMEM;
}

/* `names` is cut apart. */
static int take_all(struct endpoint_pool *pool, long count, char *names)
{
    int r = count >= 0 && count < SPAWN_FDS_MAX ? 0 : -EINVAL;
    for (int i = 0; i < count && r == 0; i++) {
        char *name = names ? strsep(&names, ":") : NULL;
        r = take_one(pool, FIRST_FD + i, name ? name : no_name);
    }
    return r;
}

int activation_take(struct endpoint_pool *pool)
{
    if (number_from("LISTEN_PID") != (long)getpid())
        return 0;
    const char *listed = getenv("LISTEN_FDNAMES");
    char *names = listed ? strdup(listed) : NULL;
    int r = listed && !names ? -ENOMEM : take_all(pool, number_from("LISTEN_FDS"), names);
    free(names);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r;
}

int activation_pass_on(const struct endpoint_pool *pool, struct config *config)
{
    const struct endpoint *e = NULL;
    while ((e = endpoint_next_adopted(pool, e)))
        if (!config_add_socket(config, endpoint_name(e)))
            return -ENOMEM;
    return 0;
}

void activation_warn_unused(const struct endpoint_pool *pool)
{
    char shown[SHOWN];
    const struct endpoint *e = NULL;
    while ((e = endpoint_next_adopted(pool, e)))
        if (!endpoint_used(e))
            log_warn("descriptor %d, which taskd was handed as \"%s\", is no socket of the configuration: "
                     "neither its name nor its address is there",
                     endpoint_fd(e), text_printable(endpoint_name(e), strlen(endpoint_name(e)), shown, sizeof shown));
}
