#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/table.h"
#include "taskd/term.h"

static const struct table_column columns[] = {{"ID", 0, 8}, {"DONE", 1, 0}, {"LAST", 0, 0}, {NULL}};

/* One row of three cells, and the two lines that are printed. */
static const struct {
    const char *cells[3];
    const char *lines;
} cases[] = {
    {{"a", "1", "ok"}, "ID  DONE  LAST\na      1  ok\n"},
    {{"resize@2", "12345", "ok"}, "ID         DONE  LAST\nresize@2  12345  ok\n"},
    {{"", NULL, ""}, "ID  DONE  LAST\n-      -  -\n"},
    {{"日本", "1", "x"}, "ID    DONE  LAST\n日本     1  x\n"},
    {{"a\nb", "1", "\033[31m"}, "ID    DONE  LAST\na\\nb     1  \\x1B[31m\n"},
    {{"123456789", "1", "x"}, "ID        DONE  LAST\n1234567…     1  x\n"},
};

static char *print(const struct table *t)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    ck_assert_int_eq(table_print(t, f), 0);
    fclose(f);
    return text;
}

START_TEST(aligns)
{
    struct table *t = table_new(columns);
    char *text;

    for (int i = 0; i < 3; i++)
        table_cell(t, TABLE_RED, cases[_i].cells[i]);
    text = print(t);
    ck_assert_str_eq(text, cases[_i].lines);
    free(text);
    table_free(t);
}
END_TEST

START_TEST(grows)
{
    struct table *t = table_new(columns);
    size_t lines = 0;
    char *text;

    for (int i = 0; i < 3000; i++)
        table_cellf(t, TABLE_PLAIN, "%d", i);
    text = print(t);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    ck_assert_uint_eq(lines, 1001);
    free(text);
    table_free(t);
    table_free(NULL);
}
END_TEST

static const struct {
    const char *text;
    int columns;
    const char *cut;
} cuts[] = {
    {"abc", 3, "abc"},       {"abcd", 3, "ab…"},     {"abcd", 1, "…"},     {"abcd", 0, ""},
    {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"é", 1, "é"},
};

START_TEST(cuts_between_characters)
{
    char text[32];

    strcpy(text, cuts[_i].text);
    term_cut(text, sizeof text, cuts[_i].columns);
    ck_assert_str_eq(text, cuts[_i].cut);
}
END_TEST

/* The block is drawn over by going up exactly as many lines as there were. */
START_TEST(a_block_is_drawn_over)
{
    char *text = NULL;
    size_t size;
    struct term_block b = {.out = open_memstream(&text, &size)};

    term_block_begin(&b);
    term_block_line(&b, "one");
    term_block_line(&b, "two");
    term_block_begin(&b);
    term_block_line(&b, "three");
    term_block_clear(&b);
    term_block_clear(&b);
    fclose(b.out);
    ck_assert_str_eq(text, "one\ntwo\n\r\033[2A\033[Jthree\n\r\033[1A\033[J");
    free(text);
}
END_TEST

START_TEST(a_file_gets_no_colours)
{
    FILE *f = tmpfile();

    setenv("TERM", "xterm", 1);
    ck_assert(!term_is_terminal(f));
    ck_assert(!term_colours(f));
    ck_assert_int_eq(term_columns(f), 80);
    ck_assert_int_eq(term_rows(f), 24);
    fclose(f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("table");
    TCase *t = tcase_create("table");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, aligns, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, grows);
    tcase_add_loop_test(t, cuts_between_characters, 0, sizeof cuts / sizeof *cuts);
    tcase_add_test(t, a_block_is_drawn_over);
    tcase_add_test(t, a_file_gets_no_colours);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
