#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "taskd/jsonpos.h"

/* A text, a node by its number, and where it stands. */
static const struct {
    const char *text;
    size_t number;
    const char *path;
    size_t key_line, key_column, value_line, value_column;
} places[] = {
    {"{}", 0, "", 1, 1, 1, 1},
    {"  [1]", 0, "", 1, 3, 1, 3},
    {"{\"a\": 1}", 1, "a", 1, 2, 1, 7},
    {"{\"a\" :\n\t{\"b\":[true,null]}}", 2, "a.b", 2, 3, 2, 7},
    {"{\"a\" :\n\t{\"b\":[true,null]}}", 4, "a.b[1]", 2, 13, 2, 13},
    {"{\"\xc3\xbc\": \"\xc3\xbc\", \"b\": 2}", 2, "b", 1, 12, 1, 17},
    {"{\"\xc3\xbc\": 1}", 1, "[\"\xc3\xbc\"]", 1, 2, 1, 7},
    {"{\"a\\\"]}\": \"\\\\\", \"\\u0062\": -1.5e3 }", 1, "[\"a\"]}\"]", 1, 2, 1, 11},
    {"{\"a\\\"]}\": \"\\\\\", \"\\u0062\": -1.5e3 }", 2, "b", 1, 17, 1, 27},
    {"[[[]],{\"k\":{}}]", 4, "[1].k", 1, 8, 1, 12},
};

static void check_place(const char *text, size_t offset, size_t line, size_t column)
{
    struct jsonpos_place place = JSONPOS_START;

    jsonpos_advance(text, strlen(text), offset, &place);
    ck_assert_uint_eq(place.line, line);
    ck_assert_uint_eq(place.column, column);
}

START_TEST(finds_places)
{
    const char *text = places[_i].text;
    const struct jsonpos_node *node;
    struct jsonpos *tree;
    char path[64];

    ck_assert_int_eq(jsonpos_scan(text, strlen(text), &tree), 0);
    ck_assert_uint_lt(places[_i].number, jsonpos_count(tree));
    node = jsonpos_node(tree, places[_i].number);
    ck_assert_str_eq(jsonpos_path(tree, node, path, sizeof path), places[_i].path);
    check_place(text, node->key_at, places[_i].key_line, places[_i].key_column);
    check_place(text, node->value_at, places[_i].value_line, places[_i].value_column);
    jsonpos_free(tree);
}
END_TEST

START_TEST(walks_children)
{
    static const char text[] = "{\"a\": [1, [2, 3]], \"b\": {\"c\": {}}, \"d\": 4}";
    static const char *const keys[] = {"a", "b", "d"};
    const struct jsonpos_node *root, *child = NULL;
    struct jsonpos *tree;
    size_t n = 0;

    ck_assert_int_eq(jsonpos_scan(text, strlen(text), &tree), 0);
    root = jsonpos_node(tree, 0);
    while ((child = jsonpos_child(root, child))) {
        ck_assert_uint_eq(child->index, n);
        ck_assert_str_eq(child->key, keys[n++]);
    }
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(jsonpos_child(jsonpos_node(tree, jsonpos_count(tree) - 1), NULL));
    jsonpos_free(tree);
    jsonpos_free(NULL);
}
END_TEST

START_TEST(marks_duplicates)
{
    static const char text[] = "{\"k\": 1, \"a\": {\"k\": 2}, \"\\u006b\": 3, \"b\": [{\"k\": 4}], \"k\": 5}";
    /*                           1         2      3          4             5  6  7          8 */
    struct jsonpos *tree;

    ck_assert_int_eq(jsonpos_scan(text, strlen(text), &tree), 0);
    ck_assert_uint_eq(jsonpos_count(tree), 9);
    for (size_t i = 0; i < jsonpos_count(tree); i++) {
        const struct jsonpos_node *n = jsonpos_node(tree, i);
        ck_assert_uint_eq(n->repeat_of, i == 4 || i == 8 ? 1 : 0);
        ck_assert_int_eq(n->shadowed, i == 1 || i == 4);
    }
    jsonpos_free(tree);
}
END_TEST

static const struct {
    const char *text;
    size_t max;
    int at; /* -1: not too deep */
} depths[] = {
    {"", 1, -1},         {"[]", 1, -1},       {"[[]]", 1, 1},           {"[{\"a\": [", 2, 7},
    {"[][][][]", 1, -1}, {"\"[[[[\"", 1, -1}, {"[\"\\\"[[[\"]", 1, -1}, {"]]]][[", 1, 5},
    {"[\"[[[", 1, -1},   {"\"\\", 1, -1},
};

START_TEST(bounds_depth)
{
    size_t at = 99;
    bool deep = jsonpos_too_deep(depths[_i].text, strlen(depths[_i].text), depths[_i].max, &at);

    ck_assert_int_eq(deep, depths[_i].at >= 0);
    if (deep)
        ck_assert_uint_eq(at, (size_t)depths[_i].at);
}
END_TEST

/* Valid texts are asked for, but others must do no harm. */
START_TEST(survives_what_is_not_json)
{
    static const char whole[] = "{\"a\": [1, {\"b\\u0063\": \"d\\\"\"}, true], \"e\": {}}";
    struct jsonpos *tree;

    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char *text = malloc(len + 1); /* exactly as long as told, so that a step too far is seen */
        memcpy(text, whole, len);
        text = realloc(text, len ? len : 1);
        ck_assert_int_eq(jsonpos_scan(text, len, &tree), -EINVAL);
        free(text);
    }
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        for (const char *c = "{}[]\",: \\x"; *c; c++) {
            text[i] = *c;
            if (jsonpos_scan(text, sizeof whole - 1, &tree) == 0)
                jsonpos_free(tree);
        }
    }
}
END_TEST

START_TEST(cuts_long_paths)
{
    static const char text[] = "{\"abcdefgh\": {\"ijklmnop\": {\"qrstuvwx\": 1}}}";
    struct jsonpos *tree;
    char path[12];

    ck_assert_int_eq(jsonpos_scan(text, strlen(text), &tree), 0);
    ck_assert_str_eq(jsonpos_path(tree, jsonpos_node(tree, 3), path, sizeof path), "abcdefgh.ij");
    jsonpos_free(tree);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, finds_places, 0, sizeof places / sizeof *places);
    tcase_add_test(tc, walks_children);
    tcase_add_test(tc, marks_duplicates);
    tcase_add_loop_test(tc, bounds_depth, 0, sizeof depths / sizeof *depths);
    tcase_add_test(tc, survives_what_is_not_json);
    tcase_add_test(tc, cuts_long_paths);
}

int main(void)
{
    return suite_run("jsonpos", (void (*const[])(TCase *)){add, NULL});
}
