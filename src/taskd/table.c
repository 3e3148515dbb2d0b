#include "taskd/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/term.h"

enum { CELL_MAX = 512, GAP = 2 };

struct cell {
    char *text;
    size_t width; /* in columns; kept, as it is asked for twice */
    enum table_colour colour;
};

struct table {
    const struct table_column *columns;
    size_t columns_count;
    struct cell *cells;
    size_t count, cap;
    bool failed;
};

static const char *const colours[] = {
    [TABLE_BOLD] = "\033[1m",    [TABLE_DIM] = "\033[2m",  [TABLE_GREEN] = "\033[32m",
    [TABLE_YELLOW] = "\033[33m", [TABLE_RED] = "\033[31m",
};

const char *table_escape(enum table_colour colour)
{
    return colours[colour] ? colours[colour] : "";
}

struct table *table_new(const struct table_column *columns)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->columns = columns;
    while (columns[t->columns_count].title)
        t->columns_count++;
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].text);
    free(t->cells);
    free(t);
}

static bool reserve(struct table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct cell *cells;

    if (t->count < t->cap)
        return true;
    cells = realloc(t->cells, cap * sizeof *cells);
    if (!cells)
        return false;
    t->cells = cells;
    t->cap = cap;
    return true;
}

void table_cell(struct table *t, enum table_colour colour, const char *text)
{
    char clean[CELL_MAX];
    int max_width = t->columns[t->count % t->columns_count].max_width;
    char *copy;

    if (!text || !*text)
        text = "-";
    text_printable(text, strlen(text), clean, sizeof clean - 4);
    if (max_width)
        term_cut(clean, sizeof clean, max_width);
    copy = strdup(clean);
    if (t->failed || !copy || !reserve(t)) {
        free(copy);
        t->failed = true;
        return;
    }
    t->cells[t->count++] = (struct cell){copy, text_width(copy), colour};
}

void table_cellf(struct table *t, enum table_colour colour, const char *fmt, ...)
{
    char text[CELL_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_cell(t, colour, text);
}

static void measure(const struct table *t, size_t *widths)
{
    for (size_t i = 0; i < t->columns_count; i++)
        widths[i] = text_width(t->columns[i].title);
    for (size_t i = 0; i < t->count; i++) {
        size_t *widest = &widths[i % t->columns_count];

        if (t->cells[i].width > *widest)
            *widest = t->cells[i].width;
    }
}

/* Nothing is padded after the last column: a line ends where its text does. */
static void print_cell(const struct table *t, size_t column, size_t width, const char *text, size_t text_columns,
                       const char *colour, FILE *out)
{
    int pad = width > text_columns ? (int)(width - text_columns) : 0;
    bool right = t->columns[column].right, last = column + 1 == t->columns_count;

    if (right)
        fprintf(out, "%*s", pad, "");
    if (colour)
        fputs(colour, out);
    fputs(text, out);
    if (colour)
        fputs("\033[0m", out);
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (right ? 0 : pad) + GAP, "");
}

static void print_titles(const struct table *t, const size_t *widths, const char *colour, FILE *out)
{
    for (size_t i = 0; i < t->columns_count; i++)
        print_cell(t, i, widths[i], t->columns[i].title, text_width(t->columns[i].title), colour, out);
}

int table_print(const struct table *t, FILE *out)
{
    size_t *widths = calloc(t->columns_count, sizeof *widths);
    bool colour = term_colours(out);

    if (!widths)
        return -ENOMEM;
    measure(t, widths);
    print_titles(t, widths, colour ? colours[TABLE_BOLD] : NULL, out);
    for (size_t i = 0; i < t->count; i++)
        print_cell(t, i % t->columns_count, widths[i % t->columns_count], t->cells[i].text, t->cells[i].width,
                   colour ? colours[t->cells[i].colour] : NULL, out);
    free(widths);
    return t->failed ? -ENOMEM : 0;
}
