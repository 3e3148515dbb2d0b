#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "taskd/config_name.h"

#define TEN      "0123456789"
#define SIXTY    TEN TEN TEN TEN TEN TEN
#define LONGEST  SIXTY "abcd"
#define TOO_LONG SIXTY "abcde"

static const struct {
    const char *name;
    bool ok;
} names[] = {
    {"a", true},    {"7", true},    {"resize", true}, {"re-size_2.0", true}, {LONGEST, true}, {TOO_LONG, false},
    {"", false},    {"-a", false},  {".a", false},    {"_a", false},         {"a b", false},  {"a@1", false},
    {"a#1", false}, {"a/b", false}, {"ä", false},     {"a\n", false},
};

START_TEST(a_name_is_plain)
{
    ck_assert_int_eq(config_name_ok(names[_i].name), names[_i].ok);
}
END_TEST

static const struct {
    const char *command, *name;
} commands[] = {
    {"resize", "resize"},
    {"./resize", "resize"},
    {"/usr/bin/my tool", "my_tool"},
    {"/usr/bin/", "xusr_bin_"},
    {"", "x"},
    {"[", "x"},
    {"-flag", "xflag"},
    {"./a/", "x_a_"},
    {"a@2#3", "a_2_3"},
    {TOO_LONG, LONGEST},
};

START_TEST(a_command_gives_its_name)
{
    char *name = config_name_from(commands[_i].command);

    ck_assert_str_eq(name, commands[_i].name);
    ck_assert(config_name_ok(name));
    free(name);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_name_is_plain, 0, (int)(sizeof names / sizeof *names));
    tcase_add_loop_test(tc, a_command_gives_its_name, 0, (int)(sizeof commands / sizeof *commands));
}

int main(void)
{
    static void (*const tests[])(TCase *) = {add, NULL};

    return suite_run("config_name", tests);
}
