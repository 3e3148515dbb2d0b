#include "taskd/config_env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "taskd/config_list.h"

enum { ENV_FILE_MAX = 1 << 20, WHY = 512 };

struct env_reader {
    const char *path;
    size_t line;
    char **entries;
    env_file_error *on_error;
    void *arg;
    int result;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct env_reader *r, const char *fmt, ...)
{
    char what[WHY], message[WHY];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (r->line)
        snprintf(message, sizeof message, "%s:%zu: %.*s", r->path, r->line, WHY / 2, what);
    else
        snprintf(message, sizeof message, "%s: %.*s", r->path, WHY / 2, what);
    r->on_error(r->arg, message);
    r->result = -EINVAL;
}

/* Takes the quotes off in place. NULL when the closing quote is missing or is not the end of the line. */
static char *unquote(char *s)
{
    char quote = *s, *out = s, *in = s + 1;

    for (; *in && *in != quote; in++) {
        if (quote == '"' && *in == '\\' && in[1] && strchr("\"\\$`", in[1]))
            in++;
        *out++ = *in;
    }
    if (*in != quote || in[1])
        return NULL;
    *out = '\0';
    return s;
}

static char *trim(char *s)
{
    size_t len;

    s += strspn(s, " \t");
    len = strlen(s);
    while (len > 0 && strchr(" \t\r", s[len - 1]))
        len--;
    s[len] = '\0';
    return s;
}

static void take_line(struct env_reader *r, char *line)
{
    char *value, *name = trim(line);
    int added;

    if (!*name || *name == '#' || *name == ';')
        return;
    value = strchr(name, '=');
    if (!value) {
        wrong(r, "there is no '=' in this line: NAME=VALUE is expected");
        return;
    }
    *value++ = '\0';
    if (!*name || name[strcspn(name, " \t\"'")]) {
        wrong(r, "\"%s\" is no name of a variable", name);
        return;
    }
    value = trim(value);
    if (*value == '"' || *value == '\'')
        value = unquote(value);
    if (!value) {
        wrong(r, "the quotes around the value of %s must open and close in this line, with nothing after them", name);
        return;
    }
    added = env_add(&r->entries, name, strlen(name), value, ENV_REPLACE);
    if (added == -E2BIG)
        wrong(r, "more than %d variables", CONFIG_ENV_MAX);
    else if (added < 0)
        r->result = added;
}

static void take_text(struct env_reader *r, char *text, size_t len)
{
    char *next = text;

    if (memchr(text, '\0', len)) {
        wrong(r, "there is a NUL byte in the file");
        return;
    }
    while (next && r->result != -ENOMEM) {
        char *line = next;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        r->line++;
        take_line(r, line);
    }
}

static int merge(char ***env, char **entries)
{
    int r = 0;

    for (char **e = entries; r == 0 && e && *e; e++) {
        const char *equals = strchr(*e, '=');
        r = env_add(env, *e, (size_t)(equals - *e), equals + 1, ENV_KEEP);
    }
    return r;
}

int env_file_load(const char *path, char ***env, env_file_error *on_error, void *arg)
{
    struct env_reader r = {.path = path, .on_error = on_error, .arg = arg};
    char *text = NULL;
    size_t len;
    int read = fd_read_file(path, ENV_FILE_MAX, &text, &len);

    if (read == -ENOMEM)
        return read;
    if (read == -EFBIG)
        wrong(&r, "the file is larger than %d bytes", ENV_FILE_MAX);
    else if (read < 0)
        wrong(&r, "%s", strerror(-read));
    else
        take_text(&r, text, len);
    if (r.result == 0)
        r.result = merge(env, r.entries);
    if (r.result == -E2BIG) {
        r.line = 0;
        wrong(&r, "together with env more than %d variables", CONFIG_ENV_MAX);
    }
    list_free(r.entries);
    free(text);
    return r.result;
}
