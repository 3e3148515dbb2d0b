/* What the routes do: one function for each row of control.c's table. Private to control*.c. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "taskd/control.h"
#include "taskd/control_body.h"
#include "taskd/http.h"
#include "taskd/list.h"

struct control_wait;

struct control {
    struct event_base *base;
    struct listener *listener;
    struct http_server *http;
    struct supervisor *sup;
    struct events *events;
    char *state_dir;
    struct control_hooks hooks;
    struct list waits;                 /* requests whose reply comes later */
    struct list streams;               /* of events */
    size_t streams_count, waits_count; /* bounded together: see control_may_stay */
    struct list followers;             /* streams of logs that go on */
    size_t followers_count;
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
/* control_calls.c */
control_handler control_get_status, control_get_task, control_get_wait, control_get_gate, control_get_results,
    control_get_version, control_get_health, control_get_ready;
/* control_events.c */
control_handler control_get_events;
/* control_logs.c */
control_handler control_get_logs;
/* control_lifecycle.c */
control_handler control_post_start, control_post_restart, control_post_drain, control_post_resume, control_post_scale,
    control_post_stop, control_post_abort, control_post_shutdown, control_post_reload;
/* control_spawn.c */
control_handler control_post_spawn;

void control_reply(struct control_call *, int status, json_t *body); /* takes body */
void control_error(struct control_call *, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* 404 that names the nearest task, worker or group. */
void control_unknown(struct control_call *);
/* Is there room for one more client that stays: a stream, or a wait that may last for ever? An operator's `stop` finds
 * room in any case. False: answered already. */
bool control_may_stay(struct control_call *);
/* What a -errno of the supervisor comes to. */
void control_failed(struct control_call *, int rc);
/* Reads the body by a table (see control_body.h). False: answered already. */
bool control_take_body(struct control_call *, const struct body_key *keys, void *ret);
/* {"error":{…}} for any text, made fit for JSON; new reference. */
json_t *control_error_body(const char *code, const char *message);

/* Which kind of wait, and what the answer looks like. */
enum wait_reply {
    REPLY_LIFE,     /* the records of the lives */
    REPLY_DOWN,     /* … and who was killed, what was lost */
    REPLY_DRAINED,  /* … and how many tasks it reached */
    REPLY_UP,       /* how many tasks it reached, and which of them have failed */
    REPLY_IDLE,     /* that nobody is in a unit */
    REPLY_READY,    /* REPLY_UP, for somebody who has asked for nothing */
    REPLY_ATTACHED, /* REPLY_LIFE, and the end of the client is the end of the life */
};
/* Waits for `scope` (copied) and answers. timeout_ms -1: for ever, else 504 when it passes. 0, or -errno with nothing
 * sent. *ret (NULL ok) is good until the loop turns. */
int control_wait_begin(struct control_call *, const char *scope, enum wait_reply, int timeout_ms,
                       struct control_wait **ret);
/* How many tasks a request has reached, for its answer. */
int control_wait_reached(struct control_wait *, int tasks); /* 0 or -ENOMEM */
/* Forgets the wait; the request is the caller's to answer again. */
void control_wait_cancel(struct control_wait *);
/* Everyone who still waits is told that taskd has ended. */
void control_wait_end_all(struct control *);
/* Every stream of events gets what is still to be told, and ends. */
void control_events_end_all(struct control *);
void control_logs_end_all(struct control *);
