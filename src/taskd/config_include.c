#include "taskd/config_include.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config_errors.h"
#include "taskd/config_file.h"

/* One file; it stays in the list, so that its errors find their places. */
static void load_file(struct documents *all, const struct value *pattern, const char *path)
{
    struct config_errors *errors = pattern->errors;
    struct document *grown = reallocarray(all->list, all->count + 1, sizeof *grown);
    struct document d = {0};
    size_t len = 0;
    int r;

    if (!grown) {
        config_errors_no_memory(errors);
        return;
    }
    all->list = grown;
    r = config_file_read(path, &d.text, &len);
    d.source = config_errors_source(errors, path, d.text, len);
    if (r < 0)
        config_file_refuse(errors, d.source, r);
    else
        document_parse(&d, errors, d.text, len);
    all->list[all->count++] = d;
}

/* In the directory of the file that says it. */
static char *absolute(const char *pattern, const char *main_path)
{
    const char *slash = strrchr(main_path, '/');
    char *path;

    if (pattern[0] == '/' || !slash)
        return strdup(pattern);
    return asprintf(&path, "%.*s%s", (int)(slash - main_path) + 1, main_path, pattern) < 0 ? NULL : path;
}

static bool has_wildcard(const char *pattern)
{
    return pattern[strcspn(pattern, "*?[")] != '\0';
}

/* A directory that is not there has no matches; one that cannot be read might have some. */
static int on_glob_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

static void load_matches(struct documents *all, const struct value *pattern, const char *path)
{
    glob_t found = {0};
    int r = glob(path, 0, on_glob_error, &found);

    if (r == GLOB_NOSPACE)
        config_errors_no_memory(pattern->errors);
    else if (r == GLOB_ABORTED)
        value_error(pattern, "%s: %s", path, strerror(errno));
    else if (r == GLOB_NOMATCH && !has_wildcard(path))
        value_error(pattern, "there is no file %s", path);
    for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
        if (all->count == INCLUDE_MAX) {
            value_error(pattern, "more than %d files", INCLUDE_MAX);
            break;
        }
        load_file(all, pattern, found.gl_pathv[i]);
    }
    globfree(&found);
}

void include_load(struct documents *all, const struct value *patterns, const char *main_path)
{
    struct value pattern = {0};

    if (!json_is_array(patterns->json)) {
        value_error(patterns, "must be a list of patterns, as in [\"conf.d/*.json\"], not %s", value_kind(patterns));
        return;
    }
    while (value_next(patterns, &pattern)) {
        char *path = json_is_string(pattern.json) ? absolute(json_string_value(pattern.json), main_path) : NULL;

        if (path)
            load_matches(all, &pattern, path);
        else if (json_is_string(pattern.json))
            config_errors_no_memory(pattern.errors);
        else
            value_error(&pattern, "must be a string, not %s", value_kind(&pattern));
        free(path);
    }
}

void include_clear(struct documents *all)
{
    for (size_t i = 0; i < all->count; i++)
        document_clear(&all->list[i]);
    free(all->list);
    *all = (struct documents){0};
}
