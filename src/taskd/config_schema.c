/* The table of keys as a JSON Schema, for editors and for people who generate configurations. */
#include <stdio.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_keys.h"
#include "taskd/config_name.h"

enum { PREFIX = 64 };

static json_t *default_value(const struct key *k)
{
    return k->type->plain ? json_loads(k->def, JSON_DECODE_ANY, NULL) : json_string(k->def);
}

static json_t *properties(enum key_scope scope, const char *prefix, bool shared);

static json_t *key_schema(const struct key *k, bool shared)
{
    json_t *schema = k->type->schema(k);
    char prefix[PREFIX];

    if (k->type == &type_group) {
        snprintf(prefix, sizeof prefix, "%s.", k->name);
        json_object_set_new(schema, "properties", properties(k->scope, prefix, shared));
    }
    if (k->def)
        json_object_set_new(schema, "default", default_value(k));
    json_object_set_new(schema, "description", json_string(k->help));
    return schema;
}

static json_t *properties(enum key_scope scope, const char *prefix, bool shared)
{
    json_t *all = json_object();

    for (const struct key *k = config_keys; k->name; k++) {
        const char *name = k->scope == scope && !(k->own && shared) ? config_key_below(k, prefix) : NULL;
        if (name)
            json_object_set_new(all, name, key_schema(k, shared));
    }
    return all;
}

static json_t *required(enum key_scope scope)
{
    json_t *names = json_array();

    for (const struct key *k = config_keys; k->name; k++)
        if (k->scope == scope && k->required)
            json_array_append_new(names, json_string(k->name));
    return names;
}

static json_t *object_schema(const char *help, json_t *properties_taken)
{
    return json_pack("{s:s,s:s,s:b,s:o}", "description", help, "type", "object", "additionalProperties", 0,
                     "properties", properties_taken);
}

static json_t *socket_schema(void)
{
    json_t *schema = object_schema("One socket.", properties(SCOPE_SOCKET, "", false));

    json_object_set_new(schema, "required", required(SCOPE_SOCKET));
    return schema;
}

static json_t *sockets_schema(void)
{
    return json_pack("{s:s,s:s,s:{s:s},s:o}", "description",
                     "What workers listen at, by name: opened once, handed to every life.", "type", "object",
                     "propertyNames", "pattern", CONFIG_NAME_PATTERN, "additionalProperties", socket_schema());
}

static json_t *worker_schema(void)
{
    json_t *schema = object_schema("One worker.", properties(SCOPE_WORKER, "", false));

    json_object_set_new(schema, "required", required(SCOPE_WORKER));
    return schema;
}

static json_t *workers_schema(void)
{
    return json_pack("{s:s,s:s,s:i,s:{s:s},s:o}", "description", "The workers, by name.", "type", "object",
                     "minProperties", 1, "propertyNames", "pattern", CONFIG_NAME_PATTERN, "additionalProperties",
                     worker_schema());
}

json_t *config_schema(void)
{
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:b,s:[{s:[s]},{s:[s]}],s:{s:{s:s,s:s},s:{s:s,s:s,s:{s:s}},s:o,s:o,s:o,s:o}}", "$schema",
        "https://json-schema.org/draft/2020-12/schema", "title", "taskd.json", "description",
        "Configuration of taskd: see taskd.json(5).", "type", "object", "additionalProperties", 0, "anyOf", "required",
        "workers", "required", "include", "properties", "$schema", "type", "string", "description",
        "Ignored: for editors.", "include", "description",
        "Patterns of other files with workers, relative to this one: \"conf.d/*.json\".", "type", "array", "items",
        "type", "string", "daemon",
        object_schema("Settings of the daemon itself.", properties(SCOPE_DAEMON, "", false)), "sockets",
        sockets_schema(), "defaults",
        object_schema("Settings that every worker has unless it says otherwise.", properties(SCOPE_WORKER, "", true)),
        "workers", workers_schema());
}
