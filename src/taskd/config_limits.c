#include "taskd/config_limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/quantity.h"

struct limit {
    const char *name;
    int resource;
    bool bytes; /* "64M" makes sense */
    const char *help;
};

static const struct limit limits[] = {
    {"as", RLIMIT_AS, true, "Address space."},
    {"core", RLIMIT_CORE, true, "Size of a core dump."},
    {"cpu", RLIMIT_CPU, false, "Seconds of CPU time."},
    {"data", RLIMIT_DATA, true, "Data segment."},
    {"fsize", RLIMIT_FSIZE, true, "Size of a file that is written."},
    {"memlock", RLIMIT_MEMLOCK, true, "Locked memory."},
    {"msgqueue", RLIMIT_MSGQUEUE, true, "POSIX message queues."},
    {"nice", RLIMIT_NICE, false, "20 minus the lowest nice value that may be asked for."},
    {"nofile", RLIMIT_NOFILE, false, "Open descriptors."},
    {"nproc", RLIMIT_NPROC, false, "Processes of the user."},
    {"rss", RLIMIT_RSS, true, "Resident memory (ignored by Linux)."},
    {"rtprio", RLIMIT_RTPRIO, false, "Real-time priority."},
    {"sigpending", RLIMIT_SIGPENDING, false, "Queued signals."},
    {"stack", RLIMIT_STACK, true, "Stack of the main thread."},
};

enum { LIMITS = sizeof limits / sizeof *limits };

const struct limit *limit_find(const char *name)
{
    for (size_t i = 0; i < LIMITS; i++)
        if (strcmp(limits[i].name, name) == 0)
            return &limits[i];
    return NULL;
}

const char *const *limit_names(void)
{
    static const char *names[LIMITS + 1];

    for (size_t i = 0; i < LIMITS; i++)
        names[i] = limits[i].name;
    return names;
}

static int set(const struct limit *l, int64_t n, struct limit_setting *ret, char *why, size_t why_size)
{
    if (n < 0) {
        snprintf(why, why_size, "must not be negative");
        return -EINVAL;
    }
    ret->resource = l->resource;
    ret->value = n == SIZE_INFINITY ? RLIM_INFINITY : (rlim_t)n;
    return 0;
}

int limit_parse(const struct limit *l, const char *text, struct limit_setting *ret, char *why, size_t why_size)
{
    bool countable = l->bytes || strcmp(text, "infinity") == 0 || text[strspn(text, "0123456789")] == '\0';
    int64_t n;

    if (countable && size_parse(text, &n) == 0)
        return set(l, n, ret, why, why_size);
    snprintf(why, why_size, "\"%s\" is no limit: write a whole number%s or \"infinity\"", text,
             l->bytes ? ", a size such as \"64M\"" : "");
    return -EINVAL;
}

int limit_from_json(const struct limit *l, const json_t *json, struct limit_setting *ret, char *why, size_t why_size)
{
    if (json_is_integer(json))
        return set(l, json_integer_value(json), ret, why, why_size);
    if (json_is_string(json))
        return limit_parse(l, json_string_value(json), ret, why, why_size);
    snprintf(why, why_size, "must be a whole number%s or \"infinity\"", l->bytes ? ", a size such as \"64M\"" : "");
    return -EINVAL;
}

static json_t *limit_schema(const struct limit *l)
{
    return json_pack("{s:[s,s],s:i,s:s,s:s}", "type", "integer", "string", "minimum", 0, "pattern",
                     l->bytes ? "^(infinity|[0-9]+(\\.[0-9]+)? *([KMGT](i?B)?|B)?)$" : "^(infinity|[0-9]+)$",
                     "description", l->help);
}

json_t *limits_schema(void)
{
    json_t *properties = json_object();

    for (size_t i = 0; i < LIMITS; i++)
        json_object_set_new(properties, limits[i].name, limit_schema(&limits[i]));
    return json_pack("{s:s,s:b,s:o}", "type", "object", "additionalProperties", 0, "properties", properties);
}
