#include "taskd/config_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* Those that can ask a program to end. STOP and CONT are not among them: nothing that was stopped by one would ever
 * end. */
#define SIGNALS(X) \
    X(HUP) X(INT) X(QUIT) X(ABRT) X(KILL) X(USR1) X(USR2) X(PIPE) X(ALRM) X(TERM) X(WINCH) X(IO) X(XCPU) X(PWR)

#define NUMBER(name) SIG##name,
#define NAME(name)   #name,
#define OR(name)     #name "|"

static const int numbers[] = {SIGNALS(NUMBER)};
static const char *const names[] = {SIGNALS(NAME) NULL};

/* "RTMIN+3", "RTMAX-1": what one can count on, since the C library keeps some real-time signals for itself. */
static int realtime(const char *text, int *ret)
{
    int up = strncmp(text, "RTMIN+", 6) == 0, down = strncmp(text, "RTMAX-", 6) == 0;
    size_t digits = up || down ? strspn(text + 6, "0123456789") : 0;

    if (digits < 1 || digits > 2 || text[6 + digits])
        return -EINVAL;
    int n = atoi(text + 6);
    n = up ? SIGRTMIN + n : SIGRTMAX - n;
    if (n < SIGRTMIN || n > SIGRTMAX)
        return -EINVAL;
    *ret = n;
    return 0;
}

int signal_parse(const char *text, int *ret, char *why, size_t why_size)
{
    const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text, *near;

    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = numbers[i];
            return 0;
        }
    }
    if (realtime(name, ret) == 0)
        return 0;
    near = text_nearest(name, names);
    snprintf(why, why_size, "\"%s\" is no signal that can end a program%s%s%s", text, near ? " (did you mean \"" : "",
             near ? near : "", near ? "\"?)" : "");
    return -EINVAL;
}

json_t *signal_schema(void)
{
    return json_pack("{s:s,s:s}", "type", "string", "pattern", "^(SIG)?(" SIGNALS(OR) "RT(MIN\\+|MAX-)[0-9]{1,2})$");
}
