/* From a file or a text, and the files that it includes, to a configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_errors.h"
#include "taskd/config_file.h"
#include "taskd/config_include.h"
#include "taskd/config_read.h"

static void read_documents(struct config *config, struct config_errors *errors, const struct document *main,
                           struct documents *included)
{
    struct value document = document_value(main, errors), patterns;
    bool whole = true;

    if (json_is_object(document.json) && value_find(&document, "include", &patterns))
        whole = include_load(included, &patterns, config->path);
    config_read(config, &document, included, whole);
}

int config_parse(const char *text, size_t len, const char *name, struct config **ret, struct config_errors *errors)
{
    struct config *config = calloc(1, sizeof *config);
    struct documents included = {0};
    struct document main = {0};
    int r;

    config_errors_begin(errors, name, text, len);
    if (config)
        config->path = strdup(name);
    if (!config || !config->path)
        config_errors_no_memory(errors);
    else if (document_parse(&main, errors, text, len))
        read_documents(config, errors, &main, &included);
    r = config_errors_end(errors);
    document_clear(&main);
    include_clear(&included);
    if (r < 0)
        config_free(config);
    else
        *ret = config;
    return r;
}

int config_load(const char *path, struct config **ret, struct config_errors *errors)
{
    const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
    char *text = NULL;
    size_t len = 0;
    int r = config_file_read(path, &text, &len);

    if (r < 0) {
        config_errors_begin(errors, name, NULL, 0);
        r = config_file_refuse(errors, SOURCE_MAIN, r);
        config_errors_end(errors);
        return r;
    }
    r = config_parse(text, len, name, ret, errors);
    free(text);
    return r;
}
