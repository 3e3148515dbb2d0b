/* Rows of text in aligned columns: wide characters count two, control characters are escaped, long cells are cut.
 *
 * Owner: the commands that print tables. Calls common/text, term. Errors latch: a table that ran out of memory prints
 * what it has and table_print says so. */
#pragma once
#include <stdio.h>

enum table_colour { TABLE_PLAIN, TABLE_BOLD, TABLE_DIM, TABLE_GREEN, TABLE_YELLOW, TABLE_RED };

const char *table_escape(enum table_colour); /* what begins it on a terminal; "" for TABLE_PLAIN */

struct table_column {
    const char *title;
    int right;     /* numbers */
    int max_width; /* 0: any */
};

struct table;

/* `columns` ends with a NULL title; borrowed. NULL when memory is out. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table *); /* NULL ok */

/* The next cell, row by row; text from anywhere, copied. "" and NULL are shown as "-". */
void table_cell(struct table *, enum table_colour, const char *text);
void table_cellf(struct table *, enum table_colour, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prints the titles and all rows. 0 or -ENOMEM. */
int table_print(const struct table *, FILE *out);
