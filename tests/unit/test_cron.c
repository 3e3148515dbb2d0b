/* What an expression says, and what is wrong with one. When it comes is in test_cron_next.c. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "taskd/cron.h"

#define ROWS(rows) (sizeof(rows) / sizeof *(rows))

/* Two spellings of the same times. */
START_TEST(spellings)
{
    static const char *const rows[][2] = {
        {"@hourly", "0 * * * *"},
        {"@daily", "0 0 * * *"},
        {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"},
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
        {" @Daily\n", "0 0 * * *"},
        {"  0\t0  * *   * \n", "0 0 * * *"},
        {"0-59 * * * *", "* * * * *"},
        {"*/1 * * * *", "* * * * *"},
        {"*/15 * * * *", "0,15,30,45 * * * *"},
        {"*/60 * * * *", "0 * * * *"},
        {"5-20/5 * * * *", "5,10,15,20 * * * *"},
        {"5-19/5,40,40 * * * *", "5,10,15,40 * * * *"},
        {"007 * * * *", "7 * * * *"},
        {"0 0 * jan-mar,DEC *", "0 0 * 1-3,12 *"},
        {"0 0 * */6 *", "0 0 * 1,7 *"},
        {"0 0 * jan-dec/3 *", "0 0 * 1,4,7,10 *"},
        {"0 0 * * 7", "0 0 * * 0"},
        {"0 0 * * sun", "0 0 * * 0"},
        {"0 0 * * sun,Mon,TUE", "0 0 * * 0-2"},
        {"0 0 * * sat-sun", "0 0 * * 0,6"},
        {"0 0 * * 5-7", "0 0 * * 5,6,0"},
        {"0 0 * * 5-0", "0 0 * * 5,6,0"},
        {"0 0 * * 0-7", "0 0 * * 0-6"},
        {"0 0 * * 0-0", "0 0 * * 0"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct cron a, b;
        char why[128] = "";
        memset(&a, 0, sizeof a);
        memset(&b, 0, sizeof b);
        ck_assert_msg(cron_parse(rows[i][0], &a, why, sizeof why) == 0, "%s: %s", rows[i][0], why);
        ck_assert_msg(cron_parse(rows[i][1], &b, why, sizeof why) == 0, "%s: %s", rows[i][1], why);
        ck_assert_msg(memcmp(&a, &b, sizeof a) == 0, "%s is not %s", rows[i][0], rows[i][1]);
    }
}
END_TEST

START_TEST(kinds)
{
    static const struct {
        const char *text;
        bool periodic, either_day;
    } rows[] = {
        {"* * * * *", true, false},       {"0 */2 * * *", true, false},    {"0 8-18/2 * * *", true, false},
        {"0 1,*/6 * * *", true, false},   {"0 2 * * *", false, false},     {"* 2 * * *", false, false},
        {"*/5 0-23 * * *", false, false}, {"0 0 1 * mon", false, true},    {"0 0 * * mon", false, false},
        {"0 0 1 * *", false, false},      {"0 0 */2 * mon", false, false}, {"0 0 1 * */2", false, false},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct cron c;
        ck_assert_int_eq(cron_parse(rows[i].text, &c, NULL, 0), 0);
        ck_assert_msg(c.periodic == rows[i].periodic && c.either_day == rows[i].either_day, "%s", rows[i].text);
    }
}
END_TEST

#define FIVE  " instead of five: minute, hour, day of month, month, day of week"
#define NEVER "that day never comes: no month that is named has it"

START_TEST(errors)
{
    static const char *const rows[][2] = {
        {"", "0 fields" FIVE},
        {" \n", "0 fields" FIVE},
        {"*", "1 field" FIVE},
        {"* * * *", "4 fields" FIVE},
        {"* * * * * *", "6 fields" FIVE},
        {"61 * * * *", "minute 61 is not from 0 to 59"},
        {"60 * * * *", "minute 60 is not from 0 to 59"},
        {"0-60 * * * *", "minute 60 is not from 0 to 59"},
        {"99999999999999999999 * * * *", "minute 99999999999999999999 is not from 0 to 59"},
        {"* 24 * * *", "hour 24 is not from 0 to 23"},
        {"* * 0 * *", "day of month 0 is not from 1 to 31"},
        {"* * 32 * *", "day of month 32 is not from 1 to 31"},
        {"* * * 0 *", "month 0 is not from 1 to 12"},
        {"* * * 13 *", "month 13 is not from 1 to 12"},
        {"* * * * 8", "day of week 8 is not from 0 to 7"},
        {"-1 * * * *", "minute \"\" is no number"},
        {"x * * * *", "minute \"x\" is no number"},
        {"1.5 * * * *", "minute \"1.5\" is no number"},
        {"+1 * * * *", "minute \"+1\" is no number"},
        {"** * * * *", "minute \"**\" is no number"},
        {"1-2-3 * * * *", "minute \"2-3\" is no number"},
        {"*-3 * * * *", "minute \"*\" is no number"},
        {"1- * * * *", "minute \"\" is no number"},
        {"jan * * * *", "minute \"jan\" is no number"},
        {"* * * mon *", "month \"mon\" is no number and no name"},
        {"* * * * monday", "day of week \"monday\" is no number and no name"},
        {"* * L * *", "day of month \"L\" is no number"},
        {"* * ? * *", "day of month \"?\" is no number"},
        {"1,,2 * * * *", "minute has an empty place in its list"},
        {", * * * *", "minute has an empty place in its list"},
        {"1, * * * *", "minute has an empty place in its list"},
        {"30-10 * * * *", "minute 30-10 goes backwards"},
        {"* 22-2 * * *", "hour 22-2 goes backwards"},
        {"* * * dec-feb *", "month dec-feb goes backwards"},
        {"* * * * fri-mon", "day of week fri-mon goes backwards"},
        {"*/0 * * * *", "minute step \"0\" is not from 1 to 60"},
        {"*/61 * * * *", "minute step \"61\" is not from 1 to 60"},
        {"*/ * * * *", "minute step \"\" is not from 1 to 60"},
        {"*/-2 * * * *", "minute step \"-2\" is not from 1 to 60"},
        {"*/2/3 * * * *", "minute step \"2/3\" is not from 1 to 60"},
        {"* */25 * * *", "hour step \"25\" is not from 1 to 24"},
        {"* * * * */8", "day of week step \"8\" is not from 1 to 7"},
        {"5/10 * * * *", "minute 5/10 has a step without a range"},
        {"/10 * * * *", "minute /10 has a step without a range"},
        {"0 0 30 2 *", NEVER},
        {"0 0 30,31 feb *", NEVER},
        {"0 0 31 2,4,6,9,11 *", NEVER},
        {"0 0 30 2 */2", NEVER},
        {"@dayly", "\"@dayly\" is not known (did you mean \"@daily\"?)"},
        {"@reboot", "\"@reboot\" is not known"},
        {"@daily 5", "\"@daily 5\" is not known (did you mean \"@daily\"?)"},
        {"@", "\"@\" is not known"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct cron c, untouched;
        char why[128] = "";
        memset(&c, 7, sizeof c);
        untouched = c;
        ck_assert_msg(cron_parse(rows[i][0], &c, why, sizeof why) == -EINVAL, "%s", rows[i][0]);
        ck_assert_str_eq(why, rows[i][1]);
        ck_assert(memcmp(&c, &untouched, sizeof c) == 0);
    }
}
END_TEST

START_TEST(days_that_come_seldom_are_no_errors)
{
    static const char *const rows[] = {"0 0 29 2 *", "0 0 31 1 *", "0 0 30 2,3 *", "0 0 30 2 mon", "0 0 29 2 */7"};
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct cron c;
        ck_assert_msg(cron_parse(rows[i], &c, NULL, 0) == 0, "%s", rows[i]);
    }
}
END_TEST

START_TEST(a_sentence_that_is_too_long_is_cut)
{
    struct cron c;
    char text[2000], why[20];
    memset(text, '9', sizeof text);
    text[1000] = '\0';
    ck_assert_int_eq(cron_parse(text, &c, why, sizeof why), -EINVAL);
    strcpy(text + 1000, " * * * *");
    ck_assert_int_eq(cron_parse(text, &c, why, sizeof why), -EINVAL);
    ck_assert_str_eq(why, "minute 999999999999");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, spellings);
    tcase_add_test(tc, kinds);
    tcase_add_test(tc, errors);
    tcase_add_test(tc, days_that_come_seldom_are_no_errors);
    tcase_add_test(tc, a_sentence_that_is_too_long_is_cut);
}

int main(void)
{
    return suite_run("cron", (void (*const[])(TCase *)){add, NULL});
}
