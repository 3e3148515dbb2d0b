#include "taskd/endpoints.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/config_account.h"
#include "taskd/log.h"

enum { WHY = 256 };

struct entry {
    char *socket;  /* its name */
    char *address; /* as it was written, NULL: by name alone */
    struct endpoint *endpoint;
    struct endpoint_settings settings;
};

struct endpoints {
    struct endpoint_pool *pool;
    struct entry *list;
    size_t count;
};

/* --- planning ------------------------------------------------------------------------------------------------------
 */

static struct endpoint_settings settings_of(const struct socket_config *s)
{
    struct endpoint_settings x = {
        .backlog = (int)s->backlog, .mode = (mode_t)s->mode, .uid = (uid_t)-1, .gid = (gid_t)-1};
    if (s->user)
        account_user(s->user, &x.uid);
    if (s->group)
        account_group(s->group, &x.gid);
    return x;
}

static bool has_entry(const struct endpoints *e, const struct endpoint *one)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].endpoint == one)
            return true;
    return false;
}

/* Takes the reference. */
static int add_entry(struct endpoints *e, const struct socket_config *s, const char *address, struct endpoint *endpoint)
{
    struct entry *grown = endpoint ? reallocarray(e->list, e->count + 1, sizeof *grown) : NULL;
    if (grown)
        e->list = grown;
    struct entry x = {.endpoint = endpoint, .settings = settings_of(s)};
    x.socket = strdup(s->name);
    x.address = address ? strdup(address) : NULL;
    if (!grown || !x.socket || (address && !x.address)) {
        endpoint_unref(endpoint);
        free(x.socket);
        free(x.address);
        return -ENOMEM;
    }
    e->list[e->count++] = x;
    return 0;
}

/* Handed to taskd under this socket's name, and not spoken for. */
static struct endpoint *find_named(const struct endpoints *e, const struct socket_config *s)
{
    struct endpoint *one = NULL;
    while ((one = endpoint_next_adopted(e->pool, one)))
        if (strcmp(endpoint_name(one), s->name) == 0 && !has_entry(e, one) &&
            (!s->listen || endpoint_has_type(one, (enum socket_type)s->type)))
            break;
    return one;
}

static int plan_address(struct endpoints *e, const struct socket_config *s, const char *text)
{
    struct address address;
    char why[WHY];
    if (address_parse(text, &address, why, sizeof why) < 0)
        return -EINVAL;
    struct endpoint *one = endpoint_find(e->pool, &address, (enum socket_type)s->type);
    if (!one)
        one = find_named(e, s);
    one = one ? endpoint_ref(one) : endpoint_new(e->pool, &address, (enum socket_type)s->type);
    return add_entry(e, s, text, one);
}

static int plan_socket(struct endpoints *e, const struct socket_config *s)
{
    struct endpoint *one;
    int r = 0;
    for (char **text = s->listen; text && *text && r == 0; text++)
        r = plan_address(e, s, *text);
    while (r == 0 && (one = find_named(e, s)))
        r = add_entry(e, s, NULL, endpoint_ref(one));
    return r;
}

int endpoints_plan(struct endpoint_pool *pool, const struct config *config, struct endpoints **ret)
{
    struct endpoints *e = calloc(1, sizeof *e);
    int r = e ? 0 : -ENOMEM;
    if (e)
        e->pool = pool;
    for (size_t i = 0; i < config->sockets_count && r == 0; i++)
        r = plan_socket(e, &config->sockets[i]);
    if (r < 0)
        endpoints_free(e);
    else
        *ret = e;
    return r;
}

void endpoints_free(struct endpoints *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++) {
        endpoint_unref(e->list[i].endpoint);
        free(e->list[i].socket);
        free(e->list[i].address);
    }
    free(e->list);
    free(e);
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static const char *explain(int error)
{
    static const struct {
        int error;
        const char *say;
    } table[] = {
        {EADDRINUSE, "somebody else listens there"},
        {EADDRNOTAVAIL, "this machine has no such address"},
        {EEXIST, "there is a file, and it is no socket of ours"},
        {EBUSY, "somebody else is opening a socket in this directory at this moment: try again"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == error)
            return table[i].say;
    return strerror(error);
}

static int open_entry(const struct entry *x, char *why, size_t why_size)
{
    char shown[WHY];
    int r = endpoint_open(x->endpoint, &x->settings);
    text_printable(x->address, strlen(x->address), shown, sizeof shown);
    if (r < 0)
        snprintf(why, why_size, "socket %s: cannot listen at %s: %s", x->socket, shown, explain(-r));
    else
        log_debug("socket %s: listening at %s", x->socket, shown);
    return r < 0 ? r : 0;
}

int endpoints_open(struct endpoints *e, char *why, size_t why_size)
{
    for (size_t i = 0; i < e->count; i++) {
        int r = endpoint_fd(e->list[i].endpoint) < 0 ? open_entry(&e->list[i], why, why_size) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

void endpoints_change(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++) {
        int r = endpoint_change(e->list[i].endpoint, &e->list[i].settings);
        if (r < 0)
            log_warn("socket %s: cannot be changed: %s", e->list[i].socket, strerror(-r));
    }
}

/* --- one worker's --------------------------------------------------------------------------------------------------
 */

static int join(struct endpoint_bundle *b, struct entry *x)
{
    char *names = NULL;
    if (asprintf(&names, "%s%s%s", b->names ? b->names : "", b->names ? ":" : "", x->socket) < 0)
        return -ENOMEM;
    free(b->names);
    b->names = names;
    b->list[b->count++] = endpoint_ref(x->endpoint);
    return 0;
}

int endpoint_bundle_new(const struct endpoints *e, char *const *names, struct endpoint_bundle *ret)
{
    struct endpoint_bundle b = {0};
    int r = 0;
    if (e && names)
        b.list = calloc(e->count + 1, sizeof(struct endpoint *));
    if (e && names && !b.list)
        return -ENOMEM;
    for (char *const *name = names; e && name && *name; name++)
        for (size_t i = 0; i < e->count && r == 0; i++)
            if (strcmp(e->list[i].socket, *name) == 0)
                r = join(&b, &e->list[i]);
    if (r < 0)
        endpoint_bundle_clear(&b);
    else
        *ret = b;
    return r;
}

void endpoint_bundle_clear(struct endpoint_bundle *b)
{
    for (size_t i = 0; i < b->count; i++)
        endpoint_unref(b->list[i]);
    free(b->list);
    free(b->names);
    *b = (struct endpoint_bundle){0};
}

bool endpoint_bundle_equal(const struct endpoint_bundle *a, const struct endpoint_bundle *b)
{
    if (a->count != b->count || (a->count > 0 && strcmp(a->names, b->names) != 0))
        return false;
    return a->count == 0 || memcmp(a->list, b->list, a->count * sizeof(struct endpoint *)) == 0;
}
