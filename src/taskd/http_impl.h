/* The inside of the HTTP server, for its own files: http.c (clients, requests, replies), http_stream.c (replies that
 * are made while they are sent). */
#pragma once
#include <time.h>

#include "taskd/http.h"
#include "taskd/http_parse.h"
#include "taskd/list.h"

struct bufferevent;
struct event;
struct evconnlistener;

/* READING: for the (rest of a) request; BUSY: it has been handed over; WRITING: the reply is on its way; STREAMING: it
 * is made while it is sent. */
enum client_state { READING, BUSY, WRITING, STREAMING };

struct http_client {
    struct list link;
    struct http_server *server;
    struct bufferevent *bev;
    struct event *deadline; /* STREAMING: the next beat */
    enum client_state state;
    struct http_head head;
    struct http_request request;
    char *head_text, *body_text; /* what the two above point into */
    bool have_head, close_after;
    uid_t uid;
    bool spoken; /* STREAMING: something has been written since the last beat */
    http_gone_cb *on_gone, *on_half, *on_room;
    void *gone_arg;
};

struct http_server {
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *resume; /* accepting again after a pause */
    struct http_limits limits;
    struct list clients; /* the one that has been quiet longest stands first */
    size_t count;
    time_t complained;
    http_request_cb *on_request;
    void *arg;
};

/* http.c */
void http_arm_deadline(struct http_client *, int ms);
void http_drop_request(struct http_client *);

/* http_stream.c */
void http_stream_beat(struct http_client *);
