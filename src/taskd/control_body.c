#include "taskd/control_body.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum { KEYS_MAX = 16, NUMBER_TEXT = 64 };

static bool take_bool(const struct body_key *k, json_t *value, void *into)
{
    (void)k;
    *(bool *)into = json_is_true(value);
    return json_is_boolean(value);
}

static bool take_number(const struct body_key *k, json_t *value, void *into)
{
    json_int_t n = json_integer_value(value);

    *(int64_t *)into = n;
    return json_is_integer(value) && n >= 0 && n <= k->max;
}

static bool take_text(const struct body_key *k, json_t *value, void *into)
{
    (void)k;
    *(const char **)into = json_string_value(value);
    return json_is_string(value);
}

static bool take_any(const struct body_key *k, json_t *value, void *into)
{
    (void)k;
    *(json_t **)into = value;
    return true;
}

static bool take_list(const struct body_key *k, json_t *value, void *into)
{
    json_t *item;
    size_t i;

    json_array_foreach (value, i, item) {
        if (!json_is_string(item))
            return false;
    }
    return take_any(k, value, into) && json_array_size(value) > 0;
}

static bool take_object(const struct body_key *k, json_t *value, void *into)
{
    return take_any(k, value, into) && json_is_object(value);
}

static const struct {
    bool (*take)(const struct body_key *, json_t *value, void *into);
    const char *must_be;
} types[] = {
    [BODY_BOOL] = {take_bool, "true or false"}, [BODY_NUMBER] = {take_number, "a whole number"},
    [BODY_TEXT] = {take_text, "a string"},      [BODY_LIST] = {take_list, "a list of strings that is not empty"},
    [BODY_OBJECT] = {take_object, "an object"}, [BODY_ANY] = {take_any, "anything"},
};

static const struct body_key *find(const struct body_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

static void complain_unknown(const struct body_key *keys, const char *name, char *why, size_t why_size)
{
    const char *known[KEYS_MAX], *near;
    size_t count = 0;

    for (; keys[count].name && count < KEYS_MAX - 1; count++)
        known[count] = keys[count].name;
    known[count] = NULL;
    near = text_nearest(name, known);
    if (near)
        snprintf(why, why_size, "unknown key \"%s\" (did you mean \"%s\"?)", name, near);
    else
        snprintf(why, why_size, "unknown key \"%s\"", name);
}

static void complain_wrong(const struct body_key *k, char *why, size_t why_size)
{
    char range[NUMBER_TEXT] = "";

    if (k->type == BODY_NUMBER && k->max == INT64_MAX)
        snprintf(range, sizeof range, " that is not negative");
    else if (k->type == BODY_NUMBER)
        snprintf(range, sizeof range, " from 0 to %lld", (long long)k->max);
    snprintf(why, why_size, "%s must be %s%s", k->name, types[k->type].must_be, range);
}

bool control_body_read(json_t *body, const struct body_key *keys, void *ret, char *why, size_t why_size)
{
    const char *name;
    json_t *value;

    json_object_foreach (body, name, value) {
        const struct body_key *k = find(keys, name);

        if (!k)
            complain_unknown(keys, name, why, why_size);
        else if (!types[k->type].take(k, value, (char *)ret + k->offset))
            complain_wrong(k, why, why_size);
        else
            continue;
        return false;
    }
    return true;
}
