#include "taskd/verb.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "taskd/client.h"
#include "taskd/log.h"
#include "taskd/term.h"

enum { PATH_SIZE = 2048, LOOK_MS = 200, ANSWER_MS = 30 * 1000 };

struct verb {
    const char *socket;
    struct pollfd *asked; /* one for each answer that is waited for; fd -1 once it has come */
    size_t count, pending;
    struct task_watch *watch; /* NULL: nothing is shown */
    json_t *answers;
    bool failed;
};

struct verb *verb_new(const char *socket, struct task_watch *watch)
{
    struct verb *v = calloc(1, sizeof *v);

    if (!v)
        fatal("out of memory");
    *v = (struct verb){.socket = socket, .watch = watch, .answers = json_array()};
    if (!v->answers)
        fatal("out of memory");
    return v;
}

void verb_free(struct verb *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->count; i++)
        fd_close(&v->asked[i].fd);
    task_watch_free(v->watch);
    json_decref(v->answers);
    free(v->asked);
    free(v);
}

static int ask(struct verb *v, int rc, const char *path, json_t *body)
{
    struct pollfd *asked = reallocarray(v->asked, v->count + 1, sizeof *asked);
    int fd = -1;

    if (!asked)
        fatal("out of memory");
    v->asked = asked;
    if (rc == 0)
        rc = client_start(v->socket, "POST", path, body, &fd);
    if (rc < 0) {
        client_complain(v->socket, rc, NULL);
        v->failed = true;
        return -1;
    }
    v->asked[v->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    v->pending++;
    return fd;
}

int verb_ask(struct verb *v, const char *name, const char *action, json_t *body)
{
    char suffix[64], path[PATH_SIZE];

    snprintf(suffix, sizeof suffix, "/%s", action);
    return ask(v, client_path(path, sizeof path, "/v1/workers/", name, suffix), path, body);
}

int verb_ask_all(struct verb *v, const char *path, json_t *body)
{
    return ask(v, 0, path, body);
}

static void take_answer(struct verb *v, struct pollfd *p)
{
    struct client_reply reply = {0};
    int rc = client_finish(p->fd, ANSWER_MS, &reply);

    p->fd = -1;
    v->pending--;
    if (client_succeeded(rc, &reply))
        json_array_append(v->answers, reply.body);
    else {
        if (v->watch)
            task_watch_clear(v->watch);
        client_complain(v->socket, rc, &reply);
        v->failed = true;
    }
    client_reply_free(&reply);
}

static void take_answers(struct verb *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->asked[i].fd >= 0 && v->asked[i].revents)
            take_answer(v, &v->asked[i]);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One look at the answers; who is still at work is shown when there is nothing else to do. */
static void look(struct verb *v, int ms)
{
    int n = poll(v->asked, (nfds_t)v->count, ms);

    if (n > 0)
        take_answers(v);
    else if (n == 0 && v->watch)
        task_watch_update(v->watch);
    else if (n < 0 && errno != EINTR)
        fatal("poll: %s", strerror(errno));
}

enum verb_end verb_await(struct verb *v, int64_t timeout_ms)
{
    int64_t until = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;

    term_catch_interrupt();
    while (v->pending > 0 && !term_interrupted()) {
        int64_t left = until - now_ms();

        if (left <= 0)
            break;
        look(v, left < LOOK_MS ? (int)left : LOOK_MS);
    }
    if (v->watch)
        task_watch_clear(v->watch);
    if (v->pending == 0)
        return VERB_ANSWERED;
    return term_interrupted() ? VERB_LEFT : VERB_TIMEOUT;
}

json_t *verb_answers(const struct verb *v)
{
    return v->answers;
}

bool verb_failed(const struct verb *v)
{
    return v->failed;
}

bool verb_complain_of(const json_t *answer, const char *action)
{
    static const struct {
        const char *key, *what;
    } lists[] = {
        {"overtaken", "was asked for something else meanwhile"},
        {"left", "was left as it is, since another one has failed"},
        {"blocked", "comes after a worker that is down, and waits: `taskd status`"},
    };
    json_t *id;
    size_t i, n = 0;

    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        json_array_foreach (json_object_get(answer, lists[k].key), i, id) {
            log_error("%s: %s %s", action, json_string_value(id), lists[k].what);
            n++;
        }
    }
    return n > 0;
}

bool verb_complain(const struct verb *v, const char *action)
{
    json_t *answer;
    size_t i, n = 0;

    json_array_foreach (v->answers, i, answer) {
        n += verb_complain_of(answer, action);
    }
    return n > 0;
}
