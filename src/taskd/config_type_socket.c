/* Types of keys that only sockets have: addresses, and the mode of a file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/address.h"
#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"
#include "taskd/config_value.h"

/* addresses: one in a string, or several in a list */

static int add_address(char ***list, const char *text, char *why, size_t why_size)
{
    struct address a;
    int r = address_parse(text, &a, why, why_size);

    return r < 0 ? r : list_add(list, strdup(text));
}

/* An option adds to those that are there. */
static int addresses_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    return add_address(KEY_FIELD(k, object, char **), text, why, why_size);
}

static void read_address(const struct value *v, char ***list)
{
    const char *text = json_string_value(v->json);
    char why[KEY_WHY];

    if (text)
        value_report(v, add_address(list, text, why, sizeof why), why);
    else
        value_error(v, "must be a string such as \"127.0.0.1:8080\", not %s", value_kind(v));
}

static void addresses_from_json(const struct key *k, void *object, const struct value *v)
{
    struct value element = {0};
    char **list = NULL;

    if (!json_is_array(v->json))
        read_address(v, &list);
    else if (json_array_size(v->json) == 0)
        value_error(v, "must hold an address");
    while (json_is_array(v->json) && value_next(v, &element))
        read_address(&element, &list);
    list_free(*KEY_FIELD(k, object, char **));
    *KEY_FIELD(k, object, char **) = list;
}

static json_t *addresses_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:[s,s],s:i,s:i,s:{s:s,s:i}}", "type", "string", "array", "minLength", 2, "minItems", 1, "items",
                     "type", "string", "minLength", 2);
}

static void addresses_clear(const struct key *k, void *object)
{
    list_free(*KEY_FIELD(k, object, char **));
}

const struct key_type type_addresses = {
    .what = "an address or a list of addresses",
    .kind = "address or list of addresses",
    .placeholder = "ADDRESS",
    .from_text = addresses_from_text,
    .from_json = addresses_from_json,
    .schema = addresses_schema,
    .clear = addresses_clear,
    .equal = key_equal_list,
};

/* mode: octal digits, as in chmod(1) */

static int mode_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    size_t digits = strspn(text, "01234567");
    long mode = strtol(text, NULL, 8);

    if (digits < 3 || digits > 4 || text[digits] || mode > 0777) {
        snprintf(why, why_size, "\"%s\" is no mode: write octal digits, \"0660\"", text);
        return -EINVAL;
    }
    *KEY_FIELD(k, object, int64_t) = mode;
    return 0;
}

static json_t *mode_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:s}", "type", "string", "pattern", "^0?[0-7]{3}$");
}

const struct key_type type_mode = {
    .what = "a string of octal digits, as in \"0660\"",
    .kind = "octal digits in a string",
    .placeholder = "OCTAL",
    .from_text = mode_from_text,
    .schema = mode_schema,
    .equal = key_equal_number,
};
