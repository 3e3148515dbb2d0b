#include "taskd/config_account.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static bool only_digits(const char *s)
{
    return s[strspn(s, "0123456789")] == '\0';
}

/* (uid_t)-1 means "leave it as it is" to the kernel, so nobody can have it. */
static bool is_id(const char *s, unsigned *ret)
{
    size_t digits = strlen(s);
    unsigned long long n = digits > 0 && digits <= 10 ? strtoull(s, NULL, 10) : (uid_t)-1;

    *ret = (unsigned)n;
    return n < (uid_t)-1;
}

bool account_user(const char *text, uid_t *ret)
{
    const struct passwd *pw;

    if (only_digits(text))
        return is_id(text, ret);
    pw = getpwnam(text);
    if (pw)
        *ret = pw->pw_uid;
    return pw;
}

bool account_group(const char *text, gid_t *ret)
{
    const struct group *gr;

    if (only_digits(text))
        return is_id(text, ret);
    gr = getgrnam(text);
    if (gr)
        *ret = gr->gr_gid;
    return gr;
}
