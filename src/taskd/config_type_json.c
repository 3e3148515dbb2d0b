/* The type of a key that takes any JSON at all, and that of an object whose keys are rows of their own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_value.h"

static void json_set_taken(const struct key *k, void *object, json_t *taken)
{
    json_t **field = KEY_FIELD(k, object, json_t *);

    json_decref(*field);
    *field = taken;
}

static int json_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    json_error_t error;
    json_t *json;
    size_t at;

    if (jsonpos_too_deep(text, strlen(text), CONFIG_DEPTH_MAX, &at)) {
        snprintf(why, why_size, "is nested more than %d deep", CONFIG_DEPTH_MAX);
        return -EINVAL;
    }
    json = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!json && (!error.text[0] || json_error_code(&error) == json_error_out_of_memory))
        return -ENOMEM; /* most of jansson's failed allocations say nothing at all */
    if (!json) {
        snprintf(why, why_size, "is no JSON: %s (a string needs its double quotes, too)", error.text);
        return -EINVAL;
    }
    json_set_taken(k, object, json);
    return 0;
}

static void json_from_json(const struct key *k, void *object, const struct value *v)
{
    json_set_taken(k, object, json_incref(v->json));
}

static json_t *any_schema(const struct key *k)
{
    (void)k;
    return json_object();
}

static void json_clear(const struct key *k, void *object)
{
    json_decref(*KEY_FIELD(k, object, json_t *));
}

static bool json_same(const struct key *k, const void *a, const void *b)
{
    json_t *x = KEY_VALUE(k, a, json_t *), *y = KEY_VALUE(k, b, json_t *);

    return x == y || (x && y && json_equal(x, y));
}

const struct key_type type_json = {
    .what = "JSON",
    .kind = "any JSON",
    .placeholder = "JSON",
    .from_text = json_from_text,
    .from_json = json_from_json,
    .schema = any_schema,
    .clear = json_clear,
    .equal = json_same,
};

static json_t *group_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:b,s:{}}", "type", "object", "additionalProperties", 0, "properties");
}

const struct key_type type_group = {
    .what = "an object",
    .kind = "object",
    .schema = group_schema,
};
