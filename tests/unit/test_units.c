#include <errno.h>
#include <stdio.h>

#include "common/quantity.h"
#include "suite.h"
#include "taskd/ledger.h"
#include "taskd/units.h"

START_TEST(the_oldest_is_the_one_in_flight_longest)
{
    struct units u = {0};
    ck_assert_ptr_null(units_oldest(&u));
    ck_assert_int_eq(units_begin(&u, "a", 10, DURATION_INFINITY), 0);
    ck_assert_int_eq(units_begin(&u, "b", 20, DURATION_INFINITY), 0);
    ck_assert_int_eq(units_begin(&u, "c", 30, DURATION_INFINITY), 0);
    ck_assert_str_eq(units_oldest(&u)->id, "a");
    ck_assert_int_eq(units_end(&u, "a", true, 40), 0);
    ck_assert_str_eq(units_oldest(&u)->id, "b");
    ck_assert_int_eq(units_release(&u, "b"), 0);
    ck_assert_str_eq(units_oldest(&u)->id, "c");
    ck_assert_uint_eq(u.done, 1);
    units_clear(&u);
}
END_TEST

START_TEST(a_unit_in_flight_cannot_begin_again)
{
    struct units u = {0};
    units_begin(&u, "a", 1, 5);
    ck_assert_int_eq(units_begin(&u, "a", 2, 5), -EEXIST);
    ck_assert_uint_eq(u.open_count, 1);
    ck_assert_int_eq(units_oldest(&u)->began_ms, 1);
    units_clear(&u);
}
END_TEST

START_TEST(an_end_without_a_begin_counts)
{
    struct units u = {0};
    ck_assert_int_eq(units_end(&u, "x", true, 1), -ENOENT);
    ck_assert_int_eq(units_end(&u, "y", false, 1), -ENOENT);
    ck_assert_uint_eq(u.done, 1);
    ck_assert_uint_eq(u.failed, 1);
    units_clear(&u);
}
END_TEST

START_TEST(progress_keeps_what_is_not_said)
{
    struct units u = {0};
    units_begin(&u, "a", 1, 5);
    ck_assert_int_eq(units_progress(&u, "a", 1, 10, "one"), 0);
    ck_assert_int_eq(units_progress(&u, "a", 2, -1, NULL), 0);
    ck_assert_int_eq(units_oldest(&u)->done, 2);
    ck_assert_int_eq(units_oldest(&u)->total, 10);
    ck_assert_str_eq(units_oldest(&u)->msg, "one");
    ck_assert_int_eq(units_progress(&u, "b", 1, 1, NULL), -ENOENT);
    units_clear(&u);
}
END_TEST

START_TEST(the_first_deadline_counts)
{
    struct units u = {0};
    ck_assert_int_eq(units_deadline(&u), DURATION_INFINITY);
    units_begin(&u, "endless", 0, DURATION_INFINITY);
    ck_assert_int_eq(units_deadline(&u), DURATION_INFINITY);
    units_begin(&u, "late", 100, 1000);
    units_begin(&u, "soon", 100, 50);
    ck_assert_int_eq(units_deadline(&u), 150);
    ck_assert_ptr_null(units_overdue(&u, 149));
    ck_assert_str_eq(units_overdue(&u, 150)->id, "soon");
    units_clear(&u);
}
END_TEST

START_TEST(a_leaking_worker_is_bounded)
{
    struct units u = {0};
    char id[16];
    for (int i = 0; i < UNITS_OPEN_MAX; i++) {
        snprintf(id, sizeof id, "%d", i);
        ck_assert_int_eq(units_begin(&u, id, 0, 1), 0);
    }
    ck_assert_int_eq(units_begin(&u, "one more", 0, 1), -ENOSPC);
    units_clear(&u);
}
END_TEST

START_TEST(a_steady_rate_is_seen_soon_and_fades)
{
    struct units u = {0};
    int64_t now = 0;
    for (int i = 0; i < 40; i++, now += 500) {
        units_begin(&u, "u", now, 1000);
        units_end(&u, "u", true, now + 500);
    }
    ck_assert_double_eq_tol(units_per_s(&u, now), 2.0, 0.3);
    ck_assert_double_lt(units_per_s(&u, now + 60000), 0.1);
    units_clear(&u);
}
END_TEST

START_TEST(a_lost_unit_is_lost_until_somebody_does_it)
{
    struct ledger *l = ledger_new();
    ck_assert_int_eq(ledger_lost(l, "resize", "img\"1", "resize@1#3"), 0);
    ck_assert_int_eq(ledger_lost(l, "resize", "img2", "resize@2#4"), 0);
    ck_assert_int_eq(ledger_lost(l, "other", "img2", "other@1#5"), 0);
    ck_assert_uint_eq(ledger_count(l), 3);
    ledger_ended(l, "resize", "img2");
    ledger_ended(l, "resize", "img2");
    ledger_ended(l, "resize", "never lost");
    ledger_ended(l, "nobody", "img2");
    ck_assert_uint_eq(ledger_count(l), 2);
    ck_assert_int_eq(ledger_lost(l, "other", "img2", "other@1#6"), 0);
    ck_assert_uint_eq(ledger_count(l), 2);
    json_t *list = ledger_json(l);
    ck_assert_uint_eq(json_array_size(list), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "unit")), "img\"1");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "handle")), "other@1#6");
    json_decref(list);
    ledger_free(l);
    ledger_free(NULL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, the_oldest_is_the_one_in_flight_longest);
    tcase_add_test(tc, a_unit_in_flight_cannot_begin_again);
    tcase_add_test(tc, an_end_without_a_begin_counts);
    tcase_add_test(tc, progress_keeps_what_is_not_said);
    tcase_add_test(tc, the_first_deadline_counts);
    tcase_add_test(tc, a_leaking_worker_is_bounded);
    tcase_add_test(tc, a_steady_rate_is_seen_soon_and_fades);
    tcase_add_test(tc, a_lost_unit_is_lost_until_somebody_does_it);
}

int main(void)
{
    return suite_run("units", (void (*const[])(TCase *)){add, NULL});
}
