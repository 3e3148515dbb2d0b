/* The head of a request from a client that is not trusted. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head head;
    const char *why;
    char value[64];
    size_t end = http_head_end((const char *)data, size);
    if (end == 0 || end > HTTP_HEAD_MAX)
        return 0;
    char *copy = malloc(end + 1);
    memcpy(copy, data, end);
    copy[end] = '\0';
    if (http_head_parse(copy, end, &head, &why) == 0 && head.query)
        http_query_get(head.query, "timeout", value, sizeof value);
    free(copy);
    return 0;
}
