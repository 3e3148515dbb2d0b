#include "taskd/config_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { CIRCLE = 512 };

enum mark { UNSEEN, ON_THE_WAY, SEEN };

struct walk {
    const struct config *config;
    config_find_worker *find;
    void *arg;
    enum mark *marks;
    size_t *way; /* the workers from where the walk began to where it is */
    size_t length;
};

static size_t find_worker(const struct config *c, const char *name)
{
    size_t i = 0;

    while (i < c->workers_count && strcmp(c->workers[i].name, name) != 0)
        i++;
    return i;
}

/* Where the name `index` of a worker's list stands, or the worker itself. */
static void find_place(const struct walk *w, size_t worker, const char *key, size_t index, struct value *ret)
{
    struct value list, element = {0};

    if (!w->find(w->arg, worker, ret) || !value_find(ret, key, &list))
        return;
    *ret = list;
    for (size_t i = 0; json_is_array(list.json) && i <= index; i++)
        if (!value_next(&list, &element))
            return;
    if (json_is_array(list.json))
        *ret = element;
}

static void unknown_worker(const struct walk *w, size_t worker, size_t index, const char *name)
{
    const struct config *c = w->config;
    const char **names = calloc(c->workers_count + 1, sizeof *names), *near = NULL;
    struct value at;

    find_place(w, worker, "after", index, &at);
    for (size_t i = 0; names && i < c->workers_count; i++)
        names[i] = c->workers[i].name;
    if (names)
        near = text_nearest(name, names);
    if (near)
        value_error(&at, "there is no worker \"%s\" (did you mean \"%s\"?)", name, near);
    else
        value_error(&at, "there is no worker \"%s\"", name);
    free(names);
}

/* "a -> b -> a": from where the way meets itself. */
static void report_circle(const struct walk *w, size_t worker, size_t index, size_t met)
{
    char text[CIRCLE] = "";
    size_t len = 0, i = 0;
    struct value at;

    while (w->way[i] != met)
        i++;
    for (; i < w->length && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s -> ", w->config->workers[w->way[i]].name);
    find_place(w, worker, "after", index, &at);
    value_error(&at, "these come after each other in a circle: %s%s", text, w->config->workers[met].name);
}

static void too_long(const struct walk *w, size_t worker, size_t index)
{
    struct value at;

    find_place(w, worker, "after", index, &at);
    value_error(&at, "more than %d workers come one after another", CONFIG_AFTER_MAX);
}

static void visit(struct walk *w, size_t worker)
{
    char **after = w->config->workers[worker].after;

    w->marks[worker] = ON_THE_WAY;
    w->way[w->length++] = worker;
    for (size_t i = 0; after && after[i]; i++) {
        size_t other = find_worker(w->config, after[i]);

        if (other == w->config->workers_count)
            unknown_worker(w, worker, i, after[i]);
        else if (w->marks[other] == ON_THE_WAY)
            report_circle(w, worker, i, other);
        else if (w->marks[other] == UNSEEN && w->length == CONFIG_AFTER_MAX)
            too_long(w, worker, i);
        else if (w->marks[other] == UNSEEN)
            visit(w, other);
    }
    w->length--;
    w->marks[worker] = SEEN;
}

static void check_group(const struct walk *w, size_t worker)
{
    const char *group = w->config->workers[worker].part_of;
    struct value at;

    if (!group || find_worker(w->config, group) == w->config->workers_count)
        return;
    find_place(w, worker, "part_of", 0, &at);
    value_error(&at, "\"%s\" is a worker: a group needs a name of its own", group);
}

void config_order_check(const struct config *c, config_find_worker *find, void *arg)
{
    struct walk w = {.config = c, .find = find, .arg = arg};

    w.marks = calloc(c->workers_count + 1, sizeof *w.marks);
    w.way = calloc(c->workers_count + 1, sizeof *w.way);
    for (size_t i = 0; w.marks && w.way && i < c->workers_count; i++) {
        check_group(&w, i);
        if (w.marks[i] == UNSEEN)
            visit(&w, i);
    }
    free(w.marks);
    free(w.way);
}
