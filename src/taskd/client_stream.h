/* The CLI's side of an answer without an end: lines, one after the other, over a blocking UNIX socket.
 *
 * Owner: the commands. Calls client. */
#pragma once
#include "common/linebuf.h"
#include "taskd/client.h"

struct client_stream;

/* GET PATH. 0 and *ret; 1 when the answer is no stream but a refusal: it is in *refusal; or what client_request
 * returns.
 */
int client_stream_open(const char *socket_path, const char *path, struct client_stream **ret,
                       struct client_reply *refusal);
void client_stream_free(struct client_stream *); /* NULL ok */

/* Waits for more and hands over its lines; empty ones, which only say that the other side is there, are left out. 1; 0
 * at the end; -EINTR after a signal; -errno. */
int client_stream_read(struct client_stream *, linebuf_cb *on_line, void *arg);
