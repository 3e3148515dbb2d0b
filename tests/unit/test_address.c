/* Where a socket listens: what people write, what it means, and what a socket says about itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"
#include "taskd/address.h"

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static struct address parse(const char *text)
{
    struct address a;
    char why[256] = "";

    ck_assert_msg(address_parse(text, &a, why, sizeof why) == 0, "%s: %s", text, why);
    return a;
}

/* "127.0.0.1 8080", "::1 80", "/path", and "both" for all addresses of either kind. */
static const char *format(const struct address *a, char *out, size_t size)
{
    const struct sockaddr_in *in = (const void *)&a->sa;
    const struct sockaddr_in6 *in6 = (const void *)&a->sa;
    char host[INET6_ADDRSTRLEN];

    if (a->sa.ss_family == AF_UNIX)
        snprintf(out, size, "%s", ((const struct sockaddr_un *)(const void *)&a->sa)->sun_path);
    else if (a->sa.ss_family == AF_INET)
        snprintf(out, size, "%s %d", inet_ntop(AF_INET, &in->sin_addr, host, sizeof host), ntohs(in->sin_port));
    else
        snprintf(out, size, "%s %d%s", inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host), ntohs(in6->sin6_port),
                 a->both ? " both" : "");
    return out;
}

static const struct {
    const char *text, *meaning;
} taken[] = {
    {"127.0.0.1:8080", "127.0.0.1 8080"},
    {"0.0.0.0:1", "0.0.0.0 1"},
    {"255.255.255.255:65535", "255.255.255.255 65535"},
    {"127.0.0.1:00080", "127.0.0.1 80"},
    {"[::]:80", ":: 80"},
    {"[::1]:8080", "::1 8080"},
    {"[2001:db8::7]:443", "2001:db8::7 443"},
    {"[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1 80"},
    {":8080", ":: 8080 both"},
    {"/run/web.sock", "/run/web.sock"},
    {"unix:/run/web.sock", "/run/web.sock"},
    {"unix:web.sock", "web.sock"},
    {"unix:1:2", "1:2"},
    {"./web.sock", "./web.sock"},
    {"../a:80", "../a:80"},
    {"/" HUNDRED "123456", "/" HUNDRED "123456"},
};

START_TEST(takes_what_people_write)
{
    struct address a = parse(taken[_i].text);
    char out[160];

    ck_assert_str_eq(format(&a, out, sizeof out), taken[_i].meaning);
    ck_assert_int_eq(address_path(&a) != NULL, a.sa.ss_family == AF_UNIX);
}
END_TEST

static const struct {
    const char *text, *why; /* a part of the sentence */
} refused[] = {
    {"", "no address"},
    {"8080", "write \":8080\""},
    {"web.sock", "\"/run/web.sock\""},
    {"127.0.0.1", "no address"},
    {"127.0.0.1:", "no port"},
    {"127.0.0.1:0", "no port"},
    {"127.0.0.1:65536", "no port"},
    {"127.0.0.1:100000", "no port"},
    {"127.0.0.1:-1", "no port"},
    {"127.0.0.1:+1", "no port"},
    {"127.0.0.1:80x", "no port"},
    {"127.0.0.1: 80", "no port"},
    {"127.0.0.1:http", "no port"},
    {":", "no port"},
    {"127.1:80", "in digits"},
    {"127.0.0.1.2:80", "in digits"},
    {"127.0.0.256:80", "in digits"},
    {"*:80", "in digits"},
    {"localhost:80", "not looked up"},
    {"127.0.0.1:80/x", "no port"},
    {"::1:80", "brackets"},
    {"1::2:80", "brackets"},
    {"[::1]", "after a ']'"},
    {"[::1]80", "after a ']'"},
    {"[::1]:", "no port"},
    {"[::1:80", "after a ']'"},
    {"[]:80", "no IPv6"},
    {"[127.0.0.1]:80", "no IPv6"},
    {"[::g]:80", "no IPv6"},
    {"[localhost]:80", "no IPv6"},
    {"[::1]x:80", "after a ']'"},
    {HUNDRED HUNDRED ":80", "no address"},
    {"unix:", "no path"},
    {"/" HUNDRED "1234567", "107 bytes"},
};

START_TEST(refuses_the_rest)
{
    struct address a = {.len = 7};
    char why[256] = "";

    ck_assert_int_eq(address_parse(refused[_i].text, &a, why, sizeof why), -EINVAL);
    ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s: %s", refused[_i].text, why);
    ck_assert_uint_eq(a.len, 7);
}
END_TEST

static const struct {
    const char *a, *b;
    bool same;
} pairs[] = {
    {"127.0.0.1:80", "127.0.0.1:080", true},
    {"127.0.0.1:80", "127.0.0.1:81", false},
    {"127.0.0.1:80", "127.0.0.2:80", false},
    {"[::1]:80", "[0:0::1]:80", true},
    {"[::1]:80", "[::2]:80", false},
    {"[::1]:80", "[::1]:81", false},
    {"0.0.0.0:80", "[::]:80", false},
    {":80", ":80", true},
    {":80", "[::]:80", false},
    {":80", "0.0.0.0:80", false},
    {"/run/x", "unix:/run/x", true},
    {"/run/x", "/run/y", false},
    {"/run/x", "127.0.0.1:80", false},
};

START_TEST(knows_what_is_the_same)
{
    struct address a = parse(pairs[_i].a), b = parse(pairs[_i].b);

    ck_assert_int_eq(address_equal(&a, &b), pairs[_i].same);
    ck_assert_int_eq(address_equal(&b, &a), pairs[_i].same);
}
END_TEST

/* A socket that is bound to `text`; -1 where this machine has no such family. */
static int bound_to(const char *text)
{
    struct address a = parse(text);
    int fd = socket(a.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a.sa, a.len) == 0)
        return fd;
    close(fd);
    return -1;
}

START_TEST(a_socket_says_where_it_listens)
{
    char dir[] = "/tmp/test-address-XXXXXX", path[64], other[64];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(other, sizeof other, "%s/t", dir);
    int fd = bound_to(path);
    struct address here = parse(path), there = parse(other), tcp = parse(":80");
    ck_assert_int_ge(fd, 0);
    ck_assert(address_is_of(&here, fd));
    ck_assert(!address_is_of(&there, fd));
    ck_assert(!address_is_of(&tcp, fd));
    close(fd);
    ck_assert(!address_is_of(&here, fd));
    unlink(path);
    rmdir(dir);
}
END_TEST

START_TEST(a_port_of_all_addresses_is_found_without_ipv6)
{
    struct address all = {0}, v4 = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof in;
    char text[32];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&in, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    snprintf(text, sizeof text, ":%d", ntohs(in.sin_port));
    all = parse(text);
    v4 = address_without_ipv6(&all);
    ck_assert(address_is_of(&all, fd));
    ck_assert(address_is_of(&v4, fd));
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(in.sin_port));
    all = parse(text);
    ck_assert(!address_is_of(&all, fd));
    close(fd);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, takes_what_people_write, 0, sizeof taken / sizeof *taken);
    tcase_add_loop_test(tc, refuses_the_rest, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(tc, knows_what_is_the_same, 0, sizeof pairs / sizeof *pairs);
    tcase_add_test(tc, a_socket_says_where_it_listens);
    tcase_add_test(tc, a_port_of_all_addresses_is_found_without_ipv6);
}

int main(void)
{
    return suite_run("address", (void (*const[])(TCase *)){add, NULL});
}
