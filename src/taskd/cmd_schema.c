#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "taskd/command.h"
#include "taskd/config.h"
#include "taskd/log.h"

static const struct option_spec schema_options[] = {
    {"man", 0, NULL, "print the keys as taskd.json(5) has them (mdoc) instead"},
    {NULL},
};

static void print_schema(void)
{
    json_t *schema = config_schema();

    if (!schema || json_dumpf(schema, stdout, JSON_INDENT(2)) < 0)
        fatal("out of memory, or standard output cannot be written");
    puts("");
    json_decref(schema);
}

static int run_schema(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    const char *value;
    bool man = false;

    while (options_next(&o, &value))
        man = true;
    if (o.operands_count > 0)
        fatal("schema: \"%s\" is too much: it takes no operand", argv[0]);
    if (man)
        config_print_man(stdout);
    else
        print_schema();
    return 0;
}

extern const struct command command_schema;
const struct command command_schema = {
    .name = "schema",
    .usage = "[options]",
    .help = "Print the JSON Schema of configurations, for editors.",
    .options = schema_options,
    .details =
        "Example: taskd schema >taskd.schema.json, then \"$schema\": \"./taskd.schema.json\" in the configuration.",
    .run = run_schema,
};
