#include "taskd/config_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config_env.h"
#include "taskd/config_include.h"
#include "taskd/config_keys.h"
#include "taskd/config_name.h"
#include "taskd/config_order.h"
#include "taskd/config_socket.h"
#include "taskd/config_worker.h"

enum { KEY_NAME = 128, KNOWN_MAX = 64 };

enum section {
    SECTION_SCHEMA,
    SECTION_INCLUDE,
    SECTION_DAEMON,
    SECTION_SOCKETS,
    SECTION_DEFAULTS,
    SECTION_WORKERS,
    SECTIONS
};

static const char *const section_names[] = {
    [SECTION_SCHEMA] = "$schema",
    [SECTION_INCLUDE] = "include",
    [SECTION_DAEMON] = "daemon",
    [SECTION_SOCKETS] = "sockets",
    [SECTION_DEFAULTS] = "defaults",
    [SECTION_WORKERS] = "workers",
    [SECTIONS] = NULL,
};

struct reader {
    struct config *config;
    struct value sections[SECTIONS]; /* .at is NULL for one that is missing */
    struct worker_config fresh;      /* every key at its default */
    struct value *places;            /* where each worker of the configuration stands */
    struct value *socket_places;     /* … and each socket */
    bool whole;                      /* no worker is missing, as far as is known */
};

/* What an object's keys are read into. */
struct target {
    enum key_scope scope;
    void *object;
    unsigned given;
    bool shared; /* defaults: for all workers at once */
};

static bool is_object(const struct value *v)
{
    if (json_is_object(v->json))
        return true;
    value_error(v, "must be an object, not %s", value_kind(v));
    return false;
}

static void unknown_key(const struct target *t, const struct value *member, const char *prefix)
{
    const char *known[KNOWN_MAX];
    size_t n = 0;

    for (const struct key *k = config_keys; k->name && n < KNOWN_MAX - 1; k++) {
        const char *name = k->scope == t->scope && !(k->own && t->shared) ? config_key_below(k, prefix) : NULL;
        if (name)
            known[n++] = name;
    }
    known[n] = NULL;
    value_unknown_key(member, known);
}

static void read_object(struct target *, const struct value *, const char *prefix);

static void read_member(struct target *t, const struct value *member, const char *prefix)
{
    char name[KEY_NAME];
    int len = snprintf(name, sizeof name, "%s%s", prefix, member->at->key);
    const struct key *k = len < (int)sizeof name - 1 ? config_key_find(t->scope, name) : NULL;

    if (k && !config_key_below(k, prefix)) {
        value_key_error(member, "unknown key: keys do not nest by dots, \"%.*s\" is an object",
                        (int)strcspn(member->at->key, "."), member->at->key);
    } else if (!k) {
        unknown_key(t, member, prefix);
    } else if (k->own && t->shared) {
        value_key_error(member, "each worker has its own: it cannot be a default");
    } else if (k->type == &type_group) {
        snprintf(name + len, sizeof name - (size_t)len, ".");
        read_object(t, member, name);
    } else {
        size_t errors = config_errors_count(member->errors);
        config_key_read(k, t->object, member);
        if (config_errors_count(member->errors) == errors)
            t->given |= k->given;
    }
}

static void read_object(struct target *t, const struct value *v, const char *prefix)
{
    struct value member = {0};

    if (!is_object(v))
        return;
    while (value_next(v, &member))
        read_member(t, &member, prefix);
}

/* "log.file" below `object`. */
static bool find_dotted(const struct value *object, const char *name, struct value *ret)
{
    const char *dot = strchr(name, '.');
    char group[KEY_NAME];
    struct value inner;

    if (!dot)
        return value_find(object, name, ret);
    snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
    return value_find(object, group, &inner) && value_find(&inner, dot + 1, ret);
}

/* Where a worker's keys stand. */
struct origin {
    const struct value *worker, *defaults;
};

/* A mistake that a worker has inherited is shown in defaults, unless it takes the worker's own keys to see it. */
static void on_wrong_key(void *arg, const char *key, bool alone, const char *message)
{
    const struct origin *o = arg;
    struct value at;

    if (find_dotted(o->worker, key, &at) || (alone && o->defaults->at && find_dotted(o->defaults, key, &at)))
        value_error(&at, "%s", message);
    else
        value_key_error(o->worker, "%s: %s", key, message);
}

static void on_env_file_error(void *arg, const char *message)
{
    on_wrong_key(arg, "env_file", true, message);
}

static void read_keys(struct reader *r, const struct value *v, struct worker_config *w)
{
    const struct value *defaults = &r->sections[SECTION_DEFAULTS];
    struct target inherited = {.scope = SCOPE_WORKER, .object = w, .shared = true};
    struct target own = {.scope = SCOPE_WORKER, .object = w};

    if (defaults->at) {
        config_errors_mute(v->errors, true);
        read_object(&inherited, defaults, "");
        config_errors_mute(v->errors, false);
    }
    read_object(&own, v, "");
    /* A worker that names a file of its own wants it used, whatever defaults say about "to". */
    if ((own.given & GIVEN_LOG_FILE) && !(own.given & GIVEN_LOG_TO))
        inherited.given &= ~(unsigned)GIVEN_LOG_TO;
    /* As defaults these are for those of the workers that have a use for them. */
    inherited.given &= ~(unsigned)(GIVEN_TIMEZONE | GIVEN_OVERLAP | GIVEN_DIALECT | GIVEN_READY_FD);
    w->given = inherited.given | own.given;
}

static void check_required(const struct value *v, enum key_scope scope)
{
    struct value found;

    for (const struct key *k = config_keys; k->name; k++)
        if (k->scope == scope && k->required && !value_find(v, k->name, &found))
            value_key_error(v, "\"%s\" is missing", k->name);
}

static char *read_name(const struct value *v, const char *whose)
{
    char *name = strdup(v->at->key);

    if (!name)
        config_errors_no_memory(v->errors);
    if (!config_name_ok(v->at->key))
        value_key_error(v,
                        "a %s's name has 1 to %d letters, digits, '.', '_' or '-', and begins with a letter or digit",
                        whose, CONFIG_NAME_MAX);
    return name;
}

static void read_worker(struct reader *r, const struct value *v, struct worker_config *w)
{
    struct origin origin = {.worker = v, .defaults = &r->sections[SECTION_DEFAULTS]};

    *w = r->fresh;
    w->name = read_name(v, "worker");
    read_keys(r, v, w);
    if (!json_is_object(v->json))
        return;
    check_required(v, SCOPE_WORKER);
    worker_derive(w, &r->fresh);
    if (w->env_file && env_file_load(w->env_file, &w->env, on_env_file_error, &origin) == -ENOMEM)
        config_errors_no_memory(v->errors);
    worker_check(w, on_wrong_key, &origin);
}

static void read_socket(const struct value *v, struct socket_config *s)
{
    struct target t = {.scope = SCOPE_SOCKET, .object = s};

    if (socket_init(s) < 0)
        config_errors_no_memory(v->errors);
    s->name = read_name(v, "socket");
    read_object(&t, v, "");
    s->given = t.given;
    if (json_is_object(v->json))
        check_required(v, SCOPE_SOCKET);
}

static void read_sockets(struct reader *r, const struct value *v)
{
    struct value member = {0};
    struct config *c = r->config;

    if (!is_object(v))
        return;
    c->sockets = calloc(json_object_size(v->json) + 1, sizeof *c->sockets);
    r->socket_places = calloc(json_object_size(v->json) + 1, sizeof *r->socket_places);
    if (!c->sockets || !r->socket_places) {
        config_errors_no_memory(v->errors);
        return;
    }
    while (value_next(v, &member)) {
        r->socket_places[c->sockets_count] = member;
        read_socket(&member, &c->sockets[c->sockets_count++]);
    }
}

static void check_total(const struct reader *r, const struct value *v)
{
    int64_t tasks = 0;

    for (size_t i = 0; i < r->config->workers_count; i++)
        tasks += r->config->workers[i].replicas;
    if (tasks > CONFIG_TASKS_MAX)
        value_error(v, "%lld tasks in all: at most %d are possible", (long long)tasks, CONFIG_TASKS_MAX);
}

static bool make_room(struct reader *r, size_t count)
{
    struct config *c = r->config;
    struct worker_config *workers = reallocarray(c->workers, c->workers_count + count, sizeof *workers);
    struct value *places = reallocarray(r->places, c->workers_count + count, sizeof *places);

    if (workers)
        c->workers = workers;
    if (places)
        r->places = places;
    return workers && places;
}

static void read_workers(struct reader *r, const struct value *v)
{
    struct value member = {0};
    struct config *c = r->config;

    if (!is_object(v)) {
        r->whole = false;
        return;
    }
    if (!make_room(r, json_object_size(v->json) + 1)) {
        config_errors_no_memory(v->errors);
        return;
    }
    while (value_next(v, &member)) {
        r->places[c->workers_count] = member;
        read_worker(r, &member, &c->workers[c->workers_count++]);
    }
}

/* Its keys are read again for each worker, silently: here is where their mistakes are told, once. */
static void read_defaults(struct reader *r, const struct value *v)
{
    struct worker_config nobody = r->fresh;
    struct target t = {.scope = SCOPE_WORKER, .object = &nobody, .shared = true};

    read_object(&t, v, "");
    worker_clear(&nobody);
}

static void find_sections(struct reader *r, const struct value *document)
{
    struct value member = {0};

    while (value_next(document, &member)) {
        size_t i = 0;
        while (i < SECTIONS && strcmp(section_names[i], member.at->key) != 0)
            i++;
        if (i < SECTIONS)
            r->sections[i] = member;
        else
            value_unknown_key(&member, section_names);
    }
}

static void read_included(struct reader *r, const struct value *document)
{
    struct value member = {0};

    if (!is_object(document)) {
        r->whole = false;
        return;
    }
    while (value_next(document, &member)) {
        if (strcmp(member.at->key, section_names[SECTION_WORKERS]) == 0)
            read_workers(r, &member);
        else if (strcmp(member.at->key, section_names[SECTION_SCHEMA]) != 0)
            value_key_error(&member, "a file that is included holds \"workers\" alone");
    }
}

static void read_all_workers(struct reader *r, const struct value *document, const struct documents *included)
{
    const struct value *own = &r->sections[SECTION_WORKERS];

    if (own->at)
        read_workers(r, own);
    for (size_t i = 0; i < included->count; i++) {
        struct value other = document_value(&included->list[i], document->errors);
        if (other.json && other.tree)
            read_included(r, &other);
        else
            r->whole = false;
    }
    if (!own->at && !r->sections[SECTION_INCLUDE].at)
        value_error(document, "\"workers\" is missing");
    else if (r->config->workers_count == 0 && r->whole && (own->at ? json_is_object(own->json) : true))
        value_error(own->at ? own : document, "no worker is defined");
    check_total(r, own->at ? own : document);
    config_order_check(r->config, r->places, r->whole, document->errors);
    config_sockets_check(r->config, &(struct socket_places){r->socket_places, r->places}, r->whole, document->errors);
    free(r->places);
    free(r->socket_places);
}

void config_read(struct config *config, const struct value *document, const struct documents *included, bool whole)
{
    struct reader r = {.config = config, .whole = whole};
    struct target daemon = {.scope = SCOPE_DAEMON, .object = &config->daemon};

    if (!is_object(document))
        return;
    if (worker_init(&r.fresh) < 0) {
        config_errors_no_memory(document->errors);
        return;
    }
    find_sections(&r, document);
    if (r.sections[SECTION_DAEMON].at)
        read_object(&daemon, &r.sections[SECTION_DAEMON], "");
    if (r.sections[SECTION_SOCKETS].at)
        read_sockets(&r, &r.sections[SECTION_SOCKETS]);
    if (r.sections[SECTION_DEFAULTS].at)
        read_defaults(&r, &r.sections[SECTION_DEFAULTS]);
    read_all_workers(&r, document, included);
}
