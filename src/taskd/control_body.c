#include "taskd/control_body.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_SIZE = 256 };

static const char *const kinds[] = {
    [BODY_BOOL] = "true or false", [BODY_NUMBER] = "a number from 0", [BODY_STRING] = "a string", [BODY_ANY] = "JSON"};

static bool take(const struct body_key *k, json_t *value, void *ret)
{
    void *at = (char *)ret + k->offset;

    switch (k->kind) {
    case BODY_BOOL:
        return json_is_boolean(value) && (*(bool *)at = json_is_true(value), true);
    case BODY_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0 &&
               (*(int64_t *)at = json_integer_value(value), true);
    case BODY_STRING:
        return json_is_string(value) && (*(const char **)at = json_string_value(value), true);
    default:
        *(json_t **)at = value;
        return true;
    }
}

static void unknown_key(struct control_call *call, const struct body_key *keys, const char *key)
{
    char names[NAMES_SIZE] = "";

    for (size_t len = 0; keys->key && len < sizeof names; keys++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", keys->key);
    control_error(call, 400, "bad_parameter", "unknown key \"%s\": there are %s", key, names);
}

static bool read_key(struct control_call *call, const struct body_key *keys, const char *key, json_t *value, void *ret)
{
    for (const struct body_key *k = keys; k->key; k++) {
        if (strcmp(k->key, key) != 0)
            continue;
        if (take(k, value, ret))
            return true;
        control_error(call, 400, "bad_parameter", "%s must be %s", key, kinds[k->kind]);
        return false;
    }
    unknown_key(call, keys, key);
    return false;
}

bool control_body_read(struct control_call *call, const struct body_key *keys, void *ret)
{
    const char *key;
    json_t *value;

    json_object_foreach (call->body, key, value) {
        if (!read_key(call, keys, key, value, ret))
            return false;
    }
    return true;
}
