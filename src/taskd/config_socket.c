#include "taskd/config_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "taskd/address.h"
#include "taskd/config_account.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"

enum { WHY = 512, PLACE = 320 };

int socket_init(struct socket_config *s)
{
    return config_keys_init(SCOPE_SOCKET, s, sizeof *s);
}

void socket_clear(struct socket_config *s)
{
    config_keys_clear(SCOPE_SOCKET, s);
    free(s->name);
}

/* --- one socket ----------------------------------------------------------------------------------------------------
 */

static bool parse(const char *text, struct address *ret)
{
    char why[WHY];

    return address_parse(text, ret, why, sizeof why) == 0;
}

static bool has_path(const struct socket_config *s)
{
    struct address a;

    for (char **text = s->listen; text && *text; text++)
        if (parse(*text, &a) && address_path(&a))
            return true;
    return false;
}

static bool backlog_alone(const struct socket_config *s, char *why, size_t size)
{
    snprintf(why, size, "datagrams are not accepted: it means nothing with \"dgram\"");
    return (s->given & GIVEN_BACKLOG) && s->type == SOCKET_DGRAM;
}

static bool file_alone(const struct socket_config *s, bool given, char *why, size_t size)
{
    snprintf(why, size, "means nothing here: none of the addresses is the path of a UNIX socket");
    return given && s->listen && !has_path(s);
}

static bool mode_alone(const struct socket_config *s, char *why, size_t size)
{
    return file_alone(s, s->given & GIVEN_MODE, why, size);
}

static bool user_alone(const struct socket_config *s, char *why, size_t size)
{
    return file_alone(s, s->user, why, size);
}

static bool group_alone(const struct socket_config *s, char *why, size_t size)
{
    return file_alone(s, s->group, why, size);
}

static bool user_wrong(const struct socket_config *s, char *why, size_t size)
{
    uid_t uid;

    if (!s->user)
        return false;
    if (!account_user(s->user, &uid)) {
        snprintf(why, size, "there is no user \"%s\"", s->user);
        return true;
    }
    snprintf(why, size, "only a taskd that runs as root can give files away");
    return geteuid() != 0 && uid != geteuid();
}

static bool group_wrong(const struct socket_config *s, char *why, size_t size)
{
    gid_t gid;

    snprintf(why, size, "there is no group \"%s\"", s->group ? s->group : "");
    return s->group && !account_group(s->group, &gid);
}

static const struct check {
    const char *key;
    bool (*wrong)(const struct socket_config *, char *why, size_t size);
} checks[] = {
    {"backlog", backlog_alone}, {"mode", mode_alone}, {"user", user_alone},
    {"group", group_alone},     {"user", user_wrong}, {"group", group_wrong},
};

static void check_keys(const struct socket_config *s, const struct value *place)
{
    char why[WHY];

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (!checks[i].wrong(s, why, sizeof why))
            continue;
        struct value at = value_entry(place, checks[i].key, 0);
        value_error(&at, "%s", why);
    }
}

/* --- one address, one socket ---------------------------------------------------------------------------------------
 */

/* Every address of the configuration, in its order. */
struct listed {
    struct address address;
    int type;
    struct value at;
};

/* False once there are too many, so that what follows stays small. */
static bool check_count(const struct config *c, const struct socket_places *places)
{
    size_t n = 0;

    for (size_t i = 0; i < c->sockets_count; i++) {
        n += list_count(c->sockets[i].listen);
        if (n <= CONFIG_SOCKETS_MAX && i < CONFIG_SOCKETS_MAX)
            continue;
        value_key_error(&places->sockets[i], "more than %d sockets and addresses", CONFIG_SOCKETS_MAX);
        return false;
    }
    return true;
}

static void check_address(const struct listed *all, size_t index)
{
    char place[PLACE];

    for (size_t i = 0; i < index; i++) {
        if (all[i].type != all[index].type || !address_equal(&all[i].address, &all[index].address))
            continue;
        value_error(&all[index].at, "this address is used already: %s", value_place(&all[i].at, place, sizeof place));
        return;
    }
}

static void check_addresses(const struct config *c, const struct socket_places *places, struct config_errors *errors)
{
    struct listed *all = calloc(CONFIG_SOCKETS_MAX, sizeof *all);
    size_t n = 0;

    if (!all)
        config_errors_no_memory(errors);
    for (size_t i = 0; all && i < c->sockets_count; i++) {
        const struct socket_config *s = &c->sockets[i];
        for (size_t j = 0; s->listen && s->listen[j]; j++) {
            all[n] = (struct listed){.type = s->type, .at = value_entry(&places->sockets[i], "listen", j)};
            if (parse(s->listen[j], &all[n].address))
                check_address(all, n++);
        }
    }
    free(all);
}

/* --- sockets and workers -------------------------------------------------------------------------------------------
 */

static const struct socket_config *find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->sockets_count; i++)
        if (c->sockets[i].name && strcmp(c->sockets[i].name, name) == 0)
            return &c->sockets[i];
    return NULL;
}

static size_t index_of(char *const *list, const char *name)
{
    size_t i = 0;

    while (list && list[i] && strcmp(list[i], name) != 0)
        i++;
    return i;
}

static void unknown_socket(const struct config *c, const struct value *at, const char *name)
{
    const char **names = calloc(c->sockets_count + 1, sizeof *names), *nobody = NULL;
    size_t n = 0;

    for (size_t i = 0; names && i < c->sockets_count; i++)
        if (c->sockets[i].name)
            names[n++] = c->sockets[i].name;
    value_unknown_name(at, "socket", name, names ? names : &nobody);
    free(names);
}

static void check_worker(const struct config *c, const struct worker_config *w, const struct value *place)
{
    for (size_t i = 0; w->sockets && w->sockets[i]; i++) {
        struct value at = value_entry(place, "sockets", i);
        if (!find(c, w->sockets[i]))
            unknown_socket(c, &at, w->sockets[i]);
        else if (index_of(w->sockets, w->sockets[i]) < i)
            value_error(&at, "\"%s\" stands in this list already", w->sockets[i]);
        else
            continue;
        return;
    }
}

static bool is_used(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->workers_count; i++)
        if (c->workers[i].sockets && c->workers[i].sockets[index_of(c->workers[i].sockets, name)])
            return true;
    return false;
}

/* A client would be let in, and never be served. */
static void check_use(const struct config *c, const struct socket_config *s, const struct value *place)
{
    if (s->name && !is_used(c, s->name))
        value_key_error(place, "no worker has it in its \"sockets\"");
}

void config_sockets_check(const struct config *c, const struct socket_places *places, bool whole,
                          struct config_errors *errors)
{
    if (!check_count(c, places))
        return;
    for (size_t i = 0; i < c->sockets_count; i++) {
        check_keys(&c->sockets[i], &places->sockets[i]);
        if (whole)
            check_use(c, &c->sockets[i], &places->sockets[i]);
    }
    check_addresses(c, places, errors);
    for (size_t i = 0; i < c->workers_count; i++)
        check_worker(c, &c->workers[i], &places->workers[i]);
}
