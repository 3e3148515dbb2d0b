#include "taskd/config_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum { PATH = 512, MESSAGE = 512 };

static bool step(const struct value *container, struct value *member)
{
    const struct jsonpos_node *at = jsonpos_child(container->at, member->at);

    while (at && at->shadowed)
        at = jsonpos_child(container->at, at);
    if (!at)
        return false;
    *member = *container;
    member->at = at;
    return true;
}

bool value_next(const struct value *container, struct value *member)
{
    if (!step(container, member))
        return false;
    member->json = member->at->key ? json_object_get(container->json, member->at->key)
                                   : json_array_get(container->json, member->at->index);
    /* jansson does not notice every failed allocation: then a key that is in the text is not in the object. */
    if (!member->json)
        config_errors_no_memory(container->errors);
    return member->json;
}

bool value_find(const struct value *object, const char *key, struct value *ret)
{
    struct value member = {0};

    while (value_next(object, &member)) {
        if (member.at->key && strcmp(member.at->key, key) == 0) {
            *ret = member;
            return true;
        }
    }
    return false;
}

const char *value_kind(const struct value *v)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "a string", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a fraction",  [JSON_TRUE] = "true",    [JSON_FALSE] = "false",     [JSON_NULL] = "null",
    };

    return kinds[json_typeof(v->json)];
}

__attribute__((format(printf, 3, 0))) static void report_at(const struct value *v, size_t offset, const char *fmt,
                                                            va_list ap)
{
    char path[PATH];

    config_errors_vadd(v->errors, v->source, offset, jsonpos_path(v->tree, v->at, path, sizeof path), fmt, ap);
}

void value_error(const struct value *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_at(v, v->at->value_at, fmt, ap);
    va_end(ap);
}

void value_key_error(const struct value *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_at(v, v->at->key_at, fmt, ap);
    va_end(ap);
}

void value_unknown_key(const struct value *v, const char *const *known)
{
    const char *near = text_nearest(v->at->key, known);

    if (near)
        value_key_error(v, "unknown key (did you mean \"%s\"?)", near);
    else
        value_key_error(v, "unknown key");
}

struct value value_entry(const struct value *object, const char *key, size_t index)
{
    struct value list, element = {0};

    if (!value_find(object, key, &list))
        return *object;
    for (size_t i = 0; json_is_array(list.json) && i <= index; i++)
        if (!value_next(&list, &element))
            return list;
    return json_is_array(list.json) ? element : list;
}

void value_unknown_name(const struct value *v, const char *what, const char *name, const char *const *known)
{
    const char *near = text_nearest(name, known);

    if (near)
        value_error(v, "there is no %s \"%s\" (did you mean \"%s\"?)", what, name, near);
    else
        value_error(v, "there is no %s \"%s\"", what, name);
}

char *value_place(const struct value *v, char *out, size_t out_size)
{
    return config_errors_place(v->errors, v->source, v->at->key_at, out, out_size);
}

void value_report(const struct value *v, int result, const char *why)
{
    if (result == -ENOMEM)
        config_errors_no_memory(v->errors);
    else if (result < 0)
        value_error(v, "%s", why);
}
