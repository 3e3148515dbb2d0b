#include "taskd/config_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static bool may_stand(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("._-", c));
}

bool config_name_ok(const char *name)
{
    size_t len = strlen(name);

    if (len > CONFIG_NAME_MAX || !isalnum((unsigned char)name[0]))
        return false;
    for (const char *c = name; *c; c++)
        if (!may_stand(*c))
            return false;
    return true;
}

char *config_name_from(const char *command)
{
    const char *slash = strrchr(command, '/'), *base = slash && slash[1] ? slash + 1 : command;
    char *name = strndup(*base ? base : "x", CONFIG_NAME_MAX);

    for (char *c = name; c && *c; c++)
        if (!may_stand(*c))
            *c = '_';
    if (name && !isalnum((unsigned char)*name))
        *name = 'x';
    return name;
}
