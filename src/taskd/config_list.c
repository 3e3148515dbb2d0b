#include "taskd/config_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void list_free(char **list)
{
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
}

bool list_equal(char *const *a, char *const *b)
{
    size_t n = list_count(a);

    if (n != list_count(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool list_has(char *const *list, const char *s)
{
    for (; list && *list; list++)
        if (strcmp(*list, s) == 0)
            return true;
    return false;
}

bool env_equal(char *const *a, char *const *b)
{
    if (list_count(a) != list_count(b))
        return false;
    for (; a && *a; a++)
        if (!list_has(b, *a))
            return false;
    return true;
}

size_t list_count(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

int list_add(char ***list, char *taken)
{
    size_t n = list_count(*list);
    char **grown = taken ? reallocarray(*list, n + 2, sizeof *grown) : NULL;

    if (!grown) {
        free(taken);
        return -ENOMEM;
    }
    grown[n] = taken;
    grown[n + 1] = NULL;
    *list = grown;
    return 0;
}

bool env_name_ok(const char *name, size_t len)
{
    return len > 0 && !memchr(name, '=', len) && !memchr(name, '\0', len);
}

static char **env_find(char **env, const char *name, size_t len)
{
    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return env;
    return NULL;
}

static char *env_entry(const char *name, size_t name_len, const char *value)
{
    size_t value_len = strlen(value);
    char *entry = malloc(name_len + value_len + 2);

    if (!entry)
        return NULL;
    memcpy(entry, name, name_len);
    entry[name_len] = '=';
    memcpy(entry + name_len + 1, value, value_len + 1);
    return entry;
}

int env_add(char ***env, const char *name, size_t name_len, const char *value, enum env_clash on_clash)
{
    char **there = env_find(*env, name, name_len), *entry;

    if (there && on_clash == ENV_KEEP)
        return 0;
    if (!there && list_count(*env) >= CONFIG_ENV_MAX)
        return -E2BIG;
    entry = env_entry(name, name_len, value);
    if (!there)
        return list_add(env, entry);
    if (!entry)
        return -ENOMEM;
    free(*there);
    *there = entry;
    return 0;
}
