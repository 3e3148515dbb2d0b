#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <string.h>

#include "taskd/http_impl.h"

/* LAST_MOMENT: at the end nobody waits for those who do not read. */
enum { BUFFER_MAX = 1 << 20, LAST_MOMENT_MS = 250 };

static struct evbuffer *output(const struct http_client *c)
{
    return bufferevent_get_output(c->bev);
}

void http_stream_begin(struct http_client *c, int status, const char *content_type,
                       const struct http_stream_hooks *hooks)
{
    http_drop_request(c);
    c->state = STREAMING;
    c->on_gone = hooks->on_gone;
    c->on_room = hooks->on_room;
    c->gone_arg = hooks->arg;
    c->close_after = c->close_after || !c->head.chunks;
    evbuffer_add_printf(output(c), "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s%s\r\n", status, http_reason(status),
                        content_type, c->head.chunks ? "Transfer-Encoding: chunked\r\n" : "",
                        c->close_after ? "Connection: close\r\n" : "");
    http_arm_deadline(c, c->server->limits.beat_ms);
}

bool http_stream_room(const struct http_client *c)
{
    return evbuffer_get_length(output(c)) < BUFFER_MAX;
}

void http_stream_write(struct http_client *c, const char *data, size_t len)
{
    c->spoken = true;
    if (c->head.chunks)
        evbuffer_add_printf(output(c), "%zx\r\n", len);
    evbuffer_add(output(c), data, len);
    if (c->head.chunks)
        evbuffer_add(output(c), "\r\n", 2);
}

void http_stream_end(struct http_client *c, const char *last)
{
    if (last)
        http_stream_write(c, last, strlen(last));
    if (c->head.chunks)
        evbuffer_add(output(c), "0\r\n\r\n", 5);
    http_drop_request(c);
    c->state = WRITING;
    c->close_after = c->close_after || !c->server->listener;
    http_arm_deadline(c, c->server->listener ? c->server->limits.idle_ms : LAST_MOMENT_MS);
    /* Where nothing is left to be sent, nothing else would say that it has been. */
    bufferevent_trigger(c->bev, EV_WRITE, (int)BEV_TRIG_IGNORE_WATERMARKS | (int)BEV_OPT_DEFER_CALLBACKS);
}

/* What is waiting to be sent is sign of life enough. */
void http_stream_beat(struct http_client *c)
{
    if (!c->spoken && evbuffer_get_length(output(c)) == 0)
        http_stream_write(c, "\n", 1);
    c->spoken = false;
    http_arm_deadline(c, c->server->limits.beat_ms);
}
