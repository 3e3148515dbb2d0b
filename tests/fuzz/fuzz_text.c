/* Durations, sizes, bytes for terminals and JSON: what is accepted must survive the way back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[64], *text = text_to_utf8((const char *)data, size);
    int64_t n, again;
    check(text_is_utf8(text, strlen(text)));
    if (duration_parse(text, &n) == 0 && n > 0)
        check(duration_parse(duration_format(n, out, sizeof out), &again) == 0 && again == n);
    if (size_parse(text, &n) == 0)
        check(size_parse(size_format(n, out, sizeof out), &again) == 0 && again == n);
    text_printable((const char *)data, size, out, sizeof out);
    check(strlen(out) < sizeof out && text_is_utf8(out, strlen(out)));
    text_width(text);
    free(text);
    return 0;
}
