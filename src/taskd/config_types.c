/* Types of keys that are one value: strings, numbers, durations, sizes, choices. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_signal.h"
#include "taskd/config_value.h"

/* Past this a duration means "for ever", and adding it to a clock must not overflow. */
static const int64_t longest_ms = (int64_t)36500 * 24 * 3600 * 1000;

/* string: not empty, at most `max` bytes */

static int string_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    char **field = KEY_FIELD(k, object, char *), *copy;

    if (!*text) {
        snprintf(why, why_size, "must not be empty");
        return -EINVAL;
    }
    if (k->max && strlen(text) > (size_t)k->max) {
        snprintf(why, why_size, "is too long: %" PRId64 " bytes are possible", k->max);
        return -EINVAL;
    }
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static json_t *string_schema(const struct key *k)
{
    json_t *schema = json_pack("{s:s,s:i}", "type", "string", "minLength", 1);

    if (k->max)
        json_object_set_new(schema, "maxLength", json_integer(k->max));
    return schema;
}

static void string_clear(const struct key *k, void *object)
{
    free(*KEY_FIELD(k, object, char *));
}

const struct key_type type_string = {
    .what = "a string",
    .kind = "string",
    .placeholder = "TEXT",
    .from_text = string_from_text,
    .schema = string_schema,
    .clear = string_clear,
    .equal = key_equal_string,
};

/* account: a user or a group by name, or by a number in either form */

static void account_from_json(const struct key *k, void *object, const struct value *v)
{
    char number[24], why[KEY_WHY];
    const char *text = number;

    if (json_is_integer(v->json)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(v->json));
    } else if (json_is_string(v->json)) {
        text = json_string_value(v->json);
    } else {
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
        return;
    }
    value_report(v, string_from_text(k, object, text, why, sizeof why), why);
}

static json_t *account_schema(const struct key *k)
{
    return json_pack("{s:[s,s],s:i,s:I,s:i,s:I}", "type", "string", "integer", "minLength", 1, "maxLength",
                     (json_int_t)k->max, "minimum", 0, "maximum", (json_int_t)UINT32_MAX - 1);
}

const struct key_type type_account = {
    .what = "a name or a number",
    .kind = "name or number",
    .placeholder = "NAME",
    .from_text = string_from_text,
    .from_json = account_from_json,
    .schema = account_schema,
    .clear = string_clear,
    .equal = key_equal_string,
};

/* Numbers of every kind: a reader, a writer and what is wrong when one is out of range. */

typedef char *format_number(int64_t n, char *out, size_t out_size);

static int set_number(const struct key *k, void *object, int64_t n, format_number *format, char *why, size_t why_size)
{
    char min[48], max[48];

    if (n >= k->min && n <= k->max) {
        *KEY_FIELD(k, object, int64_t) = n;
        return 0;
    }
    if (k->max == INT64_MAX)
        snprintf(why, why_size, "must be at least %s", format(k->min, min, sizeof min));
    else
        snprintf(why, why_size, "must be from %s to %s", format(k->min, min, sizeof min),
                 format(k->max, max, sizeof max));
    return -EINVAL;
}

static char *format_integer(int64_t n, char *out, size_t out_size)
{
    snprintf(out, out_size, "%" PRId64, n);
    return out;
}

static int integer_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    char *end;

    errno = 0;
    int64_t n = strtoll(text, &end, 10);
    if (end == text || *end || errno == EINVAL) {
        snprintf(why, why_size, "\"%s\" is no whole number", text);
        return -EINVAL;
    }
    return set_number(k, object, n, format_integer, why, why_size);
}

static void integer_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];

    if (json_is_integer(v->json))
        value_report(v, set_number(k, object, json_integer_value(v->json), format_integer, why, sizeof why), why);
    else
        value_error(v, "must be a whole number, not %s", value_kind(v));
}

static json_t *integer_schema(const struct key *k)
{
    return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)k->min, "maximum", (json_int_t)k->max);
}

const struct key_type type_integer = {
    .what = "a whole number",
    .kind = "number",
    .placeholder = "N",
    .plain = true,
    .from_text = integer_from_text,
    .from_json = integer_from_json,
    .schema = integer_schema,
    .equal = key_equal_number,
};

/* duration */

static int duration_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    int64_t ms;
    int r = duration_parse(text, &ms);

    if (r == 0 && ms != DURATION_INFINITY && ms > longest_ms)
        r = -ERANGE;
    if (r == 0)
        return set_number(k, object, ms, duration_format, why, why_size);
    if (r == -ERANGE)
        snprintf(why, why_size, "\"%s\" is longer than a hundred years", text);
    else if (*text && text[strspn(text, "0123456789.")] == '\0')
        snprintf(why, why_size, "\"%s\" needs a unit, as in \"%ss\" or \"%smin\"", text, text, text);
    else
        snprintf(why, why_size, "\"%s\" is no duration: write \"30s\", \"5min 20s\", \"500ms\"%s", text,
                 k->max == DURATION_INFINITY ? " or \"infinity\"" : "");
    return -EINVAL;
}

static void duration_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];

    if (json_is_string(v->json))
        value_report(v, duration_from_text(k, object, json_string_value(v->json), why, sizeof why), why);
    else if (json_is_integer(v->json))
        value_error(v, "must be a string with a unit, as in \"%" JSON_INTEGER_FORMAT "s\", not a number",
                    json_integer_value(v->json));
    else
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
}

#define DURATION_PATTERN \
    "0|([0-9]+(\\.[0-9]+)? *(us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?) *)+"

static json_t *duration_schema(const struct key *k)
{
    bool infinite = k->max == DURATION_INFINITY;

    return json_pack("{s:s,s:s}", "type", "string", "pattern",
                     infinite ? "^(infinity|" DURATION_PATTERN ")$" : "^(" DURATION_PATTERN ")$");
}

const struct key_type type_duration = {
    .what = "a duration such as \"30s\" or \"5min 20s\"",
    .kind = "duration",
    .placeholder = "DURATION",
    .from_text = duration_from_text,
    .from_json = duration_from_json,
    .schema = duration_schema,
    .equal = key_equal_number,
};

/* size */

static int size_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    int64_t bytes;

    if (size_parse(text, &bytes) == 0)
        return set_number(k, object, bytes, size_format, why, why_size);
    snprintf(why, why_size, "\"%s\" is no size: write \"64K\", \"512M\" or a number of bytes", text);
    return -EINVAL;
}

static void size_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];
    int r;

    if (json_is_integer(v->json))
        r = set_number(k, object, json_integer_value(v->json), size_format, why, sizeof why);
    else if (json_is_string(v->json))
        r = size_from_text(k, object, json_string_value(v->json), why, sizeof why);
    else {
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
        return;
    }
    value_report(v, r, why);
}

static json_t *size_schema(const struct key *k)
{
    return json_pack("{s:[s,s],s:I,s:I,s:s}", "type", "integer", "string", "minimum", (json_int_t)k->min, "maximum",
                     (json_int_t)k->max, "pattern", "^[0-9]+(\\.[0-9]+)? *([KMGT](i?B)?|B)?$");
}

const struct key_type type_size = {
    .what = "a size such as \"64K\" or a number of bytes",
    .kind = "size",
    .placeholder = "SIZE",
    .from_text = size_from_text,
    .from_json = size_from_json,
    .schema = size_schema,
    .equal = key_equal_number,
};

/* choice: an int, the index of one of the names */

static void list_names(const char *const *names, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (; *names && used < size; names++) {
        int n = snprintf(out + used, size - used, "%s\"%s\"", used == 0 ? "" : names[1] ? ", " : " or ", *names);
        used += n > 0 ? (size_t)n : 0;
    }
}

static int choice_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    char all[128];

    for (int i = 0; k->names[i]; i++) {
        if (strcmp(k->names[i], text) == 0) {
            *KEY_FIELD(k, object, int) = i;
            return 0;
        }
    }
    const char *near = text_nearest(text, k->names);
    list_names(k->names, all, sizeof all);
    if (near)
        snprintf(why, why_size, "must be %s, not \"%s\" (did you mean \"%s\"?)", all, text, near);
    else
        snprintf(why, why_size, "must be %s, not \"%s\"", all, text);
    return -EINVAL;
}

static void choice_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY], all[128];

    list_names(k->names, all, sizeof all);
    if (json_is_string(v->json))
        value_report(v, choice_from_text(k, object, json_string_value(v->json), why, sizeof why), why);
    else
        value_error(v, "must be %s, not %s", all, value_kind(v));
}

static json_t *choice_schema(const struct key *k)
{
    json_t *names = json_array();

    for (const char *const *name = k->names; *name; name++)
        json_array_append_new(names, json_string(*name));
    return json_pack("{s:o}", "enum", names);
}

const struct key_type type_choice = {
    .what = "one of its names",
    .kind = "choice",
    .placeholder = "NAME",
    .from_text = choice_from_text,
    .from_json = choice_from_json,
    .schema = choice_schema,
    .equal = key_equal_int,
};

/* umask: octal digits, as in a shell */

static int umask_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    size_t digits = strspn(text, "01234567");
    long mask = strtol(text, NULL, 8);

    if (digits == 0 || digits > 4 || text[digits] || mask > 0777) {
        snprintf(why, why_size, "\"%s\" is no umask: write octal digits, \"022\"", text);
        return -EINVAL;
    }
    *KEY_FIELD(k, object, int64_t) = mask;
    return 0;
}

static json_t *umask_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:s}", "type", "string", "pattern", "^0?[0-7]{1,3}$");
}

const struct key_type type_umask = {
    .what = "a string of octal digits, as in \"022\"",
    .kind = "octal digits in a string",
    .placeholder = "OCTAL",
    .from_text = umask_from_text,
    .schema = umask_schema,
    .equal = key_equal_number,
};

/* signal */

static int signal_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    return signal_parse(text, KEY_FIELD(k, object, int), why, why_size);
}

static json_t *schema_of_signal(const struct key *k)
{
    (void)k;
    return signal_schema();
}

const struct key_type type_signal = {
    .what = "the name of a signal, as in \"TERM\"",
    .kind = "signal",
    .placeholder = "SIGNAL",
    .from_text = signal_from_text,
    .schema = schema_of_signal,
    .equal = key_equal_int,
};
