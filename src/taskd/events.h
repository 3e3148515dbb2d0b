/* What happens in a taskd, as lines of JSON: kept for a while, told to whoever subscribes.
 *
 * Each kept event has a number, "seq": 1 is the first of this taskd, and none is left out. A reader pulls the lines
 * that he has not had out of the one ring that all readers share, so a slow one costs no memory; he learns that the
 * ring has overtaken him. The begin and end of units may come by the hundred thousand a second: they are not kept, are
 * built only for readers that want them, and are pushed. Their "seq" is that of the last kept event before them, so
 * that whatever line a reader saw last, its "seq" is where to go on from.
 *
 * Owner: daemon.c. Calls common. Not from several threads. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct events;
struct events_reader;

/* Whose an event is; NULL where it is nobody's in particular. */
struct events_whose {
    const char *worker, *task, *handle;
};

/* `scope`: names of workers, tasks and handles, with commas between them; NULL is everything. What is nobody's is in
 * every scope: the end of taskd concerns all. */
bool events_in_scope(const char *scope, const struct events_whose *);

/* Keeps at most so many events of so many bytes. NULL when memory is out. */
struct events *events_new(size_t count_max, size_t bytes_max);
void events_free(struct events *); /* NULL ok; after its readers */

/* Keeps an event and tells the readers. `fields` is taken (NULL: none); its "worker", "task" and "handle" say whose it
 * is. Of one that is very long the long fields are left out, and "cut":true says so. One that there is no memory for
 * counts, and overtakes every reader. */
void events_post(struct events *, const char *type, json_t *fields);
int64_t events_last(const struct events *); /* the seq of the newest, 0 before the first */

enum events_unit_kind { EVENTS_UNIT_BEGIN, EVENTS_UNIT_END };
struct events_unit {
    enum events_unit_kind kind;
    struct events_whose whose;
    const char *unit;
    bool ok; /* of an end */
};
bool events_wants_units(const struct events *); /* cheap: is it worth filling one in? */
void events_unit(struct events *, const struct events_unit *);

/* Both may end their own subscription, and no other. */
struct events_hooks {
    void (*on_news)(void *arg); /* events_next has more */
    /* A unit; every kept event before it has been read or can be. Valid during the call. */
    void (*on_unit)(void *arg, const char *line, size_t len);
    void *arg;
};

enum { EVENTS_NOW = -1, EVENTS_FIRST = -2 };
struct events_wish {
    int64_t since;        /* what came after this seq; EVENTS_NOW: what is to come; EVENTS_FIRST: all that is kept */
    unsigned units_every; /* every so many begins, and ends, of units within the scope; 0: none. They are told once
                             everything that is kept has been read */
    const char *scope;    /* copied */
};

/* 0; -ESTALE when something after `since` is no longer kept, or `since` is still to come; -ENOMEM. */
int events_subscribe(struct events *, const struct events_wish *, const struct events_hooks *,
                     struct events_reader **ret);
void events_unsubscribe(struct events_reader *);

/* The next line, its newline included, borrowed until the next event: 1; 0 when there is none yet; -ESTALE when the
 * ring has overtaken this reader. */
int events_next(struct events_reader *, const char **ret_line, size_t *ret_len);
int64_t events_told(const struct events_reader *); /* the seq up to which it has been told */
