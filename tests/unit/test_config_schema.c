/* The JSON Schema agrees with the reader: what one takes the other takes, as far as a schema can tell.
 *
 * The validator below knows the keywords that the schema uses and fails on any other, so that none goes unnoticed. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/config.h"

static bool valid(json_t *schema, json_t *value);

static bool matches(const char *pattern, const char *text)
{
    regex_t re;

    ck_assert_msg(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0, "%s", pattern);
    bool match = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return match;
}

static bool has_type(const char *type, json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object", [JSON_ARRAY] = "array",  [JSON_STRING] = "string", [JSON_INTEGER] = "integer",
        [JSON_REAL] = "number",   [JSON_TRUE] = "boolean", [JSON_FALSE] = "boolean", [JSON_NULL] = "null",
    };

    return strcmp(names[json_typeof(value)], type) == 0 || (strcmp(type, "number") == 0 && json_is_number(value));
}

static bool check_type(json_t *schema, json_t *rule, json_t *value)
{
    json_t *name;
    size_t i;

    (void)schema;
    if (json_is_string(rule))
        return has_type(json_string_value(rule), value);
    json_array_foreach (rule, i, name)
        if (has_type(json_string_value(name), value))
            return true;
    return false;
}

static bool check_enum(json_t *schema, json_t *rule, json_t *value)
{
    json_t *one;
    size_t i;

    (void)schema;
    json_array_foreach (rule, i, one)
        if (json_equal(one, value))
            return true;
    return false;
}

static bool check_required(json_t *schema, json_t *rule, json_t *value)
{
    json_t *name;
    size_t i;

    (void)schema;
    json_array_foreach (rule, i, name)
        if (!json_object_get(value, json_string_value(name)))
            return false;
    return true;
}

static bool check_any_of(json_t *schema, json_t *rule, json_t *value)
{
    json_t *one;
    size_t i;

    (void)schema;
    json_array_foreach (rule, i, one)
        if (valid(one, value))
            return true;
    return false;
}

static bool check_properties(json_t *schema, json_t *rule, json_t *value)
{
    json_t *rest = json_object_get(schema, "additionalProperties"), *member;
    const char *key;

    json_object_foreach (value, key, member) {
        json_t *known = json_object_get(rule, key);
        if (known ? !valid(known, member) : json_is_false(rest))
            return false;
    }
    return true;
}

static bool check_additional(json_t *schema, json_t *rule, json_t *value)
{
    json_t *member;
    const char *key;

    if (!json_is_object(rule))
        return true;
    json_object_foreach (value, key, member)
        if (!json_object_get(json_object_get(schema, "properties"), key) && !valid(rule, member))
            return false;
    return true;
}

static bool check_names(json_t *schema, json_t *rule, json_t *value)
{
    json_t *member;
    const char *key;

    (void)schema;
    json_object_foreach (value, key, member)
        if (!matches(json_string_value(json_object_get(rule, "pattern")), key))
            return false;
    return true;
}

static bool check_items(json_t *schema, json_t *rule, json_t *value)
{
    size_t i = json_array_size(json_object_get(schema, "prefixItems"));

    for (; json_is_array(value) && i < json_array_size(value); i++)
        if (!valid(rule, json_array_get(value, i)))
            return false;
    return true;
}

static bool check_prefix_items(json_t *schema, json_t *rule, json_t *value)
{
    (void)schema;
    for (size_t i = 0; json_is_array(value) && i < json_array_size(rule) && i < json_array_size(value); i++)
        if (!valid(json_array_get(rule, i), json_array_get(value, i)))
            return false;
    return true;
}

static bool check_pattern(json_t *schema, json_t *rule, json_t *value)
{
    (void)schema;
    return !json_is_string(value) || matches(json_string_value(rule), json_string_value(value));
}

#define BOUND(name, applies, expression)                          \
    static bool name(json_t *schema, json_t *rule, json_t *value) \
    {                                                             \
        json_int_t bound = json_integer_value(rule);              \
        (void)schema;                                             \
        return !(applies) || (expression);                        \
    }
BOUND(check_minimum, json_is_integer(value), json_integer_value(value) >= bound)
BOUND(check_maximum, json_is_integer(value), json_integer_value(value) <= bound)
BOUND(check_min_length, json_is_string(value), (json_int_t)json_string_length(value) >= bound)
BOUND(check_max_length, json_is_string(value), (json_int_t)json_string_length(value) <= bound)
BOUND(check_min_items, json_is_array(value), (json_int_t)json_array_size(value) >= bound)
BOUND(check_min_properties, json_is_object(value), (json_int_t)json_object_size(value) >= bound)
BOUND(check_max_properties, json_is_object(value), (json_int_t)json_object_size(value) <= bound)

static bool check_nothing(json_t *schema, json_t *rule, json_t *value)
{
    (void)schema, (void)rule, (void)value;
    return true;
}

static const struct keyword {
    const char *name;
    bool (*check)(json_t *schema, json_t *rule, json_t *value);
} keywords[] = {
    {"type", check_type},
    {"enum", check_enum},
    {"required", check_required},
    {"anyOf", check_any_of},
    {"properties", check_properties},
    {"additionalProperties", check_additional},
    {"propertyNames", check_names},
    {"items", check_items},
    {"prefixItems", check_prefix_items},
    {"pattern", check_pattern},
    {"minimum", check_minimum},
    {"maximum", check_maximum},
    {"minLength", check_min_length},
    {"maxLength", check_max_length},
    {"minItems", check_min_items},
    {"minProperties", check_min_properties},
    {"maxProperties", check_max_properties},
    {"description", check_nothing},
    {"default", check_nothing},
    {"title", check_nothing},
    {"$schema", check_nothing},
};

static const struct keyword *find_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i].name, name) == 0)
            return &keywords[i];
    ck_abort_msg("keyword %s", name);
}

static bool valid(json_t *schema, json_t *value)
{
    const char *name;
    json_t *rule;

    json_object_foreach (schema, name, rule)
        if (!find_keyword(name)->check(schema, rule, value))
            return false;
    return true;
}

static bool schema_takes(json_t *document)
{
    json_t *schema = config_schema();

    ck_assert_ptr_nonnull(schema);
    bool takes = valid(schema, document);
    json_decref(schema);
    return takes;
}

static void enter(const char *folder)
{
    const char *top = getenv("TOP_SRCDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", top ? top : ".", folder);
    ck_assert_msg(chdir(path) == 0, "%s: %s", path, strerror(errno));
}

static bool schema_takes_file(const char *name)
{
    json_t *document = json_load_file(name, 0, NULL);

    ck_assert_msg(document != NULL, "%s", name);
    bool takes = schema_takes(document);
    json_decref(document);
    return takes;
}

START_TEST(takes_the_sample)
{
    enter("etc");
    ck_assert(schema_takes_file("taskd.json"));
}
END_TEST

START_TEST(takes_valid_files)
{
    enter("tests/data/config/valid");
    ck_assert(schema_takes_file("minimal.json"));
    ck_assert(schema_takes_file("everything.json"));
    ck_assert(schema_takes_file("include.json"));
    ck_assert(schema_takes_file("conf.d/20-twenty.json"));
}
END_TEST

/* A worker's keys, taken or refused by both. */
static const struct {
    const char *keys;
    bool takes;
} cases[] = {
    {"", true},
    {",\"replcas\":1", false},
    {",\"replicas\":1", true},
    {",\"replicas\":0", false},
    {",\"replicas\":10000", true},
    {",\"replicas\":10001", false},
    {",\"replicas\":\"1\"", false},
    {",\"replicas\":1.5", false},
    {",\"stop_timeout\":\"30s\"", true},
    {",\"stop_timeout\":\"5min 20s\"", true},
    {",\"stop_timeout\":\"1h 5min 20 seconds\"", true},
    {",\"stop_timeout\":\"1.5h\"", true},
    {",\"stop_timeout\":\"0\"", true},
    {",\"stop_timeout\":\"infinity\"", true},
    {",\"stop_timeout\":\"30\"", false},
    {",\"stop_timeout\":\"\"", false},
    {",\"stop_timeout\":\"1y\"", false},
    {",\"stop_timeout\":30", false},
    {",\"pre_stop\":\"infinity\"", false},
    {",\"max_message\":\"64K\"", true},
    {",\"max_message\":\"512 KiB\"", true},
    {",\"max_message\":65536", true},
    {",\"max_message\":65535", false},
    {",\"max_message\":\"64X\"", false},
    {",\"stop_signal\":\"SIGINT\"", true},
    {",\"stop_signal\":\"RTMIN+1\"", true},
    {",\"stop_signal\":\"STOP\"", false},
    {",\"umask\":\"022\"", true},
    {",\"umask\":\"0777\"", true},
    {",\"umask\":\"7777\"", false},
    {",\"umask\":18", false},
    {",\"restart\":\"always\"", true},
    {",\"restart\":\"sometimes\"", false},
    {",\"env\":{\"A\":\"1\"}", true},
    {",\"env\":{\"A\":1}", false},
    {",\"env\":{\"\":\"1\"}", false},
    {",\"env_inherit\":true", true},
    {",\"env_inherit\":[\"A\"]", true},
    {",\"env_inherit\":[]", true},
    {",\"env_inherit\":[1]", false},
    {",\"env_inherit\":\"A\"", false},
    {",\"limits\":{\"nofile\":1024,\"as\":\"2G\",\"core\":\"infinity\"}", true},
    {",\"limits\":{\"nofile\":\"2G\"}", false},
    {",\"limits\":{\"files\":1}", false},
    {",\"limits\":{\"nofile\":-1}", false},
    {",\"backoff\":{\"initial\":\"1s\"}", true},
    {",\"backoff\":{\"first\":\"1s\"}", false},
    {",\"backoff\":\"1s\"", false},
    {",\"restart_limit\":{\"count\":0}", false},
    {",\"log\":{\"file\":\"x\"}", true},
    {",\"log\":{\"to\":\"syslog\"}", false},
    {",\"log.file\":\"x\"", false},
    {",\"input\":null", true},
    {",\"cwd\":\"\"", false},
    {",\"sockets\":[]", true},
    {",\"sockets\":\"web\"", false},
};

START_TEST(agrees_with_the_reader)
{
    struct config_errors *errors = config_errors_new();
    struct config *config = NULL;
    char text[256];

    snprintf(text, sizeof text, "{\"workers\":{\"a\":{\"command\":[\"x\"]%s}}}", cases[_i].keys);
    json_t *document = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_msg(schema_takes(document) == cases[_i].takes, "schema: %s", text);
    ck_assert_msg((config_parse(text, strlen(text), "t", &config, errors) == 0) == cases[_i].takes, "reader: %s", text);
    json_decref(document);
    config_free(config);
    config_errors_free(errors);
}
END_TEST

/* Keys of a socket. */
static const struct {
    const char *keys;
    bool takes;
} sockets[] = {
    {"\"listen\":\":80\"", true},
    {"\"listen\":[\":80\",\"/run/web.sock\"],\"mode\":\"600\",\"backlog\":511", true},
    {"\"listen\":\":80\",\"type\":\"dgram\"", true},
    {"", false},
    {"\"listen\":[]", false},
    {"\"listen\":80", false},
    {"\"listen\":[80]", false},
    {"\"listen\":\":80\",\"type\":\"seqpacket\"", false},
    {"\"listen\":\":80\",\"backlog\":0", false},
    {"\"listen\":\"/x\",\"mode\":\"66\"", false},
    {"\"listen\":\"/x\",\"mode\":432", false},
    {"\"listen\":\":80\",\"port\":80", false},
};

START_TEST(agrees_about_sockets)
{
    struct config_errors *errors = config_errors_new();
    struct config *config = NULL;
    char text[256];

    snprintf(text, sizeof text,
             "{\"sockets\":{\"s\":{%s}},\"workers\":{\"a\":{\"command\":[\"x\"],\"sockets\":[\"s\"]}}}",
             sockets[_i].keys);
    json_t *document = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_msg(schema_takes(document) == sockets[_i].takes, "schema: %s", text);
    ck_assert_msg((config_parse(text, strlen(text), "t", &config, errors) == 0) == sockets[_i].takes, "reader: %s",
                  text);
    json_decref(document);
    config_free(config);
    config_errors_free(errors);
}
END_TEST

static const char *const refused[] = {
    "{}",
    "{\"workers\":{}}",
    "{\"workers\":{\"a\":{}}}",
    "{\"workers\":{\"a\":{\"command\":[]}}}",
    "{\"workers\":{\"a\":{\"command\":[\"\"]}}}",
    "{\"workers\":{\"a\":{\"command\":\"x\"}}}",
    "{\"workers\":{\"a@b\":{\"command\":[\"x\"]}}}",
    "{\"workers\":{\"a\":{\"command\":[\"x\"]}},\"deamon\":{}}",
    "{\"workers\":{\"a\":{\"command\":[\"x\"]}},\"defaults\":{\"command\":[\"x\"]}}",
};

START_TEST(refuses_what_the_reader_refuses)
{
    json_t *document = json_loads(refused[_i], 0, NULL);

    ck_assert_ptr_nonnull(document);
    ck_assert_msg(!schema_takes(document), "%s", refused[_i]);
    json_decref(document);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, takes_the_sample);
    tcase_add_test(tc, takes_valid_files);
    tcase_add_loop_test(tc, agrees_with_the_reader, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tc, agrees_about_sockets, 0, sizeof sockets / sizeof *sockets);
    tcase_add_loop_test(tc, refuses_what_the_reader_refuses, 0, sizeof refused / sizeof *refused);
}

int main(void)
{
    return suite_run("config_schema", (void (*const[])(TCase *)){add, NULL});
}
