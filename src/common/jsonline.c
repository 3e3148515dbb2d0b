#include "common/jsonline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int jsonline_depth_ok(const char *text, size_t len, size_t max)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max)
                return 0;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return 1;
}

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t why_size, const char *fmt, ...)
{
    va_list ap;
    if (!why)
        return -EINVAL;
    va_start(ap, fmt);
    vsnprintf(why, why_size, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

int jsonline_decode(const char *text, size_t len, json_t **ret, char *why, size_t why_size)
{
    json_error_t error;
    const char *nul = memchr(text, '\0', len);
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return refuse(why, why_size, "a byte order mark at byte 0");
    if (nul)
        return refuse(why, why_size, "a NUL at byte %zu", (size_t)(nul - text));
    if (!jsonline_depth_ok(text, len, JSONLINE_DEPTH))
        return refuse(why, why_size, "nested more than %d deep", JSONLINE_DEPTH);
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    if (!value)
        return refuse(why, why_size, "%s at byte %d", error.text, error.position);
    if (!json_is_object(value)) {
        json_decref(value);
        return refuse(why, why_size, "not an object at byte 0");
    }
    *ret = value;
    return 0;
}
