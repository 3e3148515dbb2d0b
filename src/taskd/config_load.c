/* From a file or a text to a parsed document, and what is wrong before its keys can be looked at. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "taskd/config.h"
#include "taskd/config_errors.h"
#include "taskd/config_read.h"
#include "taskd/jsonpos.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* jansson's words, and what a person who edits the file can do about them. First match. */
static const struct hint {
    const char *text; /* how jansson's sentence begins */
    const char *near; /* the token it stumbled over; NULL: any */
    const char *say;
} hints[] = {
    {"", "/", "JSON has no comments"},
    {"", "#", "JSON has no comments"},
    {"", "'", "strings stand in double quotes"},
    {"string or '}' expected", "}", "a comma stands before this '}': the last entry has none after it"},
    {"string or '}' expected", NULL, "a key in double quotes or '}' is expected here"},
    {"unexpected token", "]", "a comma stands before this ']': the last entry has none after it"},
    {"unexpected token", "}", "a value is missing before this '}'"},
    {"unexpected token", ",", "a value is missing before this ','"},
    {"'}' expected", NULL, "a comma or '}' is expected here"},
    {"']' expected", NULL, "a comma or ']' is expected here"},
    {"':' expected", NULL, "':' is expected after a key"},
    {"'[' or '{' expected", NULL, "the file must begin with '{'"},
    {"end of file expected", NULL, "nothing may follow the '}' that ends the file"},
    {"premature end of input", NULL, "the string is not closed"},
    {"unexpected newline", NULL, "the string is not closed in its line"},
    {"control character", NULL, "control characters must be escaped in a string"},
    {"NUL byte", NULL, "a key cannot contain \\u0000"},
    {"\\u0000 is not allowed", NULL, "a string cannot contain \\u0000"},
    {"too big integer", NULL, "the number is too large"},
    {"too big negative integer", NULL, "the number is too small"},
    {"real number overflow", NULL, "the number is too large"},
    {"unable to decode byte", NULL, "the text is not UTF-8"},
};

/* The token of "… near 'token'", or of an end of the file: an empty one. */
static void near_token(const char *said, char *token, size_t size)
{
    const char *near = strstr(said, " near '");
    size_t len = near ? strlen(near + 7) : 0;

    token[0] = '\0';
    if (len > 0 && len <= size) {
        memcpy(token, near + 7, len - 1);
        token[len - 1] = '\0';
    }
}

static const char *explain(const json_error_t *error, const char *token)
{
    if (strstr(error->text, "near end of file") && strncmp(error->text, "premature", 9) != 0)
        return "the file ends too early: a bracket or a quote is not closed";
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strncmp(error->text, hints[i].text, strlen(hints[i].text)) == 0 &&
            (!hints[i].near || strcmp(hints[i].near, token) == 0))
            return hints[i].say;
    return error->text;
}

/* jansson names the end of the token it stumbled over; people look for its beginning. */
static size_t offset_of(const json_error_t *error, const char *token, const char *text, size_t len)
{
    size_t at = error->position > 0 ? (size_t)error->position : 0, back = strlen(token);

    if (at > len)
        at = len;
    if (back <= at && memcmp(text + at - back, token, back) == 0)
        at -= back;
    return at;
}

static void report_syntax(struct config_errors *errors, const json_error_t *error, const char *text, size_t len)
{
    char token[JSON_ERROR_TEXT_LENGTH];

    /* Most of jansson's failed allocations say nothing at all. */
    if (!error->text[0] || json_error_code(error) == json_error_out_of_memory) {
        config_errors_no_memory(errors);
        return;
    }
    near_token(error->text, token, sizeof token);
    config_errors_add(errors, offset_of(error, token, text, len), "", "%s", explain(error, token));
}

static void report_duplicates(struct config_errors *errors, const struct jsonpos *tree)
{
    char path[512];

    for (size_t i = 0; i < jsonpos_count(tree); i++) {
        const struct jsonpos_node *n = jsonpos_node(tree, i);
        if (n->repeat_of)
            config_errors_add(errors, n->key_at, jsonpos_path(tree, n, path, sizeof path),
                              "duplicate key: this object has it already");
    }
}

static bool fit_to_parse(struct config_errors *errors, const char *text, size_t len)
{
    size_t at;

    if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
        config_errors_add(errors, 0, "", "the file begins with a byte order mark: save it without one");
    else if (len == 0)
        config_errors_add(errors, 0, "", "the file is empty");
    else if (jsonpos_too_deep(text, len, CONFIG_DEPTH_MAX, &at))
        config_errors_add(errors, at, "", "nested more than %d deep", CONFIG_DEPTH_MAX);
    else
        return true;
    return false;
}

static void read_text(struct config *config, struct config_errors *errors, const char *text, size_t len)
{
    struct value document = {.errors = errors};
    struct jsonpos *tree = NULL;
    json_error_t error;

    if (!fit_to_parse(errors, text, len))
        return;
    document.json = json_loadb(text, len, 0, &error);
    /* A failed allocation can look like a syntax error. One that is still there on the second look is one. */
    if (!document.json)
        document.json = json_loadb(text, len, 0, &error);
    if (!document.json) {
        report_syntax(errors, &error, text, len);
    } else if (jsonpos_scan(text, len, &tree) < 0) {
        config_errors_no_memory(errors);
    } else {
        document.tree = tree;
        document.at = jsonpos_node(tree, 0);
        report_duplicates(errors, tree);
        config_read(config, &document);
    }
    jsonpos_free(tree);
    json_decref(document.json);
}

int config_parse(const char *text, size_t len, const char *name, struct config **ret, struct config_errors *errors)
{
    struct config *config = calloc(1, sizeof *config);
    int r;

    config_errors_begin(errors, name);
    if (config)
        config->path = strdup(name);
    if (config && config->path)
        read_text(config, errors, text, len);
    else
        config_errors_no_memory(errors);
    r = config_errors_end(errors, text, len);
    if (r < 0)
        config_free(config);
    else
        *ret = config;
    return r;
}

/* The whole of a descriptor, CONFIG_FILE_MAX bytes at most; a pipe's length is known only at its end. */
static int read_all(int fd, char **ret, size_t *ret_len)
{
    size_t cap = 16384, len = 0;
    char *text = malloc(cap);

    while (text) {
        ssize_t n = read(fd, text + len, cap - len);
        if (n == 0) {
            *ret = text;
            *ret_len = len;
            return 0;
        }
        if (n < 0 && errno == EINTR)
            continue;
        int r = n < 0 ? -errno : (len += (size_t)n) > CONFIG_FILE_MAX ? -EFBIG : 0;
        char *grown = r == 0 && len == cap ? realloc(text, cap *= 2) : text;
        if (r < 0 || !grown) {
            free(text);
            return r < 0 ? r : -ENOMEM;
        }
        text = grown;
    }
    return -ENOMEM;
}

/* What anyone can write is no order from the owner: as root it would hand this machine to everyone on it. */
static bool anyone_can_write(int fd)
{
    struct stat st;

    return geteuid() == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH);
}

static int refuse(struct config_errors *errors, const char *name, int r)
{
    config_errors_begin(errors, name);
    if (r == -EPERM)
        config_errors_add(errors, ERROR_NOWHERE, "",
                          "everyone can write to this file: taskd does not obey it as root "
                          "(chmod o-w makes it safe)");
    else if (r == -EFBIG)
        config_errors_add(errors, ERROR_NOWHERE, "", "larger than %d MiB", CONFIG_FILE_MAX >> 20);
    else
        config_errors_add(errors, ERROR_NOWHERE, "", "%s", strerror(-r));
    config_errors_end(errors, NULL, 0);
    return r == -EPERM || r == -EFBIG ? -EINVAL : r;
}

int config_load(const char *path, struct config **ret, struct config_errors *errors)
{
    bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "<stdin>" : path;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = NULL;
    size_t len = 0;
    int r = fd < 0 ? -errno : anyone_can_write(fd) ? -EPERM : read_all(fd, &text, &len);

    if (fd >= 0 && !standard_input)
        close(fd);
    if (r < 0)
        return refuse(errors, name, r);
    r = config_parse(text, len, name, ret, errors);
    free(text);
    return r;
}
