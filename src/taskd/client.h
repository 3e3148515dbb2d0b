/* The CLI's side of the control socket: one request, one JSON answer, over a blocking UNIX socket (HTTP/1.0, so that a
 * stream comes unchunked). */
#pragma once
#include <jansson.h>

struct client_reply {
    int status;   /* HTTP status */
    json_t *body; /* owned; NULL when there is none */
};

/* Sends METHOD PATH with `body` (NULL: none) to the socket and reads the whole answer. timeout_ms -1: for ever.
 * 0; -ENOENT or -ECONNREFUSED when nobody listens; -ETIMEDOUT; -EACCES; -EPROTO; -ECONNRESET when the daemon went away in mid-answer. */
int client_request(const char *socket_path, const char *method, const char *path, json_t *body, int timeout_ms, struct client_reply *ret);
void client_reply_free(struct client_reply *);

/* The same for a command: prints what is wrong and what to do next on standard error and returns NULL; else the body of a 2xx
 * answer (new reference). */
json_t *client_call(const char *socket_path, const char *method, const char *path, json_t *body);
