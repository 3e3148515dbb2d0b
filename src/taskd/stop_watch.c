#include "taskd/stop_watch.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/client.h"
#include "taskd/status_text.h"
#include "taskd/term.h"

enum { LINE = 512, KEY = 512, TIMEOUT_MS = 2000 };

struct stop_watch {
    const char *socket;
    bool terminal;
    struct term_block block;
    json_t *seen; /* task -> what was last said about it */
};

struct stop_watch *stop_watch_new(const char *socket)
{
    struct stop_watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->socket = socket;
    w->terminal = term_is_terminal(stderr);
    w->block.out = stderr;
    w->seen = json_object();
    return w;
}

void stop_watch_free(struct stop_watch *w)
{
    if (!w)
        return;
    if (w->terminal)
        term_block_clear(&w->block);
    json_decref(w->seen);
    free(w);
}

static void make_line(const json_t *task, char *out, size_t out_size)
{
    char what[LINE / 2], raw[LINE];

    status_waits_for(task, what, sizeof what);
    snprintf(raw, sizeof raw, "%s: %s", status_string(task, "id"), what);
    text_printable(raw, strlen(raw), out, out_size);
}

/* What counts as a change: another unit or another state; that a clock went on does not. */
static bool is_news(struct stop_watch *w, const json_t *task)
{
    const char *id = status_string(task, "id");
    const json_t *unit = json_object_get(task, "unit"), *before = json_object_get(w->seen, id);
    char key[KEY];
    bool news;

    snprintf(key, sizeof key, "%s %s", status_string(task, "state"), status_string(unit, "id"));
    news = !before || strcmp(json_string_value(before), key) != 0;
    if (news)
        json_object_set_new(w->seen, id, json_string(key));
    return news;
}

static void show(struct stop_watch *w, const json_t *tasks)
{
    char line[LINE];
    json_t *task;
    size_t i;

    if (w->terminal)
        term_block_begin(&w->block);
    json_array_foreach (tasks, i, task) {
        if (!status_is_stopping(task))
            continue;
        make_line(task, line, sizeof line);
        if (w->terminal)
            term_block_line(&w->block, line);
        else if (is_news(w, task))
            fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
}

void stop_watch_update(struct stop_watch *w)
{
    struct client_reply reply = {0};
    int rc = client_request(w->socket, "GET", "/v1/status", NULL, TIMEOUT_MS, &reply);

    if (client_succeeded(rc, &reply))
        show(w, json_object_get(reply.body, "tasks"));
    client_reply_free(&reply);
}
