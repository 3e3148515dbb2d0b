#include "taskd/task_watch.h"

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

struct task_watch {
    const char *socket;
    bool terminal;
    struct term_block block;
    task_watch_filter *shows;
    json_t *names; /* of those that are asked about; empty: all */
    json_t *seen;  /* task -> what was last said about it */
};

struct task_watch *task_watch_new(const char *socket, task_watch_filter *shows)
{
    struct task_watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->socket = socket;
    w->shows = shows;
    w->names = json_array();
    w->terminal = term_is_terminal(stderr);
    w->block.out = stderr;
    w->seen = json_object();
    return w;
}

void task_watch_clear(struct task_watch *w)
{
    if (w->terminal)
        term_block_clear(&w->block);
}

void task_watch_free(struct task_watch *w)
{
    if (!w)
        return;
    task_watch_clear(w);
    json_decref(w->names);
    json_decref(w->seen);
    free(w);
}

void task_watch_name(struct task_watch *w, const char *name)
{
    json_array_append_new(w->names, json_string(name));
}

static bool is_meant(const struct task_watch *w, const json_t *task)
{
    json_t *name;
    size_t i;

    json_array_foreach (w->names, i, name) {
        if (status_is_called(task, json_string_value(name)))
            return w->shows(task);
    }
    return json_array_size(w->names) == 0 && w->shows(task);
}

static void make_line(const json_t *task, char *out, size_t out_size)
{
    char what[LINE / 2], raw[LINE];

    status_waits_for(task, what, sizeof what);
    snprintf(raw, sizeof raw, "%s: %s", status_string(task, "id"), what);
    text_printable(raw, strlen(raw), out, out_size);
}

/* What counts as a change: another unit or another state; that a clock went on does not. */
static bool is_news(struct task_watch *w, const json_t *task)
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

static void show(struct task_watch *w, const json_t *tasks)
{
    char line[LINE];
    json_t *task;
    size_t i;

    if (w->terminal)
        term_block_begin(&w->block);
    json_array_foreach (tasks, i, task) {
        if (!is_meant(w, task))
            continue;
        make_line(task, line, sizeof line);
        if (w->terminal)
            term_block_line(&w->block, line);
        else if (is_news(w, task))
            fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
}

void task_watch_update(struct task_watch *w)
{
    struct client_reply reply = {0};
    int rc = client_request(w->socket, "GET", "/v1/status", NULL, TIMEOUT_MS, &reply);

    if (client_succeeded(rc, &reply))
        show(w, json_object_get(reply.body, "tasks"));
    client_reply_free(&reply);
}
