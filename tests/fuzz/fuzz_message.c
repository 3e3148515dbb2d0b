/* A worker's lines: the splitter and the decoder, with a small bound so that cuts happen. */
#include <stddef.h>
#include <stdint.h>

#include "common/linebuf.h"
#include "taskd/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *arg, const char *line, size_t len, bool cut)
{
    struct message m;
    char why[200];
    (void)arg;
    if (!cut && message_decode(line, len, &m, why, sizeof why) == 0)
        message_clear(&m);
    message_is_foreign(line, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct linebuf *lines = linebuf_new(512);
    size_t half = size / 2;
    linebuf_feed(lines, (const char *)data, half, on_line, NULL);
    linebuf_feed(lines, (const char *)data + half, size - half, on_line, NULL);
    linebuf_finish(lines, on_line, NULL);
    linebuf_free(lines);
    return 0;
}
