/* Types of keys that are lists, maps or any JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_env.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"
#include "taskd/config_value.h"

static void list_clear(const struct key *k, void *object)
{
    list_free(*KEY_FIELD(k, object, char **));
}

/* What each string of a list must be: NULL, or why it is wrong. */
typedef const char *string_check(const char *s, size_t index);

/* A list of strings in memory of its own; NULL after it was reported. */
static char **read_strings(const struct value *v, string_check *wrong)
{
    char **list = calloc(json_array_size(v->json) + 1, sizeof *list);
    struct value element = {0};
    bool ok = list;

    if (!list)
        config_errors_no_memory(v->errors);
    for (size_t n = 0; list && value_next(v, &element); n++) {
        const char *s = json_string_value(element.json), *why = s ? wrong(s, n) : NULL;
        if (!s)
            value_error(&element, "must be a string, not %s", value_kind(&element));
        else if (why)
            value_error(&element, "%s", why);
        list[n] = strdup(s ? s : "");
        if (!list[n])
            config_errors_no_memory(v->errors);
        ok = ok && s && !why && list[n];
    }
    if (ok)
        return list;
    list_free(list);
    return NULL;
}

/* command */

static const char *wrong_argument(const char *s, size_t index)
{
    return index == 0 && !*s ? "must name a program" : NULL;
}

static void command_from_json(const struct key *k, void *object, const struct value *v)
{
    char **list;

    if (!json_is_array(v->json)) {
        value_error(v, "must be a list of strings, as in [\"./resize\", \"in/\"], not %s", value_kind(v));
        return;
    }
    if (json_array_size(v->json) == 0) {
        value_error(v, "must name a program");
        return;
    }
    list = read_strings(v, wrong_argument);
    if (!list)
        return;
    list_clear(k, object);
    *KEY_FIELD(k, object, char **) = list;
}

static json_t *command_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:i,s:[{s:s,s:i}],s:{s:s}}", "type", "array", "minItems", 1, "prefixItems", "type", "string",
                     "minLength", 1, "items", "type", "string");
}

const struct key_type type_command = {
    .what = "a list of strings",
    .kind = "list of strings",
    .from_json = command_from_json,
    .schema = command_schema,
    .clear = list_clear,
    .equal = key_equal_list,
};

/* env: entries add to those that are there, of the same name the last one counts */

static int env_result(int r, char *why, size_t why_size)
{
    if (r != -E2BIG)
        return r;
    snprintf(why, why_size, "more than %d variables", CONFIG_ENV_MAX);
    return -EINVAL;
}

static int env_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    size_t name_len = strcspn(text, "=");

    if (!text[name_len] || name_len == 0) {
        snprintf(why, why_size, "\"%s\" is not NAME=VALUE", text);
        return -EINVAL;
    }
    return env_result(env_add(KEY_FIELD(k, object, char **), text, name_len, text + name_len + 1, ENV_REPLACE), why,
                      why_size);
}

static void env_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];
    struct value member = {0};

    if (!json_is_object(v->json)) {
        value_error(v, "must be an object of strings, as in {\"NAME\": \"value\"}, not %s", value_kind(v));
        return;
    }
    while (value_next(v, &member)) {
        const char *name = member.at->key, *s = json_string_value(member.json);
        if (!env_name_ok(name, strlen(name)))
            value_key_error(&member, "the name of a variable must not be empty or contain '='");
        else if (!s)
            value_error(&member, "must be a string, not %s: put it in double quotes", value_kind(&member));
        else
            value_report(
                &member,
                env_result(env_add(KEY_FIELD(k, object, char **), name, strlen(name), s, ENV_REPLACE), why, sizeof why),
                why);
    }
}

static json_t *env_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:s,s:{s:s},s:{s:s},s:i}", "type", "object", "propertyNames", "pattern", "^[^=]+$",
                     "additionalProperties", "type", "string", "maxProperties", CONFIG_ENV_MAX);
}

static bool same_env(const struct key *k, const void *a, const void *b)
{
    return env_equal(KEY_VALUE(k, a, char **), KEY_VALUE(k, b, char **));
}

const struct key_type type_env = {
    .what = "an object of strings",
    .kind = "object of strings",
    .placeholder = "NAME=VALUE",
    .from_text = env_from_text,
    .from_json = env_from_json,
    .schema = env_schema,
    .clear = list_clear,
    .equal = same_env,
};

/* env_file: a file's path is kept while the whole worker is read, and its content merged then; an option reads it at
 * once */

struct sentence {
    char *text;
    size_t size;
};

static void on_env_file_error(void *arg, const char *message)
{
    struct sentence *why = arg;

    if (!why->text[0])
        snprintf(why->text, why->size, "%s", message);
}

static int env_file_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    struct worker_config *w = object;
    struct sentence sentence = {why, why_size};
    int r;

    why[0] = '\0';
    r = env_file_load(text, &w->env, on_env_file_error, &sentence);
    return r < 0 ? r : type_string.from_text(k, object, text, why, why_size);
}

static void env_file_from_json(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];

    if (json_is_string(v->json))
        value_report(v, type_string.from_text(k, object, json_string_value(v->json), why, sizeof why), why);
    else
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
}

static json_t *env_file_schema(const struct key *k)
{
    return type_string.schema(k);
}

static void env_file_clear(const struct key *k, void *object)
{
    type_string.clear(k, object);
}

const struct key_type type_env_file = {
    .what = "the path of a file",
    .kind = "path",
    .placeholder = "FILE",
    .from_text = env_file_from_text,
    .from_json = env_file_from_json,
    .schema = env_file_schema,
    .clear = env_file_clear,
    .equal = key_equal_string,
};

/* env_inherit: true, false or the names of variables */

static void inherit_set(struct worker_config *w, int how, char **names)
{
    list_free(w->env_inherit_names);
    w->env_inherit_names = names;
    w->env_inherit = how;
}

static int inherit_names_from_text(char ***names, const char *text, char *why, size_t why_size)
{
    for (const char *name = text, *end;; name = end + 1) {
        int r;
        end = name + strcspn(name, ",");
        if (!env_name_ok(name, (size_t)(end - name))) {
            snprintf(why, why_size, "\"%s\" is neither true nor false nor a list of names with commas between", text);
            return -EINVAL;
        }
        r = list_add(names, strndup(name, (size_t)(end - name)));
        if (r < 0 || !*end)
            return r;
    }
}

static int inherit_from_text(const struct key *k, void *object, const char *text, char *why, size_t why_size)
{
    char **names = NULL;
    int r;

    (void)k;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        inherit_set(object, *text == 't' ? ENV_INHERIT_ALL : ENV_INHERIT_NONE, NULL);
        return 0;
    }
    r = inherit_names_from_text(&names, text, why, why_size);
    if (r == 0)
        inherit_set(object, ENV_INHERIT_LIST, names);
    else
        list_free(names);
    return r;
}

static const char *wrong_name(const char *s, size_t index)
{
    (void)index;
    return env_name_ok(s, strlen(s)) ? NULL : "the name of a variable must not be empty or contain '='";
}

static void inherit_from_json(const struct key *k, void *object, const struct value *v)
{
    char **names;

    if (json_is_boolean(v->json)) {
        inherit_set(object, json_is_true(v->json) ? ENV_INHERIT_ALL : ENV_INHERIT_NONE, NULL);
    } else if (!json_is_array(v->json)) {
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
    } else {
        names = read_strings(v, wrong_name);
        if (names)
            inherit_set(object, ENV_INHERIT_LIST, names);
    }
}

static json_t *inherit_schema(const struct key *k)
{
    (void)k;
    return json_pack("{s:[s,s],s:{s:s,s:s}}", "type", "boolean", "array", "items", "type", "string", "pattern",
                     "^[^=]+$");
}

static void inherit_clear(const struct key *k, void *object)
{
    (void)k;
    inherit_set(object, ENV_INHERIT_NONE, NULL);
}

static bool inherit_equal(const struct key *k, const void *a, const void *b)
{
    const struct worker_config *x = a, *y = b;

    (void)k;
    return x->env_inherit == y->env_inherit && list_equal(x->env_inherit_names, y->env_inherit_names);
}

const struct key_type type_env_inherit = {
    .what = "true, false or a list of names",
    .kind = "true, false or list of names",
    .placeholder = "true|false|NAMES",
    .plain = true,
    .from_text = inherit_from_text,
    .from_json = inherit_from_json,
    .schema = inherit_schema,
    .clear = inherit_clear,
    .equal = inherit_equal,
};
