#include "taskd/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "taskd/http_impl.h"
#include "taskd/log.h"

enum { ACCEPT_PAUSE_MS = 100, COMPLAIN_EVERY_S = 10 };

static struct timeval to_timeval(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L};
}

/* A flood of clients must not become a flood of lines. */
static bool may_complain(struct http_server *s)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (s->complained && now.tv_sec - s->complained < COMPLAIN_EVERY_S)
        return false;
    s->complained = now.tv_sec;
    return true;
}

void http_drop_request(struct http_client *c)
{
    free(c->head_text);
    free(c->body_text);
    c->head_text = c->body_text = NULL;
    c->have_head = false;
    c->on_gone = c->on_half = c->on_room = NULL;
}

static void client_free(struct http_client *c)
{
    if (c->on_gone)
        c->on_gone(c->gone_arg, c);
    http_drop_request(c);
    list_remove(&c->link);
    c->server->count--;
    if (c->deadline)
        event_free(c->deadline);
    if (c->bev)
        bufferevent_free(c->bev);
    free(c);
}

void http_arm_deadline(struct http_client *c, int ms)
{
    struct timeval tv = to_timeval(ms);

    event_add(c->deadline, &tv);
}

static void enter_reading(struct http_client *c)
{
    http_drop_request(c);
    c->state = READING;
    list_remove(&c->link);
    list_append(&c->server->clients, &c->link);
    http_arm_deadline(c, c->server->limits.idle_ms);
}

static json_t *error_body(const char *code, const char *message)
{
    return json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
}

/* The request cannot be understood, so where the next one would begin is unknown, too: answer and close. */
static void refuse(struct http_client *c, int status, const char *why)
{
    c->close_after = true;
    http_reply(c, status, error_body(status == 413 || status == 431 ? "too_large" : "bad_request", why), NULL);
}

static bool take_head(struct http_client *c, struct evbuffer *in)
{
    size_t have = evbuffer_get_length(in), look = have < HTTP_HEAD_MAX ? have : HTTP_HEAD_MAX, len;
    const char *data = (const char *)evbuffer_pullup(in, (ev_ssize_t)look);
    const char *why = "";
    int status;

    len = data ? http_head_end(data, look) : 0;
    if (len == 0) {
        if (have >= HTTP_HEAD_MAX)
            refuse(c, 431, "the head of the request is longer than 8 KiB");
        return false;
    }
    c->head_text = calloc(1, len + 1);
    if (!c->head_text) {
        refuse(c, 503, "out of memory");
        return false;
    }
    evbuffer_remove(in, c->head_text, len);
    status = http_head_parse(c->head_text, len, &c->head, &why);
    if (status) {
        refuse(c, status, why);
        return false;
    }
    c->have_head = true;
    if (c->head.expects_continue)
        evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
    return true;
}

static bool take_body(struct http_client *c, struct evbuffer *in)
{
    if (evbuffer_get_length(in) < c->head.body_len)
        return false;
    c->body_text = calloc(1, c->head.body_len + 1);
    if (!c->body_text) {
        refuse(c, 503, "out of memory");
        return false;
    }
    evbuffer_remove(in, c->body_text, c->head.body_len);
    return true;
}

static void read_request(struct http_client *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    if (c->state != READING || (!c->have_head && !take_head(c, in)) || !take_body(c, in))
        return;
    c->state = BUSY;
    event_del(c->deadline);
    c->close_after = !c->head.keep_alive;
    c->request = (struct http_request){
        .method = c->head.method,
        .path = c->head.path,
        .query = c->head.query,
        .body = c->body_text,
        .body_len = c->head.body_len,
        .uid = c->uid,
    };
    c->server->on_request(c->server->arg, c, &c->request);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    read_request(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct http_client *c = arg;

    if (evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    if (c->state == STREAMING)
        c->on_room(c->gone_arg, c);
    if (c->state != WRITING || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    if (c->close_after) {
        client_free(c);
        return;
    }
    enter_reading(c);
    read_request(c);
}

/* The client can still read: it has closed its sending side alone. */
static bool still_listens(const struct http_client *c)
{
    struct pollfd p = {.fd = bufferevent_getfd(c->bev)};

    return poll(&p, 1, 0) == 0;
}

/* Who closes its side while we owe it a reply has left, or says so; who does so while the reply is on its way may just
 * have said all. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct http_client *c = arg;
    bool half = (what & BEV_EVENT_EOF) && c->state == BUSY && c->on_half && still_listens(c);

    (void)bev;
    if (half || ((what & BEV_EVENT_EOF) && c->state == WRITING))
        c->close_after = true;
    else
        client_free(c);
    if (half)
        c->on_half(c->gone_arg, c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;

    (void)fd;
    (void)what;
    if (c->state == STREAMING)
        http_stream_beat(c);
    else
        client_free(c);
}

void http_wait(struct http_client *c, http_gone_cb *on_gone, http_gone_cb *on_half, void *arg)
{
    c->on_gone = on_gone;
    c->on_half = on_half;
    c->gone_arg = arg;
}

void http_reply(struct http_client *c, int status, json_t *body, const char *allow)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (!text)
        status = 500;
    if (!c->server->listener)
        c->close_after = true;
    http_drop_request(c);
    c->state = WRITING;
    http_arm_deadline(c, c->server->limits.idle_ms);
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s%s%s\r\n",
                        status, http_reason(status), text ? strlen(text) + 1 : 0, allow ? "Allow: " : "",
                        allow ? allow : "", allow ? "\r\n" : "", c->close_after ? "Connection: close\r\n" : "");
    if (text)
        evbuffer_add_printf(out, "%s\n", text);
    free(text);
}

static bool peer_uid(int fd, uid_t *ret)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return false;
    *ret = cred.uid;
    return true;
}

/* Takes `fd` in every case. */
static void client_new(struct http_server *s, int fd)
{
    struct http_client *c = calloc(1, sizeof *c);

    if (!c || !peer_uid(fd, &c->uid)) {
        free(c);
        close(fd);
        return;
    }
    c->server = s;
    list_append(&s->clients, &c->link);
    s->count++;
    c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev)
        close(fd);
    c->deadline = evtimer_new(s->base, on_deadline, c);
    if (!c->bev || !c->deadline) {
        client_free(c);
        return;
    }
    bufferevent_setcb(c->bev, on_readable, on_written, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX + HTTP_BODY_MAX);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    http_arm_deadline(c, c->server->limits.idle_ms);
}

/* The client that has been idle longest makes room; false when everybody is in the middle of something. */
static bool make_room(struct http_server *s)
{
    for (struct http_client *c = list_first(&s->clients); c; c = list_next(&s->clients, &c->link)) {
        if (c->state != READING)
            continue;
        client_free(c);
        return true;
    }
    return false;
}

/* Best effort, without waiting: the client is turned away in any case. */
static void turn_away(int fd)
{
    static const char text[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"code\":\"busy\",\"message\":\"too many clients are waiting\"}}\n";

    (void)!send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
    struct http_server *s = arg;

    (void)listener;
    (void)sa;
    (void)len;
    if (s->count < s->limits.clients_max) {
        client_new(s, fd);
        return;
    }
    if (may_complain(s))
        log_warn("control: %zu clients are connected: the idle ones make room for others", s->count);
    if (make_room(s))
        client_new(s, fd);
    else
        turn_away(fd);
}

/* The pending connection keeps the socket readable: to go on listening would spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http_server *s = arg;
    struct timeval tv = to_timeval(ACCEPT_PAUSE_MS);
    int error = EVUTIL_SOCKET_ERROR();

    evconnlistener_disable(listener);
    event_add(s->resume, &tv);
    if (may_complain(s))
        log_warn("control: accepting clients pauses: %s", strerror(error));
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;

    (void)fd;
    (void)what;
    if (s->listener)
        evconnlistener_enable(s->listener);
}

int http_server_new(struct event_base *base, int fd, const struct http_limits *limits, http_request_cb *on_request,
                    void *arg, struct http_server **ret)
{
    struct http_server *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->base = base;
    s->limits = *limits;
    s->on_request = on_request;
    s->arg = arg;
    list_init(&s->clients);
    s->resume = evtimer_new(base, on_resume, s);
    s->listener = evconnlistener_new(base, on_accept, s, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!s->resume || !s->listener) {
        http_server_free(s);
        return -ENOMEM;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    *ret = s;
    return 0;
}

void http_server_close(struct http_server *s)
{
    struct http_client *c, *next;

    if (s->listener)
        evconnlistener_free(s->listener);
    s->listener = NULL;
    for (c = list_first(&s->clients); c; c = next) {
        next = list_next(&s->clients, &c->link);
        if (c->state == READING)
            client_free(c);
        else
            c->close_after = true;
    }
}

size_t http_server_clients(const struct http_server *s)
{
    return s->count;
}

void http_server_free(struct http_server *s)
{
    struct http_client *c;

    if (!s)
        return;
    while ((c = list_first(&s->clients)))
        client_free(c);
    if (s->listener)
        evconnlistener_free(s->listener);
    if (s->resume)
        event_free(s->resume);
    free(s);
}
