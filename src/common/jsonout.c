#include "common/jsonout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static bool room(struct jsonout *o, size_t more)
{
    if (o->failed)
        return false;
    if (o->len + more <= o->cap)
        return true;
    size_t cap = o->cap ? o->cap : 256;
    while (cap < o->len + more)
        cap *= 2;
    char *data = realloc(o->data, cap);
    if (!data) {
        o->failed = true;
        return false;
    }
    o->data = data;
    o->cap = cap;
    return true;
}

static void put(struct jsonout *o, const char *s, size_t len)
{
    if (!room(o, len))
        return;
    memcpy(o->data + o->len, s, len);
    o->len += len;
}

static void put_text(struct jsonout *o, const char *s)
{
    put(o, s, strlen(s));
}

static void put_escape(struct jsonout *o, unsigned char c)
{
    char escape[8];
    switch (c) {
    case '"':
        put_text(o, "\\\"");
        break;
    case '\\':
        put_text(o, "\\\\");
        break;
    case '\n':
        put_text(o, "\\n");
        break;
    default:
        snprintf(escape, sizeof escape, "\\u%04x", c);
        put_text(o, escape);
    }
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* Bytes at the beginning of `s` that are written as they are, whatever stands behind them. */
static size_t plain_ascii(const char *s)
{
    size_t n = 0;
    while ((unsigned char)s[n] < 0x80 && plain((unsigned char)s[n]))
        n++;
    return n;
}

/* `s` is UTF-8. */
static void put_quoted(struct jsonout *o, const char *s)
{
    put(o, "\"", 1);
    while (*s) {
        size_t n = 0;
        while (s[n] && plain((unsigned char)s[n]))
            n++;
        put(o, s, n);
        s += n;
        if (*s)
            put_escape(o, (unsigned char)*s++);
    }
    put(o, "\"", 1);
}

static void put_plain(struct jsonout *o, const char *s, size_t len)
{
    if (!room(o, len + 2))
        return;
    o->data[o->len++] = '"';
    memcpy(o->data + o->len, s, len);
    o->len += len;
    o->data[o->len++] = '"';
}

static void put_clean(struct jsonout *o, const char *s, size_t len)
{
    char *clean = text_to_utf8(s, len);
    if (!clean) {
        o->failed = true;
        return;
    }
    put_quoted(o, clean);
    free(clean);
}

static void put_string(struct jsonout *o, const char *s)
{
    size_t len = plain_ascii(s);
    if (!s[len]) { /* nearly always: this is the hot path of a worker with small units */
        put_plain(o, s, len);
        return;
    }
    len += strlen(s + len);
    if (text_is_utf8(s, len)) {
        put_quoted(o, s);
        return;
    }
    put_clean(o, s, len);
}

/* Bytes that are not NUL-terminated, or hold NUL. */
static void put_bytes(struct jsonout *o, const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && (unsigned char)s[n] < 0x80 && plain((unsigned char)s[n]))
        n++;
    if (n == len)
        put_plain(o, s, len);
    else
        put_clean(o, s, len);
}

static void put_key(struct jsonout *o, const char *key)
{
    if (o->len > 0 && o->data[o->len - 1] != '{')
        put(o, ",", 1);
    put_string(o, key);
    put(o, ":", 1);
}

void jsonout_begin(struct jsonout *o)
{
    o->len = 0;
    o->failed = false;
    put(o, "{", 1);
}

void jsonout_string(struct jsonout *o, const char *key, const char *value)
{
    put_key(o, key);
    if (value)
        put_string(o, value);
    else
        put_text(o, "null");
}

void jsonout_bytes(struct jsonout *o, const char *key, const char *value, size_t len)
{
    put_key(o, key);
    put_bytes(o, value, len);
}

void jsonout_int(struct jsonout *o, const char *key, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    jsonout_raw(o, key, digits);
}

void jsonout_bool(struct jsonout *o, const char *key, bool value)
{
    jsonout_raw(o, key, value ? "true" : "false");
}

void jsonout_raw(struct jsonout *o, const char *key, const char *json)
{
    put_key(o, key);
    put_text(o, json);
}

void jsonout_open(struct jsonout *o, const char *key)
{
    jsonout_raw(o, key, "{");
}

void jsonout_close(struct jsonout *o)
{
    put(o, "}", 1);
}

const char *jsonout_line(struct jsonout *o, size_t *ret_len)
{
    put(o, "}\n", 2);
    if (o->failed)
        return NULL;
    *ret_len = o->len;
    return o->data;
}

void jsonout_free(struct jsonout *o)
{
    free(o->data);
    *o = (struct jsonout){0};
}
