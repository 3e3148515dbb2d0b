/* PURE: the head of an HTTP/1 request taken apart, with nothing that we do not need and a bound on everything.
 *
 * Owner: http.c. Calls nothing. Statuses are HTTP's own, so that the answer to a bad request is decided here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEAD_MAX = 8 * 1024,
    HTTP_BODY_MAX = 64 * 1024,
};

/* Points into the text that was parsed. */
struct http_head {
    const char *method, *path; /* the path is as it was sent: percent-encoded */
    const char *query;         /* after the "?", or NULL */
    size_t body_len;
    bool has_length;
    bool keep_alive;
    bool chunks; /* HTTP/1.1: an answer of unknown length may come in chunks */
    bool expects_continue;
};

/* Where the head in data[0..len) ends (just past the empty line), or 0 when it is not complete yet. */
size_t http_head_end(const char *data, size_t len);

/* Takes apart a complete head, writing NULs into it. 0, or the HTTP status of what is wrong with it, a sentence in
 * *ret_why. */
int http_head_parse(char *head, size_t len, struct http_head *ret, const char **ret_why);

/* Percent-decodes in place. False for a broken escape or an encoded NUL. */
bool http_unescape(char *s);

bool http_query_has(const char *query, const char *key); /* "key=", whatever its value */
/* The value of `key` in a query ("a=1&b=2"), decoded into `out`. False when it is absent, broken or too long. */
bool http_query_get(const char *query, const char *key, char *out, size_t out_size);
/* Percent-encodes everything but unreserved characters, so that any name fits one segment of a path. NUL-terminated;
 * false when it does not fit. */
bool http_escape(const char *s, char *out, size_t out_size);

const char *http_reason(int status);
