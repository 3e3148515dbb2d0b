#include "taskd/control.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonline.h"
#include "common/text.h"
#include "taskd/control_calls.h"
#include "taskd/http_parse.h"
#include "taskd/listener.h"
#include "taskd/supervisor.h"

enum {
    CLIENTS_MAX = 128,
    STAY_MAX = 112,
    IDLE_MS = 30 * 1000,
    BEAT_MS = 15 * 1000,
    PATH_SEGMENT_MAX = 3 * 512,
    MESSAGE_MAX = 512,
    NAMES_MAX = 4096
};

static const struct control_route {
    const char *method, *path; /* "{}" stands for one segment */
    control_handler *handle;
} routes[] = {
    {"GET", "/v1/status", control_get_status},
    {"GET", "/v1/tasks/{}", control_get_task},
    {"GET", "/v1/tasks/{}/wait", control_get_wait},
    {"GET", "/v1/wait", control_get_gate},
    {"GET", "/v1/results", control_get_results},
    {"GET", "/v1/events", control_get_events},
    {"GET", "/v1/logs", control_get_logs},
    {"GET", "/v1/version", control_get_version},
    {"GET", "/healthz", control_get_health},
    {"GET", "/readyz", control_get_ready},
    {"POST", "/v1/start", control_post_start},
    {"POST", "/v1/restart", control_post_restart},
    {"POST", "/v1/drain", control_post_drain},
    {"POST", "/v1/resume", control_post_resume},
    {"POST", "/v1/workers/{}/start", control_post_start},
    {"POST", "/v1/workers/{}/restart", control_post_restart},
    {"POST", "/v1/workers/{}/drain", control_post_drain},
    {"POST", "/v1/workers/{}/resume", control_post_resume},
    {"POST", "/v1/workers/{}/scale", control_post_scale},
    {"POST", "/v1/workers/{}/stop", control_post_stop},
    {"POST", "/v1/workers/{}/abort", control_post_abort},
    {"POST", "/v1/shutdown", control_post_shutdown},
    {"POST", "/v1/spawn", control_post_spawn},
    {"POST", "/v1/reload", control_post_reload},
};

enum { ROUTES = sizeof routes / sizeof *routes };

/* `segment` receives what "{}" stood for, still encoded. */
static bool path_matches(const char *pattern, const char *path, char *segment, size_t segment_size)
{
    const char *hole = strstr(pattern, "{}");
    size_t before, len;

    if (!hole)
        return strcmp(pattern, path) == 0;
    before = (size_t)(hole - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    len = strcspn(path + before, "/");
    if (len == 0 || len >= segment_size || strcmp(path + before + len, hole + 2) != 0)
        return false;
    memcpy(segment, path + before, len);
    segment[len] = '\0';
    return true;
}

bool control_may_stay(struct control_call *call)
{
    const struct control *c = call->control;

    if (c->streams_count + c->followers_count + c->waits_count < STAY_MAX)
        return true;
    control_error(call, 503, "busy", "%d clients wait or read already: there is room for short requests only",
                  STAY_MAX);
    return false;
}

json_t *control_error_body(const char *code, const char *message)
{
    char *clean = text_to_utf8(message, strlen(message));
    json_t *body = clean ? json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", clean) : NULL;

    free(clean);
    return body;
}

void control_reply(struct control_call *call, int status, json_t *body)
{
    http_reply(call->client, status, body, NULL);
}

void control_error(struct control_call *call, int status, const char *code, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    control_reply(call, status, control_error_body(code, message));
}

bool control_take_body(struct control_call *call, const struct body_key *keys, void *ret)
{
    char why[MESSAGE_MAX];

    if (control_body_read(call->body, keys, ret, why, sizeof why))
        return true;
    control_error(call, 400, "bad_parameter", "%s", why);
    return false;
}

/* The names of all tasks, workers and groups, borrowed from `status`. */
static void collect_names(const json_t *status, const char **names)
{
    static const char *const keys[] = {"id", "worker", "part_of"};
    size_t count = 0, i;
    json_t *task;

    json_array_foreach (json_object_get(status, "tasks"), i, task) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys && count < NAMES_MAX - 1; k++) {
            const char *name = json_string_value(json_object_get(task, keys[k]));

            if (name)
                names[count++] = name;
        }
    }
    names[count] = NULL;
}

static void reply_unknown(struct control_call *call, const char *near)
{
    if (near && strcmp(near, call->name) == 0)
        control_error(call, 404, "unknown_worker", "\"%s\" is not a worker, and only a worker will do", call->name);
    else if (near)
        control_error(call, 404, "unknown_task", "nothing here is called \"%s\" (did you mean \"%s\"?)", call->name,
                      near);
    else
        control_error(call, 404, "unknown_task", "nothing here is called \"%s\"", call->name);
}

void control_unknown(struct control_call *call)
{
    json_t *status = supervisor_status(call->control->sup, NULL);
    const char **names = calloc(NAMES_MAX, sizeof *names);

    if (names)
        collect_names(status, names);
    reply_unknown(call, names ? text_nearest(call->name, names) : NULL);
    free(names);
    json_decref(status);
}

/* The path is right and the method is not: says which ones are. False when no route has the path. */
static bool refuse_method(struct control_call *call)
{
    char segment[PATH_SEGMENT_MAX];

    for (size_t i = 0; i < ROUTES; i++)
        if (path_matches(routes[i].path, call->request->path, segment, sizeof segment)) {
            http_reply(call->client, 405, control_error_body("method", "this path does not take that method"),
                       routes[i].method);
            return true;
        }
    return false;
}

static const struct control_route *find_route(const struct http_request *request, char *segment, size_t segment_size)
{
    for (size_t i = 0; i < ROUTES; i++)
        if (strcmp(routes[i].method, request->method) == 0 &&
            path_matches(routes[i].path, request->path, segment, segment_size))
            return &routes[i];
    return NULL;
}

static int decode_body(struct control_call *call)
{
    char why[MESSAGE_MAX];
    int rc;

    if (call->request->body_len == 0) {
        call->body = json_object();
        rc = call->body ? 0 : -ENOMEM;
    } else
        rc = jsonline_decode(call->request->body, call->request->body_len, &call->body, why, sizeof why);
    if (rc == -ENOMEM)
        control_error(call, 503, "memory", "out of memory");
    else if (rc < 0)
        control_error(call, 400, "bad_json", "the body is not a JSON object: %s", why);
    return rc;
}

static void dispatch(struct control_call *call)
{
    char segment[PATH_SEGMENT_MAX] = "";
    const struct control_route *route = find_route(call->request, segment, sizeof segment);

    if (!route) {
        if (!refuse_method(call))
            control_error(call, 404, "unknown_path", "there is no %s", call->request->path);
        return;
    }
    if (!http_unescape(segment)) {
        control_error(call, 400, "bad_path", "the path is badly percent-encoded");
        return;
    }
    call->name = segment[0] ? segment : NULL;
    if (decode_body(call) < 0)
        return;
    route->handle(call);
    json_decref(call->body);
}

static void on_request(void *arg, struct http_client *client, const struct http_request *request)
{
    struct control_call call = {.control = arg, .client = client, .request = request};

    if (request->uid != 0 && request->uid != geteuid())
        control_error(&call, 403, "forbidden", "only root and the user who runs taskd may ask");
    else
        dispatch(&call);
}

int control_new(struct event_base *base, struct listener *listener, struct supervisor *sup, struct events *events,
                const char *state_dir, const struct control_hooks *hooks, struct control **ret)
{
    static const struct http_limits limits = {.clients_max = CLIENTS_MAX, .idle_ms = IDLE_MS, .beat_ms = BEAT_MS};
    struct control *c = calloc(1, sizeof *c);
    int rc = -ENOMEM;

    if (!c)
        return -ENOMEM;
    c->base = base;
    c->sup = sup;
    c->events = events;
    c->hooks = *hooks;
    list_init(&c->waits);
    list_init(&c->streams);
    list_init(&c->followers);
    c->state_dir = strdup(state_dir);
    if (c->state_dir)
        rc = http_server_new(base, listener_fd(listener), &limits, on_request, c, &c->http);
    if (rc < 0) {
        control_free(c);
        return rc;
    }
    c->listener = listener;
    *ret = c;
    return 0;
}

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

static void flush_replies(struct control *c, int max_ms)
{
    struct timeval tv = {.tv_sec = max_ms / 1000, .tv_usec = (max_ms % 1000) * 1000L};
    bool too_late = false;
    struct event *timer = evtimer_new(c->base, on_too_late, &too_late);

    if (timer && event_add(timer, &tv) == 0)
        while (http_server_clients(c->http) > 0 && !too_late)
            if (event_base_loop(c->base, EVLOOP_ONCE) != 0)
                break;
    if (timer)
        event_free(timer);
}

void control_finish(struct control *c, int max_ms)
{
    /* Waiters of the supervisor are answered from the loop: those whose turn has come get their records. */
    event_base_loop(c->base, EVLOOP_NONBLOCK);
    http_server_close(c->http);
    control_wait_end_all(c);
    control_events_end_all(c);
    control_logs_end_all(c);
    flush_replies(c, max_ms);
}

void control_free(struct control *c)
{
    if (!c)
        return;
    http_server_free(c->http);
    listener_free(c->listener);
    free(c->state_dir);
    free(c);
}
