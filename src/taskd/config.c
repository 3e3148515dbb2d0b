/* Configurations as a whole, and those that are made of options instead of a file. */
#include "taskd/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config_errors.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"
#include "taskd/config_name.h"
#include "taskd/config_socket.h"
#include "taskd/config_worker.h"

enum { OPTIONS_MAX = 96, OPTION_NAME = 40 };

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->workers_count; i++)
        worker_clear(&c->workers[i]);
    for (size_t i = 0; i < c->sockets_count; i++)
        socket_clear(&c->sockets[i]);
    config_keys_clear(SCOPE_DAEMON, &c->daemon);
    free(c->sockets);
    free(c->workers);
    free(c->path);
    free(c);
}

static char **copy_list(char *const *list)
{
    char **copy = calloc(list_count(list) + 1, sizeof *copy);

    for (size_t i = 0; copy && list[i]; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            list_free(copy);
            return NULL;
        }
    }
    return copy;
}

static int fill_from_command(struct worker_config *w, const char *name, char *const *command)
{
    int r = worker_init(w);

    if (r < 0)
        return r;
    w->restart = RESTART_NO;
    w->name = strdup(name);
    w->command = copy_list(command);
    return w->name && w->command ? 0 : -ENOMEM;
}

struct config *config_from_command(const char *name, char *const *command)
{
    struct config *c = calloc(1, sizeof *c);

    if (c)
        c->workers = calloc(1, sizeof *c->workers);
    if (c && c->workers)
        c->workers_count = 1;
    if (!c || !c->workers || fill_from_command(c->workers, name, command) < 0) {
        config_free(c);
        return NULL;
    }
    return c;
}

static struct socket_config *find_socket(struct config *c, const char *name)
{
    for (size_t i = 0; i < c->sockets_count; i++)
        if (strcmp(c->sockets[i].name, name) == 0)
            return &c->sockets[i];
    return NULL;
}

struct socket_config *config_add_socket(struct config *c, const char *name)
{
    struct socket_config *s = find_socket(c, name), fresh;
    struct socket_config *grown = s ? NULL : reallocarray(c->sockets, c->sockets_count + 1, sizeof *grown);

    if (s || !grown)
        return s;
    c->sockets = grown;
    if (socket_init(&fresh) < 0 || list_add(&c->workers[0].sockets, strdup(name)) < 0)
        return NULL;
    fresh.name = strdup(name);
    if (!fresh.name)
        return NULL;
    c->sockets[c->sockets_count] = fresh;
    return &c->sockets[c->sockets_count++];
}

int config_add_listen(struct config *c, const char *text, char *why, size_t why_size)
{
    const struct key *listen = config_key_find(SCOPE_SOCKET, "listen");
    size_t len = strcspn(text, "=");
    char name[CONFIG_NAME_MAX + 1];
    struct socket_config *s;

    snprintf(name, sizeof name, "%.*s", (int)len, text);
    if (!text[len] || len > CONFIG_NAME_MAX || !config_name_ok(name)) {
        snprintf(why, why_size, "must be NAME=ADDRESS, as in \"web=127.0.0.1:8080\"");
        return -EINVAL;
    }
    s = config_add_socket(c, name);
    return s ? listen->type->from_text(listen, s, text + len + 1, why, why_size) : -ENOMEM;
}

static bool is_option(const struct key *k)
{
    return k->scope == SCOPE_WORKER && k->type->from_text && !k->own;
}

/* "log.file", "log_file" and "log-file" are the same option. */
static char option_char(char c)
{
    return c == '.' || c == '_' ? '-' : c;
}

static bool same_option(const char *a, const char *b)
{
    while (*a && option_char(*a) == option_char(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static const struct key *find_option(const char *name)
{
    for (const struct key *k = config_keys; k->name; k++)
        if (is_option(k) && same_option(k->name, name))
            return k;
    return NULL;
}

int worker_config_set(struct worker_config *w, const char *key, const char *text, char *why, size_t why_size)
{
    const struct key *k = find_option(key);
    struct worker_config fresh;
    int r = k ? worker_init(&fresh) : -ENOENT;

    if (r == 0)
        r = k->type->from_text(k, w, text, why, why_size);
    if (r < 0)
        return r;
    w->given |= k->given;
    worker_derive(w, &fresh);
    return 0;
}

static void on_wrong_key(void *arg, const char *key, bool alone, const char *message)
{
    (void)alone;
    config_errors_add(arg, ERROR_NOWHERE, key, "%s", message);
}

int config_check(const struct config *c, struct config_errors *errors)
{
    config_errors_begin(errors, c->path, NULL, 0);
    for (size_t i = 0; i < c->workers_count; i++)
        worker_check(&c->workers[i], on_wrong_key, errors);
    return config_errors_end(errors);
}

void config_each_option(void (*each)(void *arg, const struct config_option *), void *arg)
{
    static char names[OPTIONS_MAX][OPTION_NAME];
    size_t n = 0;

    for (const struct key *k = config_keys; k->name && n < OPTIONS_MAX; k++) {
        if (!is_option(k))
            continue;
        for (size_t i = 0; k->name[i] && i < OPTION_NAME - 1; i++)
            names[n][i] = option_char(k->name[i]);
        each(arg, &(struct config_option){names[n++], k->type->placeholder, k->help, k->names});
    }
}
