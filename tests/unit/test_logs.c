/* Lines of logs: their forms, their levels, and the last ones of a task. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonout.h"
#include "suite.h"
#include "taskd/logline.h"
#include "taskd/logring.h"

static struct logline line(const char *text)
{
    return (struct logline){.time_ms = 1763894527123,
                            .task = "w@1",
                            .handle = "w@1#7",
                            .level = LOGLINE_LEVEL_NONE,
                            .text = text,
                            .len = strlen(text)};
}

/* --- forms ------------------------------------------------------------------------------------------------------- */

#define TIME "2025-11-23T10:42:07.123Z"

static const struct form {
    struct logline line; /* what is set here in place of what line() says */
    const char *text, *json;
} forms[] = {
    {{.text = "hello"},
     TIME " w@1 [] hello\n",
     "{\"time\":\"" TIME "\",\"task\":\"w@1\",\"handle\":\"w@1#7\",\"msg\":\"hello\"}\n"},
    {{.text = ""}, TIME " w@1 [] \n", "{\"time\":\"" TIME "\",\"task\":\"w@1\",\"handle\":\"w@1#7\",\"msg\":\"\"}\n"},
    {{.text = "a\033\"\\", .unit = "u 1", .level = LOG_WARNING, .fields = "{\"n\":1}"},
     TIME " w@1 [u 1] warning: a\033\"\\ {\"n\":1}\n",
     "{\"time\":\"" TIME
     "\",\"task\":\"w@1\",\"handle\":\"w@1#7\",\"unit\":\"u 1\",\"level\":\"warning\",\"msg\":\"a\\u001b\\\"\\\\\","
     "\"fields\":{\"n\":1}}\n"},
    {{.text = "half", .unit = "a]\nb", .more = true},
     TIME " w@1 [a)\\nb]+ half\n",
     "{\"time\":\"" TIME
     "\",\"task\":\"w@1\",\"handle\":\"w@1#7\",\"unit\":\"a]\\nb\",\"msg\":\"half\",\"more\":true}\n"},
    {{.text = "\377x"},
     TIME " w@1 [] \377x\n",
     "{\"time\":\"" TIME "\",\"task\":\"w@1\",\"handle\":\"w@1#7\",\"msg\":\"\xef\xbf\xbdx\"}\n"},
};

static void check_text(const struct logtext *t, const char *expected)
{
    ck_assert(!t->failed);
    ck_assert_uint_eq(t->len, strlen(expected));
    ck_assert_mem_eq(t->data, expected, t->len);
}

START_TEST(has_two_forms)
{
    const struct form *f = &forms[_i];
    struct logline l = line(f->line.text);
    struct logtext text = {0}, json = {0};
    struct jsonout scratch = {0};

    l.unit = f->line.unit;
    l.level = f->line.level ? f->line.level : LOGLINE_LEVEL_NONE;
    l.fields = f->line.fields;
    l.more = f->line.more;
    logline_put_text(&text, &l);
    check_text(&text, f->text);
    logline_put_json(&json, &scratch, &l);
    check_text(&json, f->json);
    logtext_free(&text);
    logtext_free(&json);
    jsonout_free(&scratch);
}
END_TEST

START_TEST(a_nul_is_a_byte_like_others)
{
    struct logtext text = {0}, json = {0};
    struct jsonout scratch = {0};
    struct logline l = line("a");

    l.text = "a\0b";
    l.len = 3;
    logline_put_text(&text, &l);
    ck_assert_mem_eq(text.data + text.len - 4, "a\0b\n", 4);
    logline_put_json(&json, &scratch, &l);
    ck_assert_ptr_nonnull(memmem(json.data, json.len,
                                 "\"a\xef\xbf\xbd"
                                 "b\"",
                                 7));
    logtext_free(&text);
    logtext_free(&json);
    jsonout_free(&scratch);
}
END_TEST

/* A unit of control characters alone is four times as long when it is shown. */
START_TEST(the_longest_unit_fits)
{
    char unit[2 * LOGLINE_UNIT_MAX];
    struct logtext text = {0};
    struct logline l = line("x");

    memset(unit, '\001', sizeof unit - 1);
    unit[sizeof unit - 1] = '\0';
    l.unit = unit;
    for (int i = 0; i < 100; i++)
        logline_put_text(&text, &l);
    ck_assert(!text.failed);
    ck_assert_ptr_nonnull(memmem(text.data, text.len, "] x\n", 4));
    logtext_free(&text);
}
END_TEST

static const struct prefix {
    const char *text, *rest;
    int level;
} prefixes[] = {
    {"<3>bad", "bad", LOG_ERR},           {"<0>", "", LOG_EMERG},
    {"<8>x", "<8>x", LOGLINE_LEVEL_NONE}, {"<12>x", "<12>x", LOGLINE_LEVEL_NONE},
    {"<", "<", LOGLINE_LEVEL_NONE},       {"", "", LOGLINE_LEVEL_NONE},
};

START_TEST(takes_the_prefix_off)
{
    struct logline l = line(prefixes[_i].text);

    logline_take_prefix(&l);
    ck_assert_int_eq(l.level, prefixes[_i].level);
    ck_assert_uint_eq(l.len, strlen(prefixes[_i].rest));
    ck_assert_mem_eq(l.text, prefixes[_i].rest, l.len);
}
END_TEST

START_TEST(knows_levels_by_name)
{
    ck_assert_int_eq(logline_level("WARN"), LOG_WARNING);
    ck_assert_int_eq(logline_level("error"), LOG_ERR);
    ck_assert_int_eq(logline_level("7"), LOG_DEBUG);
    ck_assert_int_eq(logline_level("8"), LOGLINE_LEVEL_NONE);
    ck_assert_int_eq(logline_level(""), LOGLINE_LEVEL_NONE);
    for (int i = LOG_EMERG; i <= LOG_DEBUG; i++)
        ck_assert_int_eq(logline_level(logline_level_name(i)), i);
    ck_assert_str_eq(logline_level_name(LOGLINE_LEVEL_NONE), "");
}
END_TEST

/* --- the last ones ----------------------------------------------------------------------------------------------- */

struct seen {
    int count, first, last;
    size_t bytes;
};

static void see(void *arg, const struct logline *l)
{
    struct seen *s = arg;
    int n = atoi(l->text);

    if (s->count++ == 0)
        s->first = n;
    else
        ck_assert_int_eq(n, s->last + 1);
    s->last = n;
    s->bytes += l->len;
    ck_assert_str_eq(l->handle, "w@1#7");
    ck_assert_str_eq(l->unit, "u");
}

static bool is_even(void *arg, const struct logline *l)
{
    (void)arg;
    return atoi(l->text) % 2 == 0;
}

static void fill(struct logring *r, int count)
{
    char text[64];

    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%d", i);
        struct logline l = line(text);
        l.unit = "u";
        logring_put(r, &l);
    }
}

START_TEST(keeps_the_last_within_its_bound)
{
    struct logring *r = logring_new();
    struct seen s = {0};

    logring_last(r, 10, NULL, see, &s);
    ck_assert_int_eq(s.count, 0);
    fill(r, 100000);
    logring_last(r, 1000000, NULL, see, &s);
    ck_assert_int_eq(s.last, 99999);
    ck_assert_int_gt(s.count, LOGRING_SIZE / 2 / 64);
    ck_assert_uint_le(s.bytes, LOGRING_SIZE);
    s = (struct seen){0};
    logring_last(r, 7, NULL, see, &s);
    ck_assert_int_eq(s.first, 99993);
    logring_free(r);
}
END_TEST

static void see_last(void *arg, const struct logline *l)
{
    struct seen *s = arg;
    s->count++;
    s->last = atoi(l->text);
}

START_TEST(counts_what_is_wanted)
{
    struct logring *r = logring_new();
    struct seen s = {0};

    fill(r, 101);
    logring_last(r, 3, is_even, see_last, &s);
    ck_assert_int_eq(s.count, 3);
    ck_assert_int_eq(s.last, 100);
    logring_free(r);
}
END_TEST

static void see_cut(void *arg, const struct logline *l)
{
    (void)arg;
    ck_assert_uint_eq(l->len, LOGRING_LINE_MAX);
    ck_assert(l->more);
    ck_assert_ptr_null(l->fields); /* half a JSON text is none */
}

START_TEST(cuts_what_is_too_long)
{
    struct logring *r = logring_new();
    char *text = malloc(LOGRING_LINE_MAX + 100);

    memset(text, 'x', LOGRING_LINE_MAX + 99);
    text[LOGRING_LINE_MAX + 99] = '\0';
    struct logline l = line(text);
    l.fields = text;
    logring_put(r, &l);
    logring_last(r, 10, NULL, see_cut, NULL);
    free(text);
    logring_free(r);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, has_two_forms, 0, sizeof forms / sizeof *forms);
    tcase_add_test(tc, a_nul_is_a_byte_like_others);
    tcase_add_test(tc, the_longest_unit_fits);
    tcase_add_loop_test(tc, takes_the_prefix_off, 0, sizeof prefixes / sizeof *prefixes);
    tcase_add_test(tc, knows_levels_by_name);
    tcase_add_test(tc, keeps_the_last_within_its_bound);
    tcase_add_test(tc, counts_what_is_wanted);
    tcase_add_test(tc, cuts_what_is_too_long);
}

int main(void)
{
    return suite_run("logs", (void (*const[])(TCase *)){add, NULL});
}
