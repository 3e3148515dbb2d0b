#include "taskd/config_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE = 320, CIRCLE = 400 };

struct name {
    const char *name;
    size_t worker;
};

enum mark { UNSEEN, ON_THE_WAY, SEEN };

/* How far the walk has come with a worker. */
struct step {
    enum mark mark;
    size_t next; /* entry of `after` to follow next */
    size_t on;   /* its place on the way */
    size_t rank; /* workers on the longest chain of those that it comes after, itself included */
};

struct walk {
    const struct worker_config *workers;
    const struct value *places;
    size_t count;
    struct name *names; /* sorted; of one name the first definition comes first */
    struct step *steps;
    size_t *way; /* the workers from where the walk began to where it is */
    size_t length;
};

static int by_name(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    return r ? r : (x->worker > y->worker) - (x->worker < y->worker);
}

/* The first definition of that name, or `count`. */
static size_t find_worker(const struct walk *w, const char *name)
{
    size_t low = 0, high = w->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(w->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && strcmp(w->names[low].name, name) == 0 ? w->names[low].worker : w->count;
}

/* Where entry `index` of a worker's list stands, or the worker itself. */
static struct value find_place(const struct walk *w, size_t worker, const char *key, size_t index)
{
    return value_entry(&w->places[worker], key, index);
}

/* Within one file the second is a duplicate key, and has been reported. */
static void check_twice(const struct walk *w, size_t worker)
{
    size_t first = find_worker(w, w->workers[worker].name);
    char place[PLACE];

    if (first != worker)
        value_key_error(&w->places[worker], "this worker is defined already: %s",
                        value_place(&w->places[first], place, sizeof place));
}

static void check_group(const struct walk *w, size_t worker)
{
    const char *group = w->workers[worker].part_of;
    size_t same = group ? find_worker(w, group) : w->count;
    char place[PLACE];

    if (same == w->count)
        return;
    struct value at = find_place(w, worker, "part_of", 0);
    value_error(&at, "\"%s\" is a worker (%s): a group needs a name of its own", group,
                value_place(&w->places[same], place, sizeof place));
}

static void unknown_worker(const struct walk *w, size_t worker, size_t index, const char *name)
{
    const char **names = calloc(w->count + 1, sizeof *names), *nobody = NULL;
    struct value at = find_place(w, worker, "after", index);

    for (size_t i = 0; names && i < w->count; i++)
        names[i] = w->names[i].name;
    value_unknown_name(&at, "worker", name, names ? names : &nobody);
    free(names);
}

static void check_known(const struct walk *w, size_t worker)
{
    char **after = w->workers[worker].after;

    for (size_t i = 0; after && after[i]; i++)
        if (find_worker(w, after[i]) == w->count)
            unknown_worker(w, worker, i, after[i]);
}

/* "a -> b -> a": from where the way meets itself. What does not fit in a message is left out. */
static void report_circle(const struct walk *w, size_t index, size_t met)
{
    static const char more[] = "...";
    size_t worker = w->way[w->length - 1], used = 0;
    char text[CIRCLE + sizeof more] = "";
    struct value at = find_place(w, worker, "after", index);

    for (size_t i = w->steps[met].on; i < w->length; i++) {
        const char *name = w->workers[w->way[i]].name;
        if (used + strlen(name) + 4 >= CIRCLE) {
            memcpy(text + used, more, sizeof more);
            break;
        }
        used += (size_t)snprintf(text + used, CIRCLE - used, "%s -> ", name);
    }
    value_error(&at, "these come after each other in a circle: %s%s%s", text, text[used] ? " -> " : "",
                w->workers[met].name);
}

static void enter(struct walk *w, size_t worker)
{
    w->steps[worker] = (struct step){.mark = ON_THE_WAY, .on = w->length, .rank = 1};
    w->way[w->length++] = worker;
}

/* What follows must never be deeper than this, in whatever order workers are defined: the core walks there, too. */
static void check_rank(const struct walk *w, size_t worker)
{
    struct value at;

    if (w->steps[worker].rank != CONFIG_AFTER_MAX + 1)
        return;
    at = find_place(w, worker, "after", 0);
    value_error(&at, "more than %d workers come one after another", CONFIG_AFTER_MAX);
}

static void raise_rank(const struct walk *w, size_t worker, size_t before)
{
    if (w->steps[worker].rank <= w->steps[before].rank)
        w->steps[worker].rank = w->steps[before].rank + 1;
}

/* All that the last on the way comes after has been seen: back to who has led there. */
static void leave(struct walk *w)
{
    size_t worker = w->way[--w->length];

    w->steps[worker].mark = SEEN;
    check_rank(w, worker);
    if (w->length > 0)
        raise_rank(w, w->way[w->length - 1], worker);
}

/* Follows each entry of `after` once; the way is a list of its own, so that no chain is too long for it. */
static void walk_from(struct walk *w, size_t root)
{
    enter(w, root);
    while (w->length > 0) {
        size_t worker = w->way[w->length - 1], index = w->steps[worker].next++;
        char **after = w->workers[worker].after;
        size_t other = after && after[index] ? find_worker(w, after[index]) : w->count;
        if (!after || !after[index])
            leave(w);
        else if (other == w->count)
            continue;
        else if (w->steps[other].mark == UNSEEN)
            enter(w, other);
        else if (w->steps[other].mark == ON_THE_WAY)
            report_circle(w, index, other);
        else
            raise_rank(w, worker, other);
    }
}

static void check_all(struct walk *w, bool whole)
{
    for (size_t i = 0; i < w->count; i++)
        w->names[i] = (struct name){w->workers[i].name, i};
    qsort(w->names, w->count, sizeof *w->names, by_name);
    for (size_t i = 0; i < w->count; i++) {
        check_twice(w, i);
        check_group(w, i);
        if (whole)
            check_known(w, i);
        if (w->steps[i].mark == UNSEEN)
            walk_from(w, i);
    }
}

static bool all_have_names(const struct config *c)
{
    for (size_t i = 0; i < c->workers_count; i++)
        if (!c->workers[i].name)
            return false;
    return true;
}

void config_order_check(const struct config *c, const struct value *places, bool whole, struct config_errors *errors)
{
    struct walk w = {.workers = c->workers, .places = places, .count = c->workers_count};

    if (w.count == 0 || !all_have_names(c))
        return;
    w.names = calloc(w.count, sizeof *w.names);
    w.steps = calloc(w.count, sizeof *w.steps);
    w.way = calloc(w.count, sizeof *w.way);
    if (w.names && w.steps && w.way)
        check_all(&w, whole);
    else
        config_errors_no_memory(errors);
    free(w.names);
    free(w.steps);
    free(w.way);
}
