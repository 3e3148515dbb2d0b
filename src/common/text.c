#include "common/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* The length of the character at s and its code point; 0 for bytes that are not UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t decode(const unsigned char *s, size_t len, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *ret = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || len < n)
        return 0;
    uint32_t c = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (c < least[n] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF)
        return 0;
    *ret = c;
    return n;
}

bool text_is_utf8(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c;
    while (len > 0) {
        size_t n = decode(p, len, &c);
        if (n == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

char *text_to_utf8(const char *s, size_t len)
{
    char *out = malloc(3 * len + 1), *to = out;
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c;
    if (!out)
        return NULL;
    while (len > 0) {
        size_t n = decode(p, len, &c);
        if (n == 0 || c == 0) {
            memcpy(to, REPLACEMENT, 3);
            to += 3;
            n = 1;
        } else {
            memcpy(to, p, n);
            to += n;
        }
        p += n;
        len -= n;
    }
    *to = '\0';
    return out;
}

/* What could move a cursor, ring a bell or turn text around. */
static bool unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C;
}

/* The printable form of one character, or of one bad byte (n == 0). */
static size_t one_printable(const unsigned char *p, size_t n, uint32_t c, char out[16])
{
    if (n > 0 && !unsafe(c)) {
        memcpy(out, p, n);
        return n;
    }
    if (n == 1 && (c == '\n' || c == '\t' || c == '\r')) {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        return 2;
    }
    return (size_t)snprintf(out, 16, n > 1 ? "\\u{%04X}" : "\\x%02X", n > 1 ? c : *p);
}

char *text_printable(const char *s, size_t len, char *out, size_t out_size)
{
    static const char cut[] = "...";
    const unsigned char *p = (const unsigned char *)s;
    size_t at = 0, fits = 0; /* fits: where "..." still has room */
    char one[16];
    while (len > 0) {
        uint32_t c = 0;
        size_t n = decode(p, len, &c), m = one_printable(p, n, c, one);
        if (at + m + 1 > out_size) {
            if (out_size >= sizeof cut)
                memcpy(out + fits, cut, sizeof cut);
            else if (out_size > 0)
                out[0] = '\0';
            return out;
        }
        memcpy(out + at, one, m);
        at += m;
        if (at + sizeof cut <= out_size)
            fits = at;
        n = n ? n : 1;
        p += n;
        len -= n;
    }
    if (out_size > 0)
        out[at] = '\0';
    return out;
}

struct range {
    uint32_t first, last;
};

static bool within(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* The blocks that matter for file names; Unicode's own table is a hundred times as long. */
static size_t width(uint32_t c)
{
    static const struct range none[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
                                        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF},
                                        {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct range two[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0x33FF}, {0x3400, 0x4DBF},
                                       {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},  {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
                                       {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if (within(none, sizeof none / sizeof *none, c))
        return 0;
    return within(two, sizeof two / sizeof *two, c) ? 2 : 1;
}

size_t text_width(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t left = strlen(s), columns = 0;
    while (left > 0) {
        uint32_t c = 0;
        size_t n = decode(p, left, &c);
        columns += n ? width(c) : 1;
        n = n ? n : 1;
        p += n;
        left -= n;
    }
    return columns;
}

enum { WORD_MAX_LEN = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, with one row of the table kept. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX_LEN + 1], la = strlen(a), lb = strlen(b);
    if (la > WORD_MAX_LEN || lb > WORD_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[lb];
}

const char *text_nearest(const char *word, const char *const *known)
{
    const char *best = NULL;
    size_t limit = strlen(word) / 3 + 1, best_distance = SIZE_MAX;
    for (; *known; known++) {
        size_t d = distance(word, *known);
        if (d <= limit && d < best_distance && d < strlen(*known)) {
            best = *known;
            best_distance = d;
        }
    }
    return best;
}
