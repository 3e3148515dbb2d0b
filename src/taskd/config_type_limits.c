/* The type of a key that is a map of resource limits: entries add to those that are there, of the same resource the
 * last one counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_limits.h"
#include "taskd/config_value.h"

static int limits_add(struct worker_config *w, struct limit_setting setting)
{
    struct limit_setting *grown;

    for (size_t i = 0; i < w->limits_count; i++) {
        if (w->limits[i].resource == setting.resource) {
            w->limits[i] = setting;
            return 0;
        }
    }
    grown = reallocarray(w->limits, w->limits_count + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    w->limits = grown;
    w->limits[w->limits_count++] = setting;
    return 0;
}

static int limits_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    const char *equals = strchr(text, '=');
    const struct limit *limit = NULL;
    struct limit_setting setting;
    char name[32];
    int r;

    (void)k;
    if (equals && equals - text < (int)sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        limit = limit_find(name);
    }
    if (!limit) {
        snprintf(why, why_size, "\"%s\" is not the name of a limit, '=' and a value, as in nofile=1024", text);
        return -EINVAL;
    }
    r = limit_parse(limit, equals + 1, &setting, why, why_size);
    return r < 0 ? r : limits_add(object, setting);
}

static void limits_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];
    struct value member = {0};

    if (!json_is_object(v->json)) {
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
        return;
    }
    while (value_next(v, &member)) {
        const struct limit *limit = limit_find(member.at->key);
        struct limit_setting setting;
        int r;
        if (!limit) {
            value_unknown_key(&member, limit_names());
            continue;
        }
        r = limit_from_json(limit, member.json, &setting, why, sizeof why);
        value_report(&member, r < 0 ? r : limits_add(object, setting), why);
    }
}

static json_t *schema_of_limits(const struct key *k)
{
    (void)k;
    return limits_schema();
}

static void limits_clear(const struct key *k, void *object)
{
    struct worker_config *w = object;

    (void)k;
    free(w->limits);
}

static bool limits_have(const struct worker_config *w, const struct limit_setting *setting)
{
    for (size_t i = 0; i < w->limits_count; i++)
        if (w->limits[i].resource == setting->resource)
            return w->limits[i].value == setting->value;
    return false;
}

static bool limits_equal(const struct key *k, const void *a, const void *b)
{
    const struct worker_config *x = a, *y = b;

    (void)k;
    if (x->limits_count != y->limits_count)
        return false;
    for (size_t i = 0; i < x->limits_count; i++)
        if (!limits_have(y, &x->limits[i]))
            return false;
    return true;
}

const struct key_type type_limits = {
    .what = "an object, as in {\"nofile\": 1024}",
    .kind = "object of limits",
    .placeholder = "NAME=LIMIT",
    .from_text = limits_from_text,
    .from_json = limits_from_json,
    .schema = schema_of_limits,
    .clear = limits_clear,
    .equal = limits_equal,
};
