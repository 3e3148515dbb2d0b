#include "taskd/config_include.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "taskd/config_errors.h"
#include "taskd/config_file.h"

#define WILDCARDS "*?["

static bool seen_before(struct documents *all, const struct stat *st)
{
    struct file_id *ids = all->ids;

    for (size_t i = 0; i < all->ids_count; i++)
        if (ids[i].device == st->st_dev && ids[i].inode == st->st_ino)
            return true;
    ids[all->ids_count++] = (struct file_id){st->st_dev, st->st_ino};
    return false;
}

/* One file; it stays in the list, so that its errors find their places. */
static bool read_file(struct documents *all, struct config_errors *errors, const char *path)
{
    struct document *grown = reallocarray(all->list, all->count + 1, sizeof *grown);
    struct document d = {0};
    size_t len = 0;
    int r;

    if (!grown) {
        config_errors_no_memory(errors);
        return false;
    }
    all->list = grown;
    r = config_file_read(path, &d.text, &len);
    d.source = config_errors_source(errors, path, d.text, len);
    if (r < 0)
        config_file_refuse(errors, d.source, r);
    else
        document_parse(&d, errors, d.text, len);
    all->list[all->count++] = d;
    return r == 0;
}

/* Only regular files: reading a pipe that nobody writes to would not end. */
static bool load_file(struct documents *all, const struct value *pattern, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        value_error(pattern, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        value_error(pattern, "%s is no regular file", path);
    else if (all->ids_count > INCLUDE_MAX)
        value_error(pattern, "more than %d files", INCLUDE_MAX);
    else
        return seen_before(all, &st) || read_file(all, pattern->errors, path);
    return false;
}

/* The pattern as seen from the directory of the file that says it, whose own name is no pattern. */
static char *beside(const char *main_path, const char *pattern)
{
    const char *slash = *pattern == '/' ? NULL : strrchr(main_path, '/');
    size_t len = slash ? (size_t)(slash + 1 - main_path) : 0;
    bool escaped = strpbrk(pattern, WILDCARDS);
    char *path = malloc(2 * len + strlen(pattern) + 1), *out = path;

    for (size_t i = 0; path && i < len; i++) {
        if (escaped && strchr(WILDCARDS "\\", main_path[i]))
            *out++ = '\\';
        *out++ = main_path[i];
    }
    if (path)
        memcpy(out, pattern, strlen(pattern) + 1);
    return path;
}

/* A directory that is not there has no matches; one that cannot be read might have some. */
static int on_glob_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

static bool load_matches(struct documents *all, const struct value *pattern, const char *path)
{
    glob_t found = {0};
    int r = glob(path, 0, on_glob_error, &found);
    bool whole = r == 0 || r == GLOB_NOMATCH;

    if (r == GLOB_NOSPACE)
        config_errors_no_memory(pattern->errors);
    else if (!whole)
        value_error(pattern, "a directory on the way of %s cannot be read", path);
    for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
        whole = load_file(all, pattern, found.gl_pathv[i]) && whole;
    globfree(&found);
    return whole;
}

static bool load_pattern(struct documents *all, const struct value *pattern, const char *main_path)
{
    const char *text = json_string_value(pattern->json);
    char *path;
    bool whole;

    if (!text || !*text) {
        value_error(pattern, "must be the path of a file, or a pattern such as \"conf.d/*.json\"");
        return false;
    }
    path = beside(main_path, text);
    if (!path) {
        config_errors_no_memory(pattern->errors);
        return false;
    }
    whole = strpbrk(text, WILDCARDS) ? load_matches(all, pattern, path) : load_file(all, pattern, path);
    free(path);
    return whole;
}

bool include_load(struct documents *all, const struct value *patterns, const char *main_path)
{
    struct value pattern = {0};
    bool whole = true;
    struct stat st;

    if (!json_is_array(patterns->json)) {
        value_error(patterns, "must be a list of patterns, as in [\"conf.d/*.json\"], not %s", value_kind(patterns));
        return false;
    }
    if (stat(main_path, &st) == 0)
        seen_before(all, &st);
    while (value_next(patterns, &pattern))
        whole = load_pattern(all, &pattern, main_path) && whole;
    return whole;
}

void include_clear(struct documents *all)
{
    for (size_t i = 0; i < all->count; i++)
        document_clear(&all->list[i]);
    free(all->list);
    *all = (struct documents){0};
}
