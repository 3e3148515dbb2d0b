#include "taskd/config_document.h"

#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_errors.h"

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

static void report_syntax(struct config_errors *errors, size_t source, const json_error_t *error, const char *text,
                          size_t len)
{
    char token[JSON_ERROR_TEXT_LENGTH];

    /* Most of jansson's failed allocations say nothing at all. */
    if (!error->text[0] || json_error_code(error) == json_error_out_of_memory) {
        config_errors_no_memory(errors);
        return;
    }
    near_token(error->text, token, sizeof token);
    config_errors_add_in(errors, source, offset_of(error, token, text, len), "", "%s", explain(error, token));
}

static void report_duplicates(struct config_errors *errors, size_t source, const struct jsonpos *tree)
{
    char path[512];

    for (size_t i = 0; i < jsonpos_count(tree); i++) {
        const struct jsonpos_node *n = jsonpos_node(tree, i);
        if (n->repeat_of)
            config_errors_add_in(errors, source, n->key_at, jsonpos_path(tree, n, path, sizeof path),
                                 "duplicate key: this object has it already");
    }
}

static bool fit_to_parse(struct config_errors *errors, size_t source, const char *text, size_t len)
{
    size_t at;

    if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
        config_errors_add_in(errors, source, 0, "", "the file begins with a byte order mark: save it without one");
    else if (len == 0)
        config_errors_add_in(errors, source, 0, "", "the file is empty");
    else if (jsonpos_too_deep(text, len, CONFIG_DEPTH_MAX, &at))
        config_errors_add_in(errors, source, at, "", "nested more than %d deep", CONFIG_DEPTH_MAX);
    else
        return true;
    return false;
}

bool document_parse(struct document *d, struct config_errors *errors, const char *text, size_t len)
{
    json_error_t error;

    if (!fit_to_parse(errors, d->source, text, len))
        return false;
    d->json = json_loadb(text, len, 0, &error);
    /* A failed allocation can look like a syntax error. One that is still there on the second look is one. */
    if (!d->json)
        d->json = json_loadb(text, len, 0, &error);
    if (!d->json)
        report_syntax(errors, d->source, &error, text, len);
    else if (jsonpos_scan(text, len, &d->tree) < 0)
        config_errors_no_memory(errors);
    else
        report_duplicates(errors, d->source, d->tree);
    return d->json && d->tree;
}

struct value document_value(const struct document *d, struct config_errors *errors)
{
    return (struct value){.errors = errors,
                          .source = d->source,
                          .json = d->json,
                          .tree = d->tree,
                          .at = d->tree ? jsonpos_node(d->tree, 0) : NULL};
}

void document_clear(struct document *d)
{
    jsonpos_free(d->tree);
    json_decref(d->json);
    free(d->text);
    *d = (struct document){0};
}
