/* What the routes do: one function for each row of control.c's table. Private to control*.c. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "taskd/control.h"
#include "taskd/http.h"
#include "taskd/list.h"

struct control_wait;

struct control {
    struct event_base *base;
    struct listener *listener;
    struct http_server *http;
    struct supervisor *sup;
    char *state_dir;
    struct control_hooks hooks;
    struct list waits; /* requests whose reply comes later */
};

/* One request on its way through a handler. */
struct control_call {
    struct control *control;
    struct http_client *client;
    const struct http_request *request;
    const char *name; /* the decoded {parameter} of the path, NULL if it has none */
    json_t *body;     /* borrowed; an object, empty when the client sent none */
};

typedef void control_handler(struct control_call *);
control_handler control_get_status, control_get_task, control_get_wait, control_get_results, control_get_version,
    control_get_health, control_get_ready, control_get_settled, control_post_stop, control_post_abort,
    control_post_shutdown, control_post_start, control_post_restart, control_post_drain, control_post_resume,
    control_post_scale, control_post_spawn, control_post_reload;

void control_reply(struct control_call *, int status, json_t *body); /* takes body */
void control_error(struct control_call *, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void control_failed(struct control_call *, int error); /* 503: an errno that is nobody's mistake */
/* 404 that names the nearest task or worker. */
void control_unknown(struct control_call *);
/* {"error":{…}} for any text, made fit for JSON; new reference. */
json_t *control_error_body(const char *code, const char *message);

/* Waits for `scope` and answers with its records. timeout_ms -1: for ever, else 504 when it passes. 0, or -errno with
 * nothing sent. *ret (NULL ok) is good until the loop turns. */
enum wait_reply {
    REPLY_LIFE, /* records */
    REPLY_OWN,  /* the same, for the client's own task: it is stopped when the client leaves first */
    REPLY_DOWN,
    REPLY_UP,
    REPLY_IDLE,
    WAIT_REPLIES
};
int control_wait_begin(struct control_call *, const char *scope, enum wait_reply, int timeout_ms,
                       struct control_wait **ret);
/* Forgets the wait; the request is the caller's to answer again. */
void control_wait_cancel(struct control_wait *);
/* Everyone who still waits is told that taskd has ended. */
void control_wait_end_all(struct control *);
