#include "taskd/config_errors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/jsonpos.h"

enum { PATH_SHOWN = 256, MESSAGE_SHOWN = 512 };

struct entry {
    struct config_error error;
    char *file, *path, *message; /* what `error` lends out */
    size_t source, offset, sequence;
};

struct source {
    char *file; /* NULL: none */
    const char *text;
    size_t len;
    struct jsonpos_place asked; /* what config_errors_place found last: the next is rarely far from it */
};

struct config_errors {
    struct entry *list;
    size_t count, cap;
    size_t begun; /* where this load's errors begin */
    struct source *sources;
    size_t sources_count;
    bool muted, no_memory;
};

struct config_errors *config_errors_new(void)
{
    return calloc(1, sizeof(struct config_errors));
}

static void entry_clear(struct entry *e)
{
    free(e->file);
    free(e->path);
    free(e->message);
}

static void drop_sources(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->sources_count; i++)
        free(errors->sources[i].file);
    free(errors->sources);
    errors->sources = NULL;
    errors->sources_count = 0;
}

void config_errors_free(struct config_errors *errors)
{
    if (!errors)
        return;
    for (size_t i = 0; i < errors->count; i++)
        entry_clear(&errors->list[i]);
    drop_sources(errors);
    free(errors->list);
    free(errors);
}

size_t config_errors_count(const struct config_errors *errors)
{
    return errors->count;
}

const struct config_error *config_errors_get(const struct config_errors *errors, size_t index)
{
    return &errors->list[index].error;
}

void config_errors_no_memory(struct config_errors *errors)
{
    errors->no_memory = true;
}

void config_errors_mute(struct config_errors *errors, bool muted)
{
    errors->muted = muted;
}

void config_errors_begin(struct config_errors *errors, const char *file, const char *text, size_t len)
{
    errors->begun = errors->count;
    errors->no_memory = errors->muted = false;
    drop_sources(errors);
    config_errors_source(errors, file, text, len);
}

size_t config_errors_source(struct config_errors *errors, const char *file, const char *text, size_t len)
{
    struct source *grown = reallocarray(errors->sources, errors->sources_count + 1, sizeof *grown);
    struct source made = {.file = file ? strdup(file) : NULL, .text = text, .len = len, .asked = JSONPOS_START};

    if (grown)
        errors->sources = grown;
    if (!grown || (file && !made.file)) {
        free(made.file);
        errors->no_memory = true;
        return SOURCE_MAIN;
    }
    errors->sources[errors->sources_count] = made;
    return errors->sources_count++;
}

static const char *file_of(const struct config_errors *errors, size_t source)
{
    return source < errors->sources_count ? errors->sources[source].file : NULL;
}

static struct entry *make_room(struct config_errors *errors)
{
    if (errors->count == errors->cap) {
        size_t cap = errors->cap ? errors->cap * 2 : 8;
        struct entry *list = reallocarray(errors->list, cap, sizeof *list);
        if (!list)
            return NULL;
        errors->list = list;
        errors->cap = cap;
    }
    return &errors->list[errors->count];
}

static char *printable_copy(const char *s, size_t shown)
{
    char clean[MESSAGE_SHOWN];

    return strdup(text_printable(s, strlen(s), clean, shown));
}

void config_errors_vadd(struct config_errors *errors, size_t source, size_t offset, const char *path, const char *fmt,
                        va_list ap)
{
    char message[MESSAGE_SHOWN];
    struct entry *e, made = {.source = source, .offset = offset, .sequence = errors->count};
    const char *file = file_of(errors, source);

    if (errors->muted)
        return;
    vsnprintf(message, sizeof message, fmt, ap);
    made.file = file ? printable_copy(file, PATH_SHOWN) : NULL;
    made.path = printable_copy(path, PATH_SHOWN);
    made.message = printable_copy(message, MESSAGE_SHOWN);
    made.error = (struct config_error){.file = made.file, .path = made.path, .message = made.message};
    e = make_room(errors);
    if (!e || !made.path || !made.message || (file && !made.file)) {
        entry_clear(&made);
        errors->no_memory = true;
        return;
    }
    *e = made;
    errors->count++;
}

void config_errors_add(struct config_errors *errors, size_t offset, const char *path, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    config_errors_vadd(errors, SOURCE_MAIN, offset, path, fmt, ap);
    va_end(ap);
}

void config_errors_add_in(struct config_errors *errors, size_t source, size_t offset, const char *path, const char *fmt,
                          ...)
{
    va_list ap;

    va_start(ap, fmt);
    config_errors_vadd(errors, source, offset, path, fmt, ap);
    va_end(ap);
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static bool said_already(const struct entry *first, const struct entry *e)
{
    if (e->offset == ERROR_NOWHERE)
        return false;
    for (const struct entry *said = e; said-- > first && said->source == e->source && said->offset == e->offset;)
        if (strcmp(said->error.message, e->error.message) == 0 && strcmp(said->error.path, e->error.path) == 0)
            return true;
    return false;
}

static void drop_repetitions(struct config_errors *errors)
{
    size_t kept = errors->begun;

    for (size_t i = errors->begun; i < errors->count; i++) {
        struct entry e = errors->list[i];
        errors->list[kept] = e;
        if (said_already(&errors->list[errors->begun], &errors->list[kept]))
            entry_clear(&e);
        else
            kept++;
    }
    errors->count = kept;
}

static void find_places(struct config_errors *errors)
{
    struct jsonpos_place place = JSONPOS_START;
    size_t source = SOURCE_MAIN;

    for (size_t i = errors->begun; i < errors->count; i++) {
        struct entry *e = &errors->list[i];
        if (e->source != source)
            place = JSONPOS_START;
        source = e->source;
        if (e->offset == ERROR_NOWHERE || source >= errors->sources_count)
            continue;
        jsonpos_advance(errors->sources[source].text, errors->sources[source].len, e->offset, &place);
        e->error.line = place.line;
        e->error.column = place.column;
    }
}

char *config_errors_place(struct config_errors *errors, size_t source, size_t offset, char *out, size_t out_size)
{
    struct source *s = source < errors->sources_count ? &errors->sources[source] : NULL;
    char file[PATH_SHOWN];

    snprintf(out, out_size, "another file");
    if (!s || !s->file)
        return out;
    if (s->asked.offset > offset)
        s->asked = JSONPOS_START;
    jsonpos_advance(s->text, s->len, offset, &s->asked);
    snprintf(out, out_size, "%s:%zu:%zu", text_printable(s->file, strlen(s->file), file, sizeof file), s->asked.line,
             s->asked.column);
    return out;
}

int config_errors_end(struct config_errors *errors)
{
    if (errors->count > errors->begun) {
        qsort(errors->list + errors->begun, errors->count - errors->begun, sizeof *errors->list, by_place);
        drop_repetitions(errors);
        find_places(errors);
    }
    drop_sources(errors);
    if (errors->no_memory)
        return -ENOMEM;
    return errors->count > errors->begun ? -EINVAL : 0;
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct config_error *e = &errors->list[i].error;
        if (e->file)
            fprintf(out, "%s:", e->file);
        if (e->line)
            fprintf(out, "%zu:%zu:", e->line, e->column);
        fprintf(out, "%s%s%s%s\n", e->file ? " " : "", e->path, e->path[0] ? ": " : "", e->message);
    }
    if (errors->no_memory)
        fputs("out of memory\n", out);
}
