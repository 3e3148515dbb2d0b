#include "common/linebuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct linebuf {
    char *data;
    size_t used, cap, max;
    bool skipping; /* the rest of a line that has been handed over as cut */
};

struct linebuf *linebuf_new(size_t max)
{
    struct linebuf *b = calloc(1, sizeof *b);
    if (b)
        b->max = max;
    return b;
}

void linebuf_free(struct linebuf *b)
{
    if (!b)
        return;
    free(b->data);
    free(b);
}

static int keep(struct linebuf *b, const char *data, size_t len)
{
    if (len == 0)
        return 0;
    if (b->used + len > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->used + len)
            cap *= 2;
        char *bigger = realloc(b->data, cap);
        if (!bigger)
            return -ENOMEM;
        b->data = bigger;
        b->cap = cap;
    }
    memcpy(b->data + b->used, data, len);
    b->used += len;
    return 0;
}

/* An idle stream holds nothing. */
static void forget(struct linebuf *b)
{
    free(b->data);
    b->data = NULL;
    b->used = b->cap = 0;
}

/* Adds a piece that has no newline. What is over the bound hands the line over as cut and skips the rest of it. */
static int add_piece(struct linebuf *b, const char *data, size_t len, linebuf_cb *on_line, void *arg)
{
    if (b->skipping)
        return 0;
    size_t room = b->max - b->used;
    int r = keep(b, data, len < room ? len : room);
    if (r == 0 && len <= room)
        return 0;
    on_line(arg, b->data ? b->data : "", b->used, true);
    forget(b);
    b->skipping = true;
    return r;
}

/* A piece that a newline ends. */
static int end_line(struct linebuf *b, const char *data, size_t len, linebuf_cb *on_line, void *arg)
{
    int r = 0;
    if (b->skipping) {
        b->skipping = false;
        return 0;
    }
    if (b->used == 0 && len <= b->max) {
        on_line(arg, data, len, false);
        return 0;
    }
    r = add_piece(b, data, len, on_line, arg);
    if (!b->skipping)
        on_line(arg, b->data, b->used, false);
    b->skipping = false;
    forget(b);
    return r;
}

int linebuf_feed(struct linebuf *b, const char *data, size_t len, linebuf_cb *on_line, void *arg)
{
    int r = 0;
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t piece = newline ? (size_t)(newline - data) : len;
        int e = newline ? end_line(b, data, piece, on_line, arg) : add_piece(b, data, piece, on_line, arg);
        if (e < 0)
            r = e;
        size_t taken = piece + (newline != NULL);
        data += taken;
        len -= taken;
    }
    return r;
}

void linebuf_finish(struct linebuf *b, linebuf_cb *on_line, void *arg)
{
    if (b->used > 0)
        on_line(arg, b->data, b->used, false);
    forget(b);
    b->skipping = false;
}

size_t linebuf_pending(const struct linebuf *b)
{
    return b->used;
}
