#include "taskd/logring.h"

#include <stdlib.h>
#include <string.h>

enum { HALF = LOGRING_SIZE / 2 };

/* A line as it is kept; behind it the handle, unit, fields, each with its NUL and all of them empty where there is
 * none, then the text. */
struct kept {
    int64_t time_ms;
    unsigned size, text_len;
    int level;
    bool more, has_unit, has_fields;
};

struct half {
    char *data;
    size_t used;
};

struct logring {
    struct half halves[2];
    int current;
};

struct logring *logring_new(void)
{
    return calloc(1, sizeof(struct logring));
}

void logring_free(struct logring *r)
{
    if (!r)
        return;
    free(r->halves[0].data);
    free(r->halves[1].data);
    free(r);
}

static char *put(char *at, const char *s, size_t len)
{
    memcpy(at, s, len);
    at[len] = '\0';
    return at + len + 1;
}

/* Room for `size` bytes, in the half that is being filled or in the other one. NULL when memory is out. */
static char *take(struct logring *r, size_t size)
{
    struct half *h = &r->halves[r->current];

    if (h->used + size > HALF) {
        r->current = !r->current;
        h = &r->halves[r->current];
        h->used = 0;
    }
    if (!h->data)
        h->data = malloc(HALF);
    if (!h->data)
        return NULL;
    h->used += size;
    return h->data + h->used - size;
}

static size_t bounded(const char *s, size_t max)
{
    return s ? strnlen(s, max) : 0;
}

void logring_put(struct logring *r, const struct logline *l)
{
    size_t handle = bounded(l->handle, LOGLINE_UNIT_MAX), unit = bounded(l->unit, LOGLINE_UNIT_MAX);
    size_t fields = l->fields ? strlen(l->fields) : 0;
    struct kept k = {.time_ms = l->time_ms, .level = l->level, .more = l->more, .has_unit = l->unit != NULL};
    char *at;

    /* Half a JSON text is none. */
    fields = fields > LOGRING_LINE_MAX ? 0 : fields;
    k.has_fields = fields > 0;
    k.text_len = (unsigned)l->len;
    if (l->len > LOGRING_LINE_MAX) {
        k.text_len = LOGRING_LINE_MAX;
        k.more = true;
    }
    k.size = (unsigned)(sizeof k + handle + unit + fields + 3 + k.text_len + 1);
    at = take(r, k.size);
    if (!at)
        return;
    memcpy(at, &k, sizeof k);
    at = put(at + sizeof k, l->handle ? l->handle : "", handle);
    at = put(at, l->unit ? l->unit : "", unit);
    at = put(at, l->fields ? l->fields : "", fields);
    put(at, l->text, k.text_len);
}

/* The line at `at`; its size is returned. */
static size_t read_line(const char *at, struct logline *ret)
{
    struct kept k;
    const char *handle = at + sizeof k, *unit, *fields;

    memcpy(&k, at, sizeof k);
    unit = handle + strlen(handle) + 1;
    fields = unit + strlen(unit) + 1;
    *ret = (struct logline){.time_ms = k.time_ms,
                            .handle = handle,
                            .unit = k.has_unit ? unit : NULL,
                            .level = k.level,
                            .more = k.more,
                            .fields = k.has_fields ? fields : NULL,
                            .text = fields + strlen(fields) + 1,
                            .len = k.text_len};
    return k.size;
}

struct walk {
    logring_want *want;
    logring_each *each;
    void *arg;
    size_t skip, seen;
};

static void visit(struct walk *w, const struct logline *l)
{
    if (w->want && !w->want(w->arg, l))
        return;
    if (w->seen++ >= w->skip && w->each)
        w->each(w->arg, l);
}

static void walk(const struct logring *r, struct walk *w)
{
    struct logline l;

    w->seen = 0;
    for (int i = 1; i >= 0; i--) {
        const struct half *h = &r->halves[i ? !r->current : r->current];
        for (size_t at = 0; at < h->used;) {
            at += read_line(h->data + at, &l);
            visit(w, &l);
        }
    }
}

void logring_last(const struct logring *r, size_t count, logring_want *want, logring_each *each, void *arg)
{
    struct walk w = {.want = want, .arg = arg};

    walk(r, &w);
    w.skip = w.seen > count ? w.seen - count : 0;
    w.each = each;
    walk(r, &w);
}
