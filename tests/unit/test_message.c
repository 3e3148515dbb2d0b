#include <errno.h>
#include <string.h>

#include "suite.h"
#include "taskd/message.h"

static int decode(const char *line, struct message *m, char *why)
{
    return message_decode(line, strlen(line), m, why, 200);
}

START_TEST(fields_arrive)
{
    struct message m;
    char why[200];
    ck_assert_int_eq(
        decode("{\"type\":\"progress\",\"unit\":\"u\",\"done\":3,\"total\":9,\"msg\":\"x\",\"resume\":null}", &m, why),
        0);
    ck_assert_int_eq(m.type, PROTO_PROGRESS);
    ck_assert_str_eq(m.unit, "u");
    ck_assert_int_eq(m.done, 3);
    ck_assert_int_eq(m.total, 9);
    ck_assert_str_eq(m.msg, "x");
    ck_assert(json_is_null(m.resume));
    message_clear(&m);
    ck_assert_int_eq(decode("{\"type\":\"end\",\"unit\":\"u\",\"ok\":false,\"error\":{\"type\":\"T\",\"message\":\"M\","
                            "\"retry\":true}}",
                            &m, why),
                     0);
    ck_assert(!m.ok && m.retry);
    ck_assert_str_eq(m.error_type, "T");
    ck_assert_str_eq(m.error_message, "M");
    message_clear(&m);
}
END_TEST

START_TEST(what_is_absent_says_so)
{
    struct message m;
    char why[200];
    ck_assert_int_eq(decode("{\"type\":\"progress\",\"unit\":\"u\",\"msg\":null}", &m, why), 0);
    ck_assert_int_eq(m.done, -1);
    ck_assert_ptr_null(m.msg);
    ck_assert_ptr_null(m.resume);
    message_clear(&m);
}
END_TEST

START_TEST(what_is_foreign)
{
    static const struct {
        const char *line;
        bool foreign;
    } rows[] = {
        {"\"ready\"", true},
        {"7", true},
        {"123456789012345678901234567890", true},
        {"null", true},
        {"[{\"type\":\"ready\"}]", true},
        {"{}", true},
        {"{\"type\":7}", true},
        {"{\"type\":\"process:msg\",\"data\":{}}", true},
        {"{\"cmd\":\"NODE_HANDLE_ACK\"}", true},
        {"{\"cmd\":\"NODE_\",\"type\":\"ready\"}", true},
        {"{\"a\":\"\\u0000\"}", true},
        {"{\"cmd\":\"mine\",\"type\":\"ready\"}", false},
        {"{\"type\":\"ready\"}", false},
        {"{\"type\":\"begin\"}", false}, /* taskd's, and wrong */
        {"ready", false},
        {"{\"type\":", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(message_is_foreign(rows[i].line, strlen(rows[i].line)) == rows[i].foreign, "%s", rows[i].line);
}
END_TEST

START_TEST(unknown_types_and_fields_are_no_error)
{
    struct message m;
    char why[200];
    ck_assert_int_eq(decode("{\"type\":\"x-mine\",\"a\":1}", &m, why), 0);
    ck_assert_int_eq(m.type, PROTO_UNKNOWN);
    message_clear(&m);
    ck_assert_int_eq(decode("{\"type\":\"ready\",\"later\":[1]}", &m, why), 0);
    ck_assert_int_eq(m.type, PROTO_READY);
    message_clear(&m);
}
END_TEST

static const struct {
    const char *line, *why;
} bad[] = {
    {"", "byte 0"},
    {"garbage", "byte"},
    {"[]", "not an object"},
    {"{\"unit\":\"u\"}", "needs a \"type\""},
    {"{\"type\":3}", "needs a \"type\""},
    {"{\"type\":\"begin\"}", "begin without \"unit\""},
    {"{\"type\":\"begin\",\"unit\":null}", "begin without \"unit\""},
    {"{\"type\":\"begin\",\"unit\":7}", "\"unit\" must be a string"},
    {"{\"type\":\"begin\",\"unit\":\"u\",\"timeout_ms\":-1}", "\"timeout_ms\" must be an integer"},
    {"{\"type\":\"begin\",\"unit\":\"u\",\"timeout_ms\":1.5}", "\"timeout_ms\" must be an integer"},
    {"{\"type\":\"extend\",\"ms\":9007199254740993}", "\"ms\" must be an integer"},
    {"{\"type\":\"extend\",\"ms\":9223372036854775808}", "byte"},
    {"{\"type\":\"extend\",\"ms\":1e400}", "byte"},
    {"{\"type\":\"end\",\"unit\":\"u\",\"ok\":1}", "\"ok\" must be true or false"},
    {"{\"type\":\"end\",\"unit\":\"u\"}", "end without \"ok\""},
    {"{\"type\":\"ready\",\"type\":\"begin\"}", "duplicate"},
    {"{\"type\":\"log\",\"msg\":\"\\u0000\"}", "NUL"},
    {"{\"type\":\"log\",\"msg\":\"\\ud800\"}", "Unicode"},
    {"{\"type\":\"log\",\"msg\":\"\xc0\xaf\"}", "0xc0"},
    {"\xEF\xBB\xBF{\"type\":\"ready\"}", "byte order mark"},
    {"[[[[[[[[[[[[[[[[[", "nested"},
};

START_TEST(bad_lines_say_why)
{
    struct message m = {0};
    char why[200] = "";
    ck_assert_int_eq(decode(bad[_i].line, &m, why), -EINVAL);
    ck_assert_msg(strcasestr(why, bad[_i].why) != NULL, "%s: %s", bad[_i].line, why);
    ck_assert_ptr_null(m.root);
}
END_TEST

START_TEST(a_nul_byte_is_an_error)
{
    struct message m;
    char why[200];
    ck_assert_int_eq(message_decode("{\"type\":\"ready\"}\0", 17, &m, why, sizeof why), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, fields_arrive);
    tcase_add_test(tc, what_is_absent_says_so);
    tcase_add_test(tc, what_is_foreign);
    tcase_add_test(tc, unknown_types_and_fields_are_no_error);
    tcase_add_loop_test(tc, bad_lines_say_why, 0, sizeof bad / sizeof *bad);
    tcase_add_test(tc, a_nul_byte_is_an_error);
}

int main(void)
{
    return suite_run("message", (void (*const[])(TCase *)){add, NULL});
}
