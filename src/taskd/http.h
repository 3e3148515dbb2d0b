/* A small HTTP/1.1 server for JSON on a listening UNIX socket, with a bound on everything a client can hold.
 *
 * Why not evhttp: for a UNIX socket it ends the process when getnameinfo(3) fails, which is always on musl, answers
 * broken requests in HTML, does not notice a client that leaves while it waits, and cannot say how many there are.
 *
 * Owner: control.c. Calls libevent and http_parse. One request at a time on a connection; a client's mistake costs that
 * client its connection. A client that has not sent a whole request, or not read its reply, in `idle_ms` is closed; one
 * that waits for a reply may wait for ever, and so may one that is sent a stream. Past `clients_max` the one that has
 * been idle longest makes room. When descriptors run out accepting pauses and is tried again. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct http_server;
struct http_client;

struct http_limits {
    size_t clients_max;
    int idle_ms;
    int beat_ms; /* a stream that has been silent for so long, and at most twice that, sends an empty line */
};

/* One whole request; valid until it is answered. */
struct http_request {
    const char *method, *path, *query; /* see http_parse.h; query may be NULL */
    const char *body;                  /* NUL-terminated; "" when there is none */
    size_t body_len;
    uid_t uid; /* who the kernel says it is (SO_PEERCRED) */
};

/* Called once for each request; http_reply must follow, now or later, unless the client leaves first. */
typedef void http_request_cb(void *arg, struct http_client *, const struct http_request *);
typedef void http_gone_cb(void *arg, struct http_client *);

/* `fd` is borrowed and listens already. 0 or -errno. */
int http_server_new(struct event_base *base, int fd, const struct http_limits *limits, http_request_cb *on_request,
                    void *arg, struct http_server **ret);
void http_server_free(struct http_server *); /* NULL ok; closes every client without another word */

/* Answers and is done with the request. `body` is taken; `allow` (NULL ok) is the value of an Allow header. */
void http_reply(struct http_client *, int status, json_t *body, const char *allow);

/* The reply comes later. Should the client leave first, on_gone is called, and the client must not be touched again.
 * Should it close only its sending side, by shutdown(2), on_half is called and the reply is still owed; with on_half
 * NULL that counts as leaving. */
void http_wait(struct http_client *, http_gone_cb *on_gone, http_gone_cb *on_half, void *arg);

/* A reply that is made while it is sent: in chunks for HTTP/1.1, up to the end of the connection for HTTP/1.0.
 * The request is not valid any more once it has begun. */
struct http_stream_hooks {
    http_gone_cb *on_gone; /* the client has left and must not be touched again; not after http_stream_end */
    http_gone_cb *on_room; /* all that was written has been sent */
    void *arg;
};
void http_stream_begin(struct http_client *, int status, const char *content_type, const struct http_stream_hooks *);
/* Is less than 1 MiB waiting to be sent? Who writes only then has at most that and one piece in memory. */
bool http_stream_room(const struct http_client *);
void http_stream_write(struct http_client *, const char *data, size_t len); /* copied */
/* Done with the request, and with the client once all is sent; `last` (NULL ok) is written before. */
void http_stream_end(struct http_client *, const char *last);

/* Takes no more clients and closes those that are idle. Clients that wait still get their replies; of a stream that
 * ends from now on, only what is read at once. */
void http_server_close(struct http_server *);
size_t http_server_clients(const struct http_server *);
