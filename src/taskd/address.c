#include "taskd/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { HOST_SIZE = 128, PORT_MAX = 65535 };

#define EXAMPLES "write \"127.0.0.1:8080\", \"[::1]:8080\", \":8080\" or \"/run/web.sock\""

struct parser {
    const char *text;
    struct address *ret;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct parser *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->why, p->why_size, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static int parse_path(const struct parser *p, const char *path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&p->ret->sa;

    if (!*path)
        return refuse(p, "\"%s\" names no path", p->text);
    if (strlen(path) >= sizeof un->sun_path)
        return refuse(p, "the path is too long for a socket: %zu bytes are possible", sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    p->ret->len = sizeof *un;
    return 0;
}

static int parse_v4(const struct parser *p, const char *host, uint16_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&p->ret->sa;

    if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return refuse(p, "\"%s\" is no address in digits, and names are not looked up: " EXAMPLES, host);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    p->ret->len = sizeof *in;
    return 0;
}

/* getaddrinfo(3) knows the zone of "fe80::1%eth0". */
static int parse_v6(const struct parser *p, const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&p->ret->sa;
    struct addrinfo *found;

    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return refuse(p, "\"%s\" is no IPv6 address", host);
    memcpy(in, found->ai_addr, sizeof *in);
    freeaddrinfo(found);
    in->sin6_port = htons(port);
    p->ret->len = sizeof *in;
    return 0;
}

static int parse_both(const struct parser *p, uint16_t port)
{
    p->ret->both = true;
    return parse_v6(p, "::", port);
}

static int parse_port(const struct parser *p, const char *text, uint16_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port = digits >= 1 && digits <= 5 && !text[digits] ? strtoul(text, NULL, 10) : 0;

    if (port < 1 || port > PORT_MAX)
        return refuse(p, "\"%s\" is no port from 1 to %d", text, PORT_MAX);
    *ret = (uint16_t)port;
    return 0;
}

static int parse_internet(const struct parser *p)
{
    const char *colon = strrchr(p->text, ':'), *bracket = strchr(p->text, ']');
    size_t len = colon ? (size_t)(colon - p->text) : 0;
    char host[HOST_SIZE];
    uint16_t port = 0;
    int r;

    if (!colon && *p->text && !p->text[strspn(p->text, "0123456789")])
        return refuse(p, "\"%s\" is no address: write \":%s\" for this port of all addresses", p->text, p->text);
    if (!colon || len >= sizeof host)
        return refuse(p, "\"%s\" is no address: " EXAMPLES, p->text);
    snprintf(host, sizeof host, "%.*s", (int)len, p->text);
    if (host[0] == '[' && (!bracket || bracket + 1 != colon))
        return refuse(p, "\"%s\" has no port after a ']', as in \"[::1]:8080\"", p->text);
    if (host[0] != '[' && strchr(host, ':'))
        return refuse(p, "an IPv6 address stands in brackets, as in \"[::1]:8080\"");
    r = parse_port(p, colon + 1, &port);
    if (r < 0)
        return r;
    if (len == 0)
        return parse_both(p, port);
    if (host[0] != '[')
        return parse_v4(p, host, port);
    host[len - 1] = '\0';
    return parse_v6(p, host + 1, port);
}

int address_parse(const char *text, struct address *ret, char *why, size_t why_size)
{
    struct address a = {0};
    struct parser p = {.text = text, .ret = &a, .why = why, .why_size = why_size};
    int r;

    if (strncmp(text, "unix:", 5) == 0)
        r = parse_path(&p, text + 5);
    else if (*text == '/' || *text == '.')
        r = parse_path(&p, text);
    else
        r = parse_internet(&p);
    if (r == 0)
        *ret = a;
    return r;
}

const char *address_path(const struct address *a)
{
    return a->sa.ss_family == AF_UNIX ? ((const struct sockaddr_un *)(const void *)&a->sa)->sun_path : NULL;
}

static bool same_v6(const struct address *a, const struct address *b)
{
    const struct sockaddr_in6 *x = (const void *)&a->sa, *y = (const void *)&b->sa;

    return x->sin6_port == y->sin6_port && x->sin6_scope_id == y->sin6_scope_id && a->both == b->both &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
}

static bool same_v4(const struct address *a, const struct address *b)
{
    const struct sockaddr_in *x = (const void *)&a->sa, *y = (const void *)&b->sa;

    return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (a->sa.ss_family != b->sa.ss_family)
        return false;
    if (a->sa.ss_family == AF_UNIX)
        return strcmp(address_path(a), address_path(b)) == 0;
    return a->sa.ss_family == AF_INET ? same_v4(a, b) : same_v6(a, b);
}

bool address_is_of(const struct address *a, int fd)
{
    /* A UNIX path that fills its field has no NUL behind it. */
    union {
        struct address address;
        char room[sizeof(struct address) + 1];
    } bound = {.room = {0}};
    struct address plain = address_without_ipv6(a);
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&bound.address.sa;

    bound.address.len = sizeof bound.address.sa;
    if (getsockname(fd, (struct sockaddr *)&bound.address.sa, &bound.address.len) < 0)
        return false;
    /* Whether it serves version 4 as well was decided by who has made it. */
    if (bound.address.sa.ss_family == AF_INET6)
        bound.address.both = a->both && IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);
    return address_equal(a, &bound.address) || (a->both && address_equal(&plain, &bound.address));
}

struct address address_without_ipv6(const struct address *a)
{
    struct address plain = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&plain.sa;

    in->sin_family = AF_INET;
    in->sin_port = ((const struct sockaddr_in6 *)(const void *)&a->sa)->sin6_port;
    return plain;
}
