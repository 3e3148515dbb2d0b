/* Requests that change what runs: one function for each row of control.c's table. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "taskd/control_body.h"
#include "taskd/supervisor.h"

/* --- down ----------------------------------------------------------------------------------------------------------
 */

/* What a client may say about a stop. */
struct stop_wish {
    int64_t timeout_ms; /* -1: as configured */
    bool now, wait;
};

static const struct body_key stop_keys[] = {
    {"timeout_ms", BODY_NUMBER, offsetof(struct stop_wish, timeout_ms)},
    {"now", BODY_BOOL, offsetof(struct stop_wish, now)},
    {"wait", BODY_BOOL, offsetof(struct stop_wish, wait)},
    {NULL},
};

typedef int stop_verb(struct control *, const char *scope, const struct stop_wish *);

static int verb_stop(struct control *c, const char *scope, const struct stop_wish *w)
{
    struct stop_request request = {.reason = STOP_CLI, .grace_ms = w->timeout_ms, .now = w->now};

    return supervisor_stop(c->sup, scope, &request);
}

static int verb_abort(struct control *c, const char *scope, const struct stop_wish *w)
{
    (void)w;
    return supervisor_abort(c->sup, scope);
}

static int verb_shutdown(struct control *c, const char *scope, const struct stop_wish *w)
{
    int reached = verb_stop(c, scope, w);

    if (reached >= 0 && c->hooks.on_shutdown)
        c->hooks.on_shutdown(c->hooks.arg, w->now);
    return reached;
}

/* The waiter is there before the stop, so that a life which ends at once is among the results. */
static void stop_scope(struct control_call *call, stop_verb *verb)
{
    struct control_wait *waiting = NULL;
    struct stop_wish wish = {.timeout_ms = -1};
    int rc = 0;

    if (!control_body_read(call, stop_keys, &wish))
        return;
    if (wish.wait)
        rc = control_wait_begin(call, call->name, REPLY_DOWN, -1, &waiting);
    if (rc == 0)
        rc = verb(call->control, call->name, &wish);
    if (rc < 0 && waiting)
        control_wait_cancel(waiting);
    if (rc == -ENOENT && call->name)
        control_unknown(call);
    else if (rc < 0)
        control_failed(call, -rc);
    else if (!wish.wait)
        control_reply(call, 202, json_pack("{s:i, s:i}", "v", 1, "stopping", rc));
}

void control_post_stop(struct control_call *call)
{
    stop_scope(call, verb_stop);
}

void control_post_abort(struct control_call *call)
{
    stop_scope(call, verb_abort);
}

void control_post_shutdown(struct control_call *call)
{
    stop_scope(call, verb_shutdown);
}

/* --- up, again, aside -----------------------------------------------------------------------------------------------
 */

struct scope_wish {
    bool wait;
    int64_t max_unavailable, replicas;
};

#define WAIT_KEY                                             \
    {                                                        \
        "wait", BODY_BOOL, offsetof(struct scope_wish, wait) \
    }
static const struct body_key plain_keys[] = {WAIT_KEY, {NULL}};
static const struct body_key restart_keys[] = {
    WAIT_KEY, {"max_unavailable", BODY_NUMBER, offsetof(struct scope_wish, max_unavailable)}, {NULL}};
static const struct body_key scale_keys[] = {
    WAIT_KEY, {"replicas", BODY_NUMBER, offsetof(struct scope_wish, replicas)}, {NULL}};

typedef int scope_verb(struct supervisor *, const char *scope, const struct scope_wish *);

static int verb_start(struct supervisor *s, const char *scope, const struct scope_wish *w)
{
    (void)w;
    return supervisor_start(s, scope);
}

static int verb_restart(struct supervisor *s, const char *scope, const struct scope_wish *w)
{
    return supervisor_restart(s, scope, w->max_unavailable > UINT_MAX ? UINT_MAX : (unsigned)w->max_unavailable);
}

static int verb_drain(struct supervisor *s, const char *scope, const struct scope_wish *w)
{
    (void)w;
    return supervisor_drain(s, scope);
}

static int verb_resume(struct supervisor *s, const char *scope, const struct scope_wish *w)
{
    (void)w;
    return supervisor_resume(s, scope);
}

static int verb_scale(struct supervisor *s, const char *scope, const struct scope_wish *w)
{
    return w->replicas < 0 ? -EDOM : supervisor_scale(s, scope, w->replicas);
}

static void refuse(struct control_call *call, int rc)
{
    if (rc == -ENOENT)
        control_unknown(call);
    else if (rc == -ESHUTDOWN)
        control_error(call, 409, "stopping", "taskd is stopping: the stop wins");
    else if (rc == -EINVAL)
        control_error(call, 400, "bad_parameter", "a worker that is configured has 0 to 10000 replicas");
    else if (rc == -EDOM)
        control_error(call, 400, "bad_parameter", "\"replicas\" is missing");
    else
        control_failed(call, -rc);
}

/* The waiter is there after the verb: what it waits for is how things are from then on. */
static void change_scope(struct control_call *call, const struct body_key *keys, scope_verb *verb,
                         enum wait_reply settled)
{
    struct scope_wish wish = {.replicas = -1};
    int rc;

    if (!control_body_read(call, keys, &wish))
        return;
    rc = verb(call->control->sup, call->name, &wish);
    if (rc < 0)
        refuse(call, rc);
    else if (!wish.wait)
        control_reply(call, 202, json_pack("{s:i, s:i}", "v", 1, "tasks", rc));
    else if ((rc = control_wait_begin(call, call->name, settled, -1, NULL)) < 0)
        refuse(call, rc);
}

void control_post_start(struct control_call *call)
{
    change_scope(call, plain_keys, verb_start, REPLY_UP);
}

void control_post_restart(struct control_call *call)
{
    change_scope(call, restart_keys, verb_restart, REPLY_UP);
}

void control_post_drain(struct control_call *call)
{
    change_scope(call, plain_keys, verb_drain, REPLY_DOWN);
}

void control_post_resume(struct control_call *call)
{
    change_scope(call, plain_keys, verb_resume, REPLY_UP);
}

void control_post_scale(struct control_call *call)
{
    change_scope(call, scale_keys, verb_scale, REPLY_UP);
}

/* --- another configuration
 * -------------------------------------------------------------------------------------------- */

struct reload_wish {
    bool dry_run;
};

static const struct body_key reload_keys[] = {{"dry_run", BODY_BOOL, offsetof(struct reload_wish, dry_run)}, {NULL}};

void control_post_reload(struct control_call *call)
{
    const struct control_hooks *hooks = &call->control->hooks;
    struct reload_wish wish = {0};
    json_t *body;
    int status = 503;

    if (!control_body_read(call, reload_keys, &wish))
        return;
    body = hooks->on_reload(hooks->arg, wish.dry_run, &status);
    if (body)
        control_reply(call, status, body);
    else
        control_failed(call, ENOMEM);
}
