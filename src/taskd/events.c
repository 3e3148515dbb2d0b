#include "taskd/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/jsonout.h"
#include "common/quantity.h"

/* An event longer than this loses the fields that are longer than that. */
enum { LINE_MAX_BYTES = 64 * 1024, FIELD_MAX_BYTES = 1024, TIME_TEXT = 32, KINDS = 2 };

/* One block: what `whose` points to stands behind the line. */
struct kept {
    size_t size, len;
    struct events_whose whose;
    char line[];
};

struct events {
    struct kept **ring; /* by seq modulo count_max */
    size_t count_max, bytes_max, count, bytes;
    int64_t last;
    struct events_reader *readers;
    size_t unit_readers;
    struct jsonout unit_line;
};

struct events_reader {
    struct events_reader *next;
    struct events *owner;
    int64_t told;
    char *scope;
    uint64_t units_every, units_seen[KINDS];
    bool wants_units, due;
    struct events_hooks hooks;
};

/* --- scopes ------------------------------------------------------------------------------------------------------ */

static bool lists(const char *scope, const char *name)
{
    while (name && *scope) {
        size_t len = strcspn(scope, ",");
        if (strlen(name) == len && memcmp(name, scope, len) == 0)
            return true;
        scope += len + (scope[len] == ',');
    }
    return false;
}

bool events_in_scope(const char *scope, const struct events_whose *w)
{
    bool nobodys = !w->worker && !w->task && !w->handle;
    return !scope || nobodys || lists(scope, w->worker) || lists(scope, w->task) || lists(scope, w->handle);
}

/* --- the ring ---------------------------------------------------------------------------------------------------- */

static struct kept **slot(const struct events *e, int64_t seq)
{
    return &e->ring[(size_t)seq % e->count_max];
}

static int64_t before_first(const struct events *e)
{
    return e->last - (int64_t)e->count;
}

static void drop_oldest(struct events *e)
{
    struct kept **oldest = slot(e, before_first(e) + 1);
    e->bytes -= (*oldest)->size;
    e->count--;
    free(*oldest);
    *oldest = NULL;
}

static void drop_all(struct events *e)
{
    while (e->count > 0)
        drop_oldest(e);
}

struct events *events_new(size_t count_max, size_t bytes_max)
{
    struct events *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct events){.count_max = count_max, .bytes_max = bytes_max};
    e->ring = calloc(count_max, sizeof(struct kept *));
    if (!e->ring) {
        free(e);
        return NULL;
    }
    return e;
}

void events_free(struct events *e)
{
    if (!e)
        return;
    drop_all(e);
    jsonout_free(&e->unit_line);
    free(e->ring);
    free(e);
}

int64_t events_last(const struct events *e)
{
    return e->last;
}

/* --- making a line ----------------------------------------------------------------------------------------------- */

static char *time_text(char *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return moment_format(&now, out, TIME_TEXT);
}

static bool is_long(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    bool yes = !text || strlen(text) > FIELD_MAX_BYTES;
    free(text);
    return yes;
}

static void cut(json_t *event)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe (event, next, key, value) {
        if (is_long(value))
            json_object_del(event, key);
    }
    json_object_set_new(event, "cut", json_true());
}

static char *dump(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);
    if (!text || strlen(text) <= LINE_MAX_BYTES)
        return text;
    free(text);
    cut(event);
    return json_dumps(event, JSON_COMPACT);
}

static const char *field(const json_t *fields, const char *key)
{
    return json_string_value(json_object_get(fields, key));
}

static size_t room_for(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *put(char **at, const char *s)
{
    char *start = *at;
    if (!s)
        return NULL;
    size_t room = room_for(s);
    memcpy(start, s, room);
    *at += room;
    return start;
}

static struct kept *make_kept(const char *text, const struct events_whose *w)
{
    size_t len = strlen(text) + 1;
    size_t size = sizeof(struct kept) + len + 1 + room_for(w->worker) + room_for(w->task) + room_for(w->handle);
    struct kept *k = malloc(size);
    if (!k)
        return NULL;
    *k = (struct kept){.size = size, .len = len};
    memcpy(k->line, text, len - 1);
    memcpy(k->line + len - 1, "\n", 2);
    char *at = k->line + len + 1;
    k->whose.worker = put(&at, w->worker);
    k->whose.task = put(&at, w->task);
    k->whose.handle = put(&at, w->handle);
    return k;
}

static struct kept *make(const struct events *e, const char *type, json_t *fields)
{
    char now[TIME_TEXT];
    json_t *event = json_pack("{sI ss ss}", "seq", (json_int_t)e->last + 1, "time", time_text(now), "type", type);
    struct events_whose whose = {field(fields, "worker"), field(fields, "task"), field(fields, "handle")};
    struct kept *k = NULL;
    if (event && (!fields || json_object_update(event, fields) == 0)) {
        char *text = dump(event);
        k = text ? make_kept(text, &whose) : NULL;
        free(text);
    }
    json_decref(event);
    return k;
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

static void tell(struct events *e)
{
    struct events_reader *next;
    for (struct events_reader *r = e->readers; r; r = next) {
        next = r->next;
        r->hooks.on_news(r->hooks.arg);
    }
}

void events_post(struct events *e, const char *type, json_t *fields)
{
    struct kept *k = make(e, type, fields);
    json_decref(fields);
    if (!k)
        drop_all(e);
    while (k && e->count > 0 && (e->count == e->count_max || e->bytes + k->size > e->bytes_max))
        drop_oldest(e);
    e->last++;
    if (k) {
        *slot(e, e->last) = k;
        e->count++;
        e->bytes += k->size;
    }
    tell(e);
}

/* --- units ------------------------------------------------------------------------------------------------------- */

bool events_wants_units(const struct events *e)
{
    return e->unit_readers > 0;
}

/* Begins and ends are counted apart, else an even number would show the one and never the other. */
static bool is_due(struct events_reader *r, const struct events_unit *u)
{
    if (!r->wants_units || !events_in_scope(r->scope, &u->whose))
        return false;
    return r->units_seen[u->kind]++ % r->units_every == 0;
}

static bool any_due(struct events *e, const struct events_unit *u)
{
    bool any = false;
    for (struct events_reader *r = e->readers; r; r = r->next) {
        r->due = is_due(r, u);
        any = any || r->due;
    }
    return any;
}

static const char *unit_line(struct events *e, const struct events_unit *u, size_t *ret_len)
{
    static const char *const types[KINDS] = {[EVENTS_UNIT_BEGIN] = "unit_begin", [EVENTS_UNIT_END] = "unit_end"};
    struct jsonout *o = &e->unit_line;
    char now[TIME_TEXT];
    jsonout_begin(o);
    jsonout_int(o, "seq", e->last);
    jsonout_string(o, "time", time_text(now));
    jsonout_string(o, "type", types[u->kind]);
    jsonout_string(o, "worker", u->whose.worker);
    jsonout_string(o, "task", u->whose.task);
    jsonout_string(o, "handle", u->whose.handle);
    jsonout_string(o, "unit", u->unit);
    if (u->kind == EVENTS_UNIT_END)
        jsonout_bool(o, "ok", u->ok);
    return jsonout_line(o, ret_len);
}

void events_unit(struct events *e, const struct events_unit *u)
{
    struct events_reader *next;
    size_t len;
    if (!events_wants_units(e) || !any_due(e, u))
        return;
    const char *line = unit_line(e, u, &len);
    for (struct events_reader *r = e->readers; line && r; r = next) {
        next = r->next;
        if (r->due)
            r->hooks.on_unit(r->hooks.arg, line, len);
    }
}

/* --- readers ----------------------------------------------------------------------------------------------------- */

static int64_t start_of(const struct events *e, int64_t since)
{
    if (since == EVENTS_NOW)
        return e->last;
    return since == EVENTS_FIRST ? before_first(e) : since;
}

int events_subscribe(struct events *e, const struct events_wish *wish, const struct events_hooks *hooks,
                     struct events_reader **ret)
{
    int64_t told = start_of(e, wish->since);
    if (told > e->last || told < before_first(e))
        return -ESTALE;
    struct events_reader *r = calloc(1, sizeof *r);
    char *scope = wish->scope ? strdup(wish->scope) : NULL;
    if (!r || (wish->scope && !scope)) {
        free(r);
        free(scope);
        return -ENOMEM;
    }
    *r = (struct events_reader){.next = e->readers,
                                .owner = e,
                                .told = told,
                                .scope = scope,
                                .units_every = wish->units_every,
                                .hooks = *hooks};
    e->readers = r;
    *ret = r;
    return 0;
}

void events_unsubscribe(struct events_reader *r)
{
    struct events_reader **at = &r->owner->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    r->owner->unit_readers -= r->wants_units;
    free(r->scope);
    free(r);
}

static void want_units(struct events_reader *r)
{
    if (r->wants_units || !r->units_every)
        return;
    r->wants_units = true;
    r->owner->unit_readers++;
}

int events_next(struct events_reader *r, const char **ret_line, size_t *ret_len)
{
    const struct events *e = r->owner;
    while (r->told < e->last) {
        if (r->told < before_first(e))
            return -ESTALE;
        const struct kept *k = *slot(e, ++r->told);
        if (!events_in_scope(r->scope, &k->whose))
            continue;
        *ret_line = k->line;
        *ret_len = k->len;
        return 1;
    }
    want_units(r);
    return 0;
}

int64_t events_told(const struct events_reader *r)
{
    return r->told;
}
