#include "taskd/http_parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t http_head_end(const char *data, size_t len)
{
    const char *p = data, *end = data + len;

    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        p++;
        if (p < end && *p == '\n')
            return (size_t)(p - data) + 1;
        if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
            return (size_t)(p - data) + 2;
    }
    return 0;
}

/* The next line of *text, NUL-terminated in place, without its CR LF; NULL at the empty line that ends a head. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *text = end + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return *line ? line : NULL;
}

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s > '~' || strchr("()<>@,;:\\\"/[]?={}", *s))
            return false;
    return true;
}

static int parse_version(const char *s, struct http_head *ret, const char **why)
{
    if (strcmp(s, "HTTP/1.1") == 0)
        ret->keep_alive = ret->chunks = true;
    else if (strcmp(s, "HTTP/1.0") != 0) {
        *why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
        return strncmp(s, "HTTP/", 5) == 0 ? 505 : 400;
    }
    return 0;
}

static int parse_target(char *target, struct http_head *ret, const char **why)
{
    char *query;

    if (*target != '/') {
        *why = "the target does not begin with a slash";
        return 400;
    }
    query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    ret->path = target;
    ret->query = query;
    return 0;
}

static int parse_request_line(char *line, struct http_head *ret, const char **why)
{
    char *target = line ? strchr(line, ' ') : NULL;
    char *version = target ? strchr(target + 1, ' ') : NULL;
    int rc;

    *why = "the request line is not METHOD TARGET VERSION";
    if (!version)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    if (!is_token(line))
        return 400;
    ret->method = line;
    rc = parse_version(version, ret, why);
    return rc ? rc : parse_target(target, ret, why);
}

static int on_content_length(struct http_head *h, const char *value, const char **why)
{
    size_t len = 0;

    *why = "Content-Length is not a number";
    if (!*value)
        return 400;
    for (; *value; value++) {
        if (*value < '0' || *value > '9')
            return 400;
        len = len * 10 + (size_t)(*value - '0');
        if (len > HTTP_BODY_MAX) {
            *why = "the body is longer than 64 KiB";
            return 413;
        }
    }
    if (h->has_length && h->body_len != len) {
        *why = "Content-Length is there twice";
        return 400;
    }
    h->body_len = len;
    h->has_length = true;
    return 0;
}

static int on_transfer_encoding(struct http_head *h, const char *value, const char **why)
{
    (void)h;
    (void)value;
    *why = "a body needs a Content-Length: transfer encodings are not spoken here";
    return 411;
}

static int on_connection(struct http_head *h, const char *value, const char **why)
{
    (void)why;
    if (strcasecmp(value, "close") == 0)
        h->keep_alive = false;
    else if (strcasecmp(value, "keep-alive") == 0)
        h->keep_alive = true;
    return 0;
}

static int on_expect(struct http_head *h, const char *value, const char **why)
{
    *why = "the only expectation that can be met is 100-continue";
    h->expects_continue = true;
    return strcasecmp(value, "100-continue") == 0 ? 0 : 417;
}

static const struct {
    const char *name;
    int (*take)(struct http_head *, const char *value, const char **why);
} fields[] = {
    {"content-length", on_content_length},
    {"transfer-encoding", on_transfer_encoding},
    {"connection", on_connection},
    {"expect", on_expect},
};

static int parse_field(char *line, struct http_head *ret, const char **why)
{
    char *value = strchr(line, ':'), *end;

    *why = "a header is not NAME: VALUE";
    if (!value)
        return 400;
    *value++ = '\0';
    if (!is_token(line))
        return 400;
    value += strspn(value, " \t");
    for (end = value + strlen(value); end > value && strchr(" \t", end[-1]); end--)
        end[-1] = '\0';
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcasecmp(line, fields[i].name) == 0)
            return fields[i].take(ret, value, why);
    return 0;
}

int http_head_parse(char *head, size_t len, struct http_head *ret, const char **ret_why)
{
    struct http_head h = {0};
    char *line;
    int rc;

    if (memchr(head, '\0', len)) {
        *ret_why = "there is a NUL byte in the head";
        return 400;
    }
    rc = parse_request_line(next_line(&head), &h, ret_why);
    while (!rc && (line = next_line(&head)))
        rc = parse_field(line, &h, ret_why);
    if (!rc)
        *ret = h;
    return rc;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return p ? (int)(p - digits) : -1;
}

bool http_unescape(char *s)
{
    char *out = s;

    for (; *s; s++) {
        int high, low;

        if (*s != '%') {
            *out++ = *s;
            continue;
        }
        high = hex_digit(s[1]);
        low = high < 0 ? -1 : hex_digit(s[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *out++ = (char)(high * 16 + low);
        s += 2;
    }
    *out = '\0';
    return true;
}

/* What stands after "key=", up to the next "&", or NULL. */
static const char *find_value(const char *query, const char *key, size_t *ret_len)
{
    size_t key_len = strlen(key);

    while (query && *query) {
        size_t len = strcspn(query, "&");

        if (len > key_len && strncmp(query, key, key_len) == 0 && query[key_len] == '=') {
            *ret_len = len - key_len - 1;
            return query + key_len + 1;
        }
        query += len + (query[len] == '&');
    }
    return NULL;
}

bool http_query_has(const char *query, const char *key)
{
    size_t len;

    return find_value(query, key, &len) != NULL;
}

bool http_query_get(const char *query, const char *key, char *out, size_t out_size)
{
    size_t len;
    const char *value = find_value(query, key, &len);

    if (!value || len >= out_size)
        return false;
    memcpy(out, value, len);
    out[len] = '\0';
    return http_unescape(out);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~@", c));
}

bool http_escape(const char *s, char *out, size_t out_size)
{
    size_t len = 0;

    for (; *s; s++) {
        size_t need = is_unreserved(*s) ? 1 : 3;

        if (len + need + 1 > out_size)
            return false;
        if (need == 1)
            out[len] = *s;
        else
            snprintf(out + len, 4, "%%%02X", (unsigned)(unsigned char)*s);
        len += need;
    }
    if (len >= out_size)
        return false;
    out[len] = '\0';
    return true;
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}
