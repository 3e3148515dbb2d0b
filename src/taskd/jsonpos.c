#include "taskd/jsonpos.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jsonpos {
    struct jsonpos_node *nodes; /* in the order of the text, so a node's descendants follow it */
    size_t count, cap;
    char *keys; /* all decoded keys; they need no more room than the text has */
    size_t keys_len;
};

struct scan {
    const char *text;
    size_t len, at;
    struct jsonpos *tree;
};

static int scan_value(struct scan *s, uint32_t self);

static char peek(const struct scan *s)
{
    return s->at < s->len ? s->text[s->at] : '\0';
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->len && strchr(" \t\r\n", s->text[s->at]) && s->text[s->at])
        s->at++;
}

static void skip_string(struct scan *s)
{
    for (s->at++; s->at < s->len && s->text[s->at] != '"'; s->at++)
        if (s->text[s->at] == '\\')
            s->at++;
    s->at++;
}

/* Whatever comes next must be `c`, blanks apart. */
static int expect(struct scan *s, char c)
{
    skip_blanks(s);
    if (peek(s) != c)
        return -EINVAL;
    s->at++;
    return 0;
}

static void skip_comma(struct scan *s)
{
    skip_blanks(s);
    if (peek(s) == ',')
        s->at++;
    skip_blanks(s);
}

static int node_add(struct scan *s, uint32_t parent, uint32_t index, uint32_t *ret)
{
    struct jsonpos *t = s->tree;

    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct jsonpos_node *nodes = reallocarray(t->nodes, cap, sizeof *nodes);
        if (!nodes)
            return -ENOMEM;
        t->nodes = nodes;
        t->cap = cap;
    }
    *ret = (uint32_t)t->count;
    t->nodes[t->count++] =
        (struct jsonpos_node){.key_at = (uint32_t)s->at, .value_at = (uint32_t)s->at, .parent = parent, .index = index};
    return 0;
}

static const char *keep_key(struct jsonpos *t, const char *key, size_t len)
{
    char *kept = memcpy(t->keys + t->keys_len, key, len);

    kept[len] = '\0';
    t->keys_len += len + 1;
    return kept;
}

static int take_key(struct scan *s, uint32_t member)
{
    const char *quoted = s->text + s->at;
    json_t *decoded;

    skip_string(s);
    if (s->at > s->len)
        return -EINVAL;
    size_t len = (size_t)(s->text + s->at - quoted);
    if (!memchr(quoted, '\\', len)) {
        s->tree->nodes[member].key = keep_key(s->tree, quoted + 1, len - 2);
        return 0;
    }
    decoded = json_loadb(quoted, len, JSON_DECODE_ANY, NULL);
    if (!decoded)
        return -EINVAL;
    s->tree->nodes[member].key = keep_key(s->tree, json_string_value(decoded), json_string_length(decoded));
    json_decref(decoded);
    return 0;
}

static int by_name_then_place(const void *a, const void *b)
{
    const struct jsonpos_node *x = *(struct jsonpos_node *const *)a, *y = *(struct jsonpos_node *const *)b;
    int order = strcmp(x->key, y->key);

    return order ? order : (x->key_at > y->key_at) - (x->key_at < y->key_at);
}

/* Sorted by name, keys of the same name are neighbours: the first is the original, the last the one that jansson keeps.
 */
static int mark_duplicates(struct jsonpos *t, uint32_t self, size_t members)
{
    struct jsonpos_node **sorted, *first, *end = t->nodes + t->count;
    size_t n = 0;

    if (members < 2)
        return 0;
    sorted = malloc(members * sizeof(struct jsonpos_node *));
    if (!sorted)
        return -ENOMEM;
    for (struct jsonpos_node *child = t->nodes + self + 1; child < end; child += child->span)
        sorted[n++] = child;
    qsort(sorted, n, sizeof *sorted, by_name_then_place);
    first = sorted[0];
    for (size_t i = 1; i < n; i++) {
        if (strcmp(first->key, sorted[i]->key) != 0) {
            first = sorted[i];
            continue;
        }
        sorted[i]->repeat_of = (uint32_t)(first - t->nodes);
        sorted[i - 1]->shadowed = true;
    }
    free(sorted);
    return 0;
}

static int scan_member(struct scan *s, uint32_t parent, uint32_t index)
{
    uint32_t self;
    int r = node_add(s, parent, index, &self);

    if (r == 0)
        r = take_key(s, self);
    if (r == 0)
        r = expect(s, ':');
    return r < 0 ? r : scan_value(s, self);
}

static int scan_object(struct scan *s, uint32_t self)
{
    uint32_t members = 0;

    s->at++;
    for (skip_blanks(s); peek(s) == '"'; skip_comma(s)) {
        int r = scan_member(s, self, members++);
        if (r < 0)
            return r;
    }
    if (expect(s, '}') < 0)
        return -EINVAL;
    return mark_duplicates(s->tree, self, members);
}

static int scan_list(struct scan *s, uint32_t self)
{
    uint32_t elements = 0, element;

    s->at++;
    for (skip_blanks(s); s->at < s->len && peek(s) != ']'; skip_comma(s)) {
        int r = node_add(s, self, elements++, &element);
        if (r == 0)
            r = scan_value(s, element);
        if (r < 0)
            return r;
    }
    return expect(s, ']');
}

/* A number, true, false or null: it ends where JSON's punctuation begins. */
static int scan_word(struct scan *s)
{
    size_t start = s->at;

    while (s->at < s->len && !strchr(",:[]{}\" \t\r\n", s->text[s->at]))
        s->at++;
    return s->at > start ? 0 : -EINVAL;
}

static int scan_value(struct scan *s, uint32_t self)
{
    int r = 0;

    skip_blanks(s);
    s->tree->nodes[self].value_at = (uint32_t)s->at;
    if (!s->tree->nodes[self].key)
        s->tree->nodes[self].key_at = (uint32_t)s->at;
    switch (peek(s)) {
    case '{':
        r = scan_object(s, self);
        break;
    case '[':
        r = scan_list(s, self);
        break;
    case '"':
        skip_string(s);
        r = s->at <= s->len ? 0 : -EINVAL;
        break;
    default:
        r = scan_word(s);
    }
    s->tree->nodes[self].span = (uint32_t)(s->tree->count - self);
    return r;
}

int jsonpos_scan(const char *text, size_t len, struct jsonpos **ret)
{
    struct scan s = {.text = text, .len = len};
    uint32_t root;
    int r = -ENOMEM;

    if (len >= UINT32_MAX)
        return -EFBIG;
    s.tree = calloc(1, sizeof *s.tree);
    if (!s.tree)
        return -ENOMEM;
    s.tree->keys = malloc(len + 1);
    if (s.tree->keys)
        r = node_add(&s, 0, 0, &root);
    if (r == 0)
        r = scan_value(&s, root);
    if (r < 0) {
        jsonpos_free(s.tree);
        return r;
    }
    *ret = s.tree;
    return 0;
}

void jsonpos_free(struct jsonpos *t)
{
    if (!t)
        return;
    free(t->nodes);
    free(t->keys);
    free(t);
}

size_t jsonpos_count(const struct jsonpos *t)
{
    return t->count;
}

const struct jsonpos_node *jsonpos_node(const struct jsonpos *t, size_t number)
{
    return &t->nodes[number];
}

const struct jsonpos_node *jsonpos_child(const struct jsonpos_node *parent, const struct jsonpos_node *child)
{
    const struct jsonpos_node *next = child ? child + child->span : parent + 1;

    return next < parent + parent->span ? next : NULL;
}

static bool is_plain(const char *key)
{
    for (const char *c = key; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_-$", *c))
            return false;
    return *key != '\0';
}

static size_t append_path(const struct jsonpos *t, const struct jsonpos_node *n, char *out, size_t size)
{
    size_t used;
    int added;

    if (n == t->nodes)
        return 0;
    used = append_path(t, &t->nodes[n->parent], out, size);
    if (used >= size)
        return used;
    if (!n->key)
        added = snprintf(out + used, size - used, "[%u]", n->index);
    else if (is_plain(n->key))
        added = snprintf(out + used, size - used, "%s%s", used ? "." : "", n->key);
    else
        added = snprintf(out + used, size - used, "[\"%s\"]", n->key);
    return used + (added > 0 ? (size_t)added : 0);
}

char *jsonpos_path(const struct jsonpos *t, const struct jsonpos_node *n, char *out, size_t out_size)
{
    out[0] = '\0';
    append_path(t, n, out, out_size);
    return out;
}

bool jsonpos_too_deep(const char *text, size_t len, size_t max, size_t *ret_at)
{
    struct scan s = {.text = text, .len = len};
    size_t depth = 0;

    while (s.at < len) {
        char c = text[s.at];
        if (c == '"') {
            skip_string(&s);
            continue;
        }
        if ((c == '{' || c == '[') && ++depth > max) {
            *ret_at = s.at;
            return true;
        }
        if ((c == '}' || c == ']') && depth > 0)
            depth--;
        s.at++;
    }
    return false;
}

void jsonpos_advance(const char *text, size_t len, size_t offset, struct jsonpos_place *place)
{
    for (; place->offset < offset && place->offset < len; place->offset++) {
        char c = text[place->offset];
        bool continues_character = ((unsigned char)c & 0xC0) == 0x80;
        if (c == '\n') {
            place->line++;
            place->column = 1;
        } else if (!continues_character) {
            place->column++;
        }
    }
}
