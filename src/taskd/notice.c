#include "taskd/notice.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"

enum kind { KIND_FLAG, KIND_TEXT, KIND_COUNT, KIND_USEC };

/* The same limit as for durations in a configuration: nothing that is added to a clock overflows. */
#define LONGEST_MS ((int64_t)36500 * 24 * 3600 * 1000)

struct field {
    const char *name, *only; /* only: the one value that this row is for, NULL: any */
    enum kind kind;
    size_t offset;
    int64_t min, max; /* of a count */
};

#define AT(member) offsetof(struct notice, member)
static const struct field fields[] = {
    {"READY", "1", KIND_FLAG, AT(ready), 0, 0},
    {"STOPPING", "1", KIND_FLAG, AT(stopping), 0, 0},
    {"WATCHDOG", "1", KIND_FLAG, AT(watchdog), 0, 0},
    {"WATCHDOG", "trigger", KIND_FLAG, AT(watchdog_trigger), 0, 0},
    {"BARRIER", "1", KIND_FLAG, AT(barrier), 0, 0},
    {"STATUS", NULL, KIND_TEXT, AT(status), 0, 0},
    {"WATCHDOG_USEC", NULL, KIND_USEC, AT(watchdog_ms), 0, 0},
    {"EXTEND_TIMEOUT_USEC", NULL, KIND_USEC, AT(extend_ms), 0, 0},
    {"MAINPID", NULL, KIND_COUNT, AT(main_pid), 2, INT_MAX},
    {"ERRNO", NULL, KIND_COUNT, AT(error), 0, 4095},
    {"EXIT_STATUS", NULL, KIND_COUNT, AT(exit_status), 0, 255},
};

/* Digits alone, unlike what strtoull takes. false: no number, or none that fits. */
static bool number(const char *text, uint64_t *ret)
{
    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    *ret = strtoull(text, NULL, 10);
    return errno == 0;
}

static int64_t rounded_ms(uint64_t usec)
{
    uint64_t ms = usec / 1000 + (usec % 1000 != 0);
    return ms > (uint64_t)LONGEST_MS ? DURATION_INFINITY : (int64_t)ms;
}

/* false: the value is not of the row's kind. */
static bool take(const struct field *f, const char *value, struct notice *n)
{
    char *at = (char *)n + f->offset;
    uint64_t count;
    switch (f->kind) {
    case KIND_FLAG:
        *(bool *)(void *)at = true;
        return true;
    case KIND_TEXT:
        return text_is_utf8(value, strlen(value)) && (*(const char **)(void *)at = value, true);
    case KIND_USEC:
        return number(value, &count) && (*(int64_t *)(void *)at = rounded_ms(count), true);
    default:
        return number(value, &count) && count >= (uint64_t)f->min && count <= (uint64_t)f->max &&
               (*(int64_t *)(void *)at = (int64_t)count, true);
    }
}

static bool take_line(char *line, struct notice *n)
{
    char *value = strchr(line, '=');
    if (!value)
        return false;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *f = &fields[i];
        if (strcmp(line, f->name) == 0 && (!f->only || strcmp(value, f->only) == 0))
            return take(f, value, n);
    }
    return false;
}

int notice_parse(char *text, size_t len, struct notice *ret)
{
    struct notice n = {.watchdog_ms = -1, .extend_ms = -1, .main_pid = -1, .error = -1, .exit_status = -1};
    /* One NUL at the end is what a careless sizeof sends. */
    if (len > 0 && text[len - 1] == '\0')
        len--;
    if (len == 0 || memchr(text, '\0', len))
        return -EINVAL;
    text[len] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        n.ignored += !take_line(line, &n);
    *ret = n;
    return 0;
}
