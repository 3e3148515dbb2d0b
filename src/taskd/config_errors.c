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
    size_t offset, sequence;
};

struct config_errors {
    struct entry *list;
    size_t count, cap;
    size_t begun;     /* where this load's errors begin */
    const char *file; /* of this load */
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

void config_errors_free(struct config_errors *errors)
{
    if (!errors)
        return;
    for (size_t i = 0; i < errors->count; i++)
        entry_clear(&errors->list[i]);
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

void config_errors_begin(struct config_errors *errors, const char *file)
{
    errors->begun = errors->count;
    errors->file = file;
    errors->no_memory = errors->muted = false;
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

void config_errors_vadd(struct config_errors *errors, size_t offset, const char *path, const char *fmt, va_list ap)
{
    char message[MESSAGE_SHOWN];
    struct entry *e, made = {.offset = offset, .sequence = errors->count};

    if (errors->muted)
        return;
    vsnprintf(message, sizeof message, fmt, ap);
    made.file = errors->file ? printable_copy(errors->file, PATH_SHOWN) : NULL;
    made.path = printable_copy(path, PATH_SHOWN);
    made.message = printable_copy(message, MESSAGE_SHOWN);
    made.error = (struct config_error){.file = made.file, .path = made.path, .message = made.message};
    e = make_room(errors);
    if (!e || !made.path || !made.message || (errors->file && !made.file)) {
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
    config_errors_vadd(errors, offset, path, fmt, ap);
    va_end(ap);
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static bool said_already(const struct entry *first, const struct entry *e)
{
    if (e->offset == ERROR_NOWHERE)
        return false;
    for (const struct entry *said = e; said-- > first && said->offset == e->offset;)
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

static void find_places(struct config_errors *errors, const char *text, size_t len)
{
    struct jsonpos_place place = JSONPOS_START;

    for (size_t i = errors->begun; i < errors->count; i++) {
        struct entry *e = &errors->list[i];
        if (e->offset == ERROR_NOWHERE)
            continue;
        jsonpos_advance(text, len, e->offset, &place);
        e->error.line = place.line;
        e->error.column = place.column;
    }
}

int config_errors_end(struct config_errors *errors, const char *text, size_t len)
{
    if (errors->count > errors->begun) {
        qsort(errors->list + errors->begun, errors->count - errors->begun, sizeof *errors->list, by_place);
        drop_repetitions(errors);
        find_places(errors, text, len);
    }
    errors->file = NULL;
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
