/* The CLI's side of the control socket: one request, one JSON answer, over a blocking UNIX socket (HTTP/1.0, so that a
 * stream comes unchunked).
 *
 * Owner: the commands. Calls paths, log. */
#pragma once
#include <jansson.h>

struct client_reply {
    int status;   /* HTTP status */
    json_t *body; /* owned; NULL when there is none */
};

/* Sends METHOD PATH with `body` (borrowed, NULL: none) to the socket and reads the whole answer. timeout_ms -1: for
 * ever; it holds for the connection, too, which a daemon that is stopped does not accept. 0; -ENOENT or -ECONNREFUSED
 * when nobody listens; -ETIMEDOUT; -EACCES; -EPROTO; -ECONNRESET when the daemon went away in mid-answer. */
int client_request(const char *socket_path, const char *method, const char *path, json_t *body, int timeout_ms,
                   struct client_reply *ret);
void client_reply_free(struct client_reply *);

/* The two halves of client_request, for a caller that has something else to do meanwhile: *ret_fd becomes readable when
 * the answer comes. client_finish closes `fd` in every case. */
int client_start(const char *socket_path, const char *method, const char *path, json_t *body, int *ret_fd);
int client_finish(int fd, int timeout_ms, struct client_reply *ret);

/* A pidfd of the process that answers on `fd`; -errno. */
int client_peer_pidfd(int fd);

/* "/v1/tasks/NAME/wait": PREFIX, the name percent-encoded, SUFFIX. 0 or -ENAMETOOLONG. */
int client_path(char *out, size_t out_size, const char *prefix, const char *name, const char *suffix);

/* Prints what is wrong and what to do next on standard error: `rc` of one of the above, or, when it is 0, an answer
 * that is no 2xx. */
void client_complain(const char *socket_path, int rc, const struct client_reply *);
/* An answer that is a success. */
int client_succeeded(int rc, const struct client_reply *);
/* "code" of an answer's error, "" when it has none. */
const char *client_error_code(const struct client_reply *);

/* The same for a command: complains and returns NULL; else the body of a 2xx answer (new reference). */
json_t *client_call(const char *socket_path, const char *method, const char *path, json_t *body);

/* The socket that a command is to talk to, from --socket, the environment or the default; complains and exits 125 for a
 * path that is too long. Borrowed from static storage. */
const char *client_socket(void);
