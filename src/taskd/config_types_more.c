/* Types of keys: real numbers, lists of exit codes, names and lists of them; and what is equal. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"
#include "taskd/config_name.h"
#include "taskd/config_value.h"

enum { CODE_MAX = 255, CODES_MAX = 256 };

/* real: a double from `min` to `max` */

static int set_real(const struct key *k, void *object, double n, char *why, size_t why_size)
{
    if (n >= (double)k->min && n <= (double)k->max) {
        *KEY_FIELD(k, object, double) = n;
        return 0;
    }
    snprintf(why, why_size, "must be a number from %lld to %lld", (long long)k->min, (long long)k->max);
    return -EINVAL;
}

static int real_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    char *end;
    double n = strtod(text, &end);

    if (end != text && !*end && isfinite(n))
        return set_real(k, object, n, why, why_size);
    snprintf(why, why_size, "\"%s\" is no number", text);
    return -EINVAL;
}

static void real_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];

    if (json_is_number(v->json))
        value_report(v, set_real(k, object, json_number_value(v->json), why, sizeof why), why);
    else
        value_error(v, "must be a number from %lld to %lld, not %s", (long long)k->min, (long long)k->max,
                    value_kind(v));
}

static json_t *real_schema(const struct key *k)
{
    return json_pack("{s:s,s:I,s:I}", "type", "number", "minimum", (json_int_t)k->min, "maximum", (json_int_t)k->max);
}

static bool real_equal(const struct key *k, const void *a, const void *b)
{
    return fabs(KEY_VALUE(k, a, double) - KEY_VALUE(k, b, double)) < 1e-12;
}

const struct key_type type_real = {
    .what = "a number",
    .kind = "number",
    .placeholder = "N",
    .plain = true,
    .from_text = real_from_text,
    .from_json = real_from_json,
    .schema = real_schema,
    .equal = real_equal,
};

/* codes: exit codes that count as success; kept in ascending order, each once, whatever was written */

static int codes_set(void *object, const bool *in)
{
    struct worker_config *w = object;
    int *codes = malloc(CODES_MAX * sizeof *codes);
    size_t n = 0;

    if (!codes)
        return -ENOMEM;
    for (int code = 0; code < CODES_MAX; code++)
        if (in[code])
            codes[n++] = code;
    free(w->success_exit);
    w->success_exit = codes;
    w->success_exit_count = n;
    return 0;
}

static int codes_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    bool in[CODES_MAX] = {false};

    (void)k;
    for (const char *at = text;; at++) {
        size_t digits = strspn(at, "0123456789");
        int code = digits >= 1 && digits <= 3 ? atoi(at) : CODES_MAX;
        at += digits;
        if (code > CODE_MAX || (*at && *at != ',')) {
            snprintf(why, why_size, "\"%s\" is no list of exit codes from 0 to 255, as in \"75,143\"", text);
            return -EINVAL;
        }
        in[code] = true;
        if (!*at)
            return codes_set(object, in);
    }
}

static bool is_code(const json_t *json)
{
    return json_is_integer(json) && json_integer_value(json) >= 0 && json_integer_value(json) <= CODE_MAX;
}

static void codes_from_json(const struct key *k, void *object, const struct value *v)
{
    struct value element = {0};
    bool in[CODES_MAX] = {false}, ok = true;

    if (!json_is_array(v->json)) {
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
        return;
    }
    while (value_next(v, &element)) {
        if (is_code(element.json)) {
            in[json_integer_value(element.json)] = true;
        } else {
            value_error(&element, "must be an exit code, from 0 to %d", CODE_MAX);
            ok = false;
        }
    }
    if (ok)
        value_report(v, codes_set(object, in), "");
}

static json_t *codes_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:{s:s,s:i,s:i}}", "type", "array", "items", "type", "integer", "minimum", 0, "maximum",
                     CODE_MAX);
}

static void codes_clear(const struct key *k, void *object)
{
    struct worker_config *w = object;

    (void)k;
    free(w->success_exit);
}

static bool codes_equal(const struct key *k, const void *a, const void *b)
{
    const struct worker_config *x = a, *y = b;
    size_t n = x->success_exit_count;

    (void)k;
    return n == y->success_exit_count && (n == 0 || memcmp(x->success_exit, y->success_exit, n * sizeof(int)) == 0);
}

const struct key_type type_codes = {
    .what = "a list of exit codes",
    .kind = "list of numbers",
    .placeholder = "CODES",
    .from_text = codes_from_text,
    .from_json = codes_from_json,
    .schema = codes_schema,
    .clear = codes_clear,
    .equal = codes_equal,
};

/* names: of workers, of sockets */

static void names_clear(const struct key *k, void *object)
{
    list_free(*KEY_FIELD(k, object, char **));
}

static bool add_name(const struct value *element, char ***names)
{
    const char *s = json_string_value(element->json);

    if (!s)
        value_error(element, "must be a string, not %s", value_kind(element));
    else if (list_add(names, strdup(s)) < 0)
        config_errors_no_memory(element->errors);
    return s != NULL;
}

static void names_from_json(const struct key *k, void *object, const struct value *v)
{
    struct value element = {0};
    char **names = NULL;
    bool ok = json_is_array(v->json);

    if (!ok)
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
    while (json_is_array(v->json) && value_next(v, &element))
        ok = add_name(&element, &names) && ok;
    if (!ok) {
        list_free(names);
        return;
    }
    names_clear(k, object);
    *KEY_FIELD(k, object, char **) = names;
}

static json_t *names_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
}

const struct key_type type_names = {
    .what = "a list of names",
    .kind = "list of strings",
    .from_json = names_from_json,
    .schema = names_schema,
    .clear = names_clear,
    .equal = key_equal_list,
};

/* name: of a group of workers */

static int name_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    if (config_name_ok(text))
        return type_string.from_text(k, object, text, why, why_size);
    snprintf(why, why_size, "a name has 1 to %d letters, digits, '.', '_' or '-', and begins with a letter or digit",
             CONFIG_NAME_MAX);
    return -EINVAL;
}

static json_t *name_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:s}", "type", "string", "pattern", CONFIG_NAME_PATTERN);
}

static void name_clear(const struct key *k, void *object)
{
    free(*KEY_FIELD(k, object, char *));
}

const struct key_type type_name = {
    .what = "a name",
    .kind = "name",
    .placeholder = "NAME",
    .from_text = name_from_text,
    .schema = name_schema,
    .clear = name_clear,
    .equal = key_equal_string,
};

/* --- equal -------------------------------------------------------------------------------------------------------- */

bool key_equal_string(const struct key *k, const void *a, const void *b)
{
    const char *x = KEY_VALUE(k, a, char *), *y = KEY_VALUE(k, b, char *);

    return x == y || (x && y && strcmp(x, y) == 0);
}

bool key_equal_number(const struct key *k, const void *a, const void *b)
{
    return KEY_VALUE(k, a, int64_t) == KEY_VALUE(k, b, int64_t);
}

bool key_equal_int(const struct key *k, const void *a, const void *b)
{
    return KEY_VALUE(k, a, int) == KEY_VALUE(k, b, int);
}

bool key_equal_list(const struct key *k, const void *a, const void *b)
{
    return list_equal(KEY_VALUE(k, a, char **), KEY_VALUE(k, b, char **));
}
