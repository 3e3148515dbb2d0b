/* Where a socket listens, as people write it: "127.0.0.1:8080", "[::1]:80", ":8080", "/run/web.sock", "unix:web.sock".
 *
 * Owner: config. Calls nothing; no name is looked up. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
    bool both; /* ":8080": all addresses of the machine, version 6 and 4; `sa` is that of version 6 */
};

/* 0, or -EINVAL and a sentence. */
int address_parse(const char *text, struct address *ret, char *why, size_t why_size);

const char *address_path(const struct address *); /* of a UNIX socket, else NULL; borrowed */

/* The same place, however it was written. */
bool address_equal(const struct address *, const struct address *);
/* Is that where this socket listens? (getsockname(2)) */
bool address_is_of(const struct address *, int fd);

/* ":8080" where the machine has no IPv6. */
struct address address_without_ipv6(const struct address *);
