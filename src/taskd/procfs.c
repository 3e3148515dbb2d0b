#include "taskd/procfs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

enum { STATUS_MAX = 64 * 1024 };

/* Our number as this /proc has it, then as every namespace below sees it: proc_pid_status(5). One number means that
 * there is none below. A kernel without pid namespaces has no such line, and no other /proc either. */
static bool is_ours(const char *status)
{
    const char *line = strstr(status, "\nNSpid:");
    char *end;
    if (!line)
        return true;
    long pid = strtol(line + strlen("\nNSpid:"), &end, 10);
    return pid == getpid() && *end == '\n';
}

static const char *look(void)
{
    char *status;
    size_t len;
    if (access("/proc/self", F_OK) < 0)
        return access("/proc/version", F_OK) < 0 ? "/proc is not mounted" : "/proc does not show this process";
    if (fd_read_file("/proc/self/status", STATUS_MAX, &status, &len) < 0)
        return "/proc cannot be read";
    bool ours = is_ours(status);
    free(status);
    return ours ? NULL : "/proc belongs to another pid namespace";
}

const char *procfs_fault(void)
{
    static const char *fault;
    static bool looked;
    if (!looked)
        fault = look();
    looked = true;
    return fault;
}
