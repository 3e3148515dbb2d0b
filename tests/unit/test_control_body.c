#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "taskd/control_body.h"

struct wish {
    bool now;
    int64_t count, timeout_ms;
    const char *name;
    json_t *command, *options, *input;
};

static const struct body_key keys[] = {
    {BODY_KEY(struct wish, now, BODY_BOOL)},
    {BODY_KEY(struct wish, count, BODY_NUMBER), .max = 10},
    {BODY_KEY(struct wish, timeout_ms, BODY_NUMBER), .max = INT64_MAX},
    {BODY_KEY(struct wish, name, BODY_TEXT)},
    {BODY_KEY(struct wish, command, BODY_LIST)},
    {BODY_KEY(struct wish, options, BODY_OBJECT)},
    {BODY_KEY(struct wish, input, BODY_ANY)},
    {NULL},
};

/* `why` is NULL for a body that is right. */
static const struct {
    const char *body, *why;
} bodies[] = {
    {"{}", NULL},
    {"{\"now\":true,\"count\":10,\"name\":\"\",\"command\":[\"a\"],\"options\":{},\"input\":null}", NULL},
    {"{\"count\":0,\"timeout_ms\":9223372036854775807,\"input\":[1]}", NULL},
    {"{\"now\":1}", "now must be true or false"},
    {"{\"now\":null}", "now must be true or false"},
    {"{\"count\":11}", "count must be a whole number from 0 to 10"},
    {"{\"count\":-1}", "count must be a whole number from 0 to 10"},
    {"{\"count\":1.0}", "count must be a whole number from 0 to 10"},
    {"{\"count\":\"1\"}", "count must be a whole number from 0 to 10"},
    {"{\"timeout_ms\":-1}", "timeout_ms must be a whole number that is not negative"},
    {"{\"name\":[]}", "name must be a string"},
    {"{\"command\":[]}", "command must be a list of strings that is not empty"},
    {"{\"command\":\"a\"}", "command must be a list of strings that is not empty"},
    {"{\"command\":[\"a\",1]}", "command must be a list of strings that is not empty"},
    {"{\"options\":[]}", "options must be an object"},
    {"{\"nmae\":\"x\"}", "unknown key \"nmae\" (did you mean \"name\"?)"},
    {"{\"zzzzzzzz\":\"x\"}", "unknown key \"zzzzzzzz\""},
    {"{\"now\":true,\"Now\":true}", "unknown key \"Now\" (did you mean \"now\"?)"},
};

START_TEST(a_body_is_right_or_the_mistake_is_named)
{
    json_t *body = json_loads(bodies[_i].body, 0, NULL);
    struct wish wish = {0};
    char why[128] = "";

    ck_assert_ptr_nonnull(body);
    ck_assert_int_eq(control_body_read(body, keys, &wish, why, sizeof why), bodies[_i].why == NULL);
    ck_assert_str_eq(why, bodies[_i].why ? bodies[_i].why : "");
    json_decref(body);
}
END_TEST

START_TEST(what_is_absent_stays_as_it_is)
{
    json_t *body = json_loads("{\"now\":false,\"name\":\"x\",\"command\":[\"a\",\"b\"]}", 0, NULL);
    struct wish wish = {.now = true, .count = 7, .input = body};

    ck_assert(control_body_read(body, keys, &wish, (char[1]){0}, 1));
    ck_assert(!wish.now);
    ck_assert_int_eq(wish.count, 7);
    ck_assert_str_eq(wish.name, "x");
    ck_assert_uint_eq(json_array_size(wish.command), 2);
    ck_assert_ptr_null(wish.options);
    ck_assert_ptr_eq(wish.input, body);
    json_decref(body);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_body_is_right_or_the_mistake_is_named, 0, (int)(sizeof bodies / sizeof *bodies));
    tcase_add_test(tc, what_is_absent_stays_as_it_is);
}

int main(void)
{
    static void (*const tests[])(TCase *) = {add, NULL};

    return suite_run("control_body", tests);
}
