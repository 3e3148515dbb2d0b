/* Requests that change what runs: start, stop and all between. Each is a row: the keys of its body, what it asks of the
 * supervisor, and which end it may be waited for. */
#include <errno.h>

#include "taskd/control_calls.h"
#include "taskd/supervisor.h"

enum { REPLICAS_MAX = 10000, STATUS_MEMORY = 503 };

/* What a client may say, whatever the request. */
struct wish {
    int64_t timeout_ms, max_unavailable, replicas; /* -1 where absent */
    bool now, wait;
};

struct verb {
    const struct body_key *keys;
    int (*apply)(struct control *, const char *scope, const struct wish *); /* tasks reached, or -errno */
    enum wait_reply reply;
    const char *count; /* what the number of tasks is called when nobody waits */
};

static const struct body_key stop_keys[] = {
    {BODY_KEY(struct wish, timeout_ms, BODY_NUMBER), .max = INT64_MAX},
    {BODY_KEY(struct wish, now, BODY_BOOL)},
    {BODY_KEY(struct wish, wait, BODY_BOOL)},
    {NULL},
};

static const struct body_key plain_keys[] = {
    {BODY_KEY(struct wish, wait, BODY_BOOL)},
    {NULL},
};

static const struct body_key restart_keys[] = {
    {BODY_KEY(struct wish, max_unavailable, BODY_NUMBER), .max = REPLICAS_MAX},
    {BODY_KEY(struct wish, wait, BODY_BOOL)},
    {NULL},
};

static const struct body_key scale_keys[] = {
    {BODY_KEY(struct wish, replicas, BODY_NUMBER), .max = REPLICAS_MAX},
    {BODY_KEY(struct wish, wait, BODY_BOOL)},
    {NULL},
};

static int apply_stop(struct control *c, const char *scope, const struct wish *w)
{
    struct stop_request request = {.reason = STOP_CLI, .grace_ms = w->timeout_ms, .now = w->now};

    return supervisor_stop(c->sup, scope, &request);
}

static int apply_shutdown(struct control *c, const char *scope, const struct wish *w)
{
    int reached = apply_stop(c, scope, w);

    if (reached >= 0 && c->hooks.on_shutdown)
        c->hooks.on_shutdown(c->hooks.arg, w->now);
    return reached;
}

static int apply_abort(struct control *c, const char *scope, const struct wish *w)
{
    (void)w;
    return supervisor_abort(c->sup, scope);
}

static int apply_start(struct control *c, const char *scope, const struct wish *w)
{
    (void)w;
    return supervisor_start(c->sup, scope);
}

static int apply_restart(struct control *c, const char *scope, const struct wish *w)
{
    return supervisor_restart(c->sup, scope, w->max_unavailable > 0 ? (unsigned)w->max_unavailable : 0);
}

static int apply_drain(struct control *c, const char *scope, const struct wish *w)
{
    (void)w;
    return supervisor_drain(c->sup, scope);
}

static int apply_resume(struct control *c, const char *scope, const struct wish *w)
{
    (void)w;
    return supervisor_resume(c->sup, scope);
}

static int apply_scale(struct control *c, const char *scope, const struct wish *w)
{
    return supervisor_scale(c->sup, scope, w->replicas);
}

static void reply_failed(struct control_call *call, int rc)
{
    if (rc == -EINVAL)
        control_error(call, 400, "bad_parameter", "a worker of the configuration takes \"replicas\" from 0 to %d",
                      REPLICAS_MAX);
    else
        control_failed(call, rc);
}

/* The waiter is there before the request, so that a life which ends at once is among the results. */
static void run(struct control_call *call, const struct verb *v)
{
    struct wish wish = {.timeout_ms = -1, .max_unavailable = -1, .replicas = -1};
    struct control_wait *waiting = NULL;
    int rc = 0;

    if (!control_take_body(call, v->keys, &wish))
        return;
    if (wish.wait)
        rc = control_wait_begin(call, call->name, v->reply, -1, &waiting);
    if (rc == 0)
        rc = v->apply(call->control, call->name, &wish);
    if (rc >= 0 && waiting)
        rc = control_wait_reached(waiting, rc);
    if (rc < 0 && waiting)
        control_wait_cancel(waiting);
    if (rc < 0)
        reply_failed(call, rc);
    else if (!waiting)
        control_reply(call, 202, json_pack("{s:i, s:i}", "v", 1, v->count, rc));
}

void control_post_stop(struct control_call *call)
{
    run(call, &(struct verb){stop_keys, apply_stop, REPLY_DOWN, "stopping"});
}

void control_post_abort(struct control_call *call)
{
    run(call, &(struct verb){stop_keys, apply_abort, REPLY_DOWN, "stopping"});
}

void control_post_shutdown(struct control_call *call)
{
    run(call, &(struct verb){stop_keys, apply_shutdown, REPLY_DOWN, "stopping"});
}

void control_post_start(struct control_call *call)
{
    run(call, &(struct verb){plain_keys, apply_start, REPLY_UP, "tasks"});
}

void control_post_restart(struct control_call *call)
{
    run(call, &(struct verb){restart_keys, apply_restart, REPLY_UP, "tasks"});
}

void control_post_drain(struct control_call *call)
{
    run(call, &(struct verb){plain_keys, apply_drain, REPLY_DRAINED, "tasks"});
}

void control_post_resume(struct control_call *call)
{
    run(call, &(struct verb){plain_keys, apply_resume, REPLY_UP, "tasks"});
}

void control_post_scale(struct control_call *call)
{
    run(call, &(struct verb){scale_keys, apply_scale, REPLY_UP, "tasks"});
}

struct reload_wish {
    bool dry_run;
};

static const struct body_key reload_keys[] = {
    {BODY_KEY(struct reload_wish, dry_run, BODY_BOOL)},
    {NULL},
};

void control_post_reload(struct control_call *call)
{
    const struct control_hooks *hooks = &call->control->hooks;
    struct reload_wish wish = {.dry_run = false};
    int status = STATUS_MEMORY;
    json_t *body;

    if (!control_take_body(call, reload_keys, &wish))
        return;
    body = hooks->on_reload(hooks->arg, wish.dry_run, &status);
    if (body)
        control_reply(call, status, body);
    else
        control_failed(call, -ENOMEM);
}
