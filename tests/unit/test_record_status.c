#include <check.h>
#include <stdio.h>
#include <string.h>

#include "taskd/record_status.h"
#include "taskd/status_text.h"

static const struct {
    const char *record;
    int status;
    const char *brief;
} cases[] = {
    {"{\"outcome\":\"ok\",\"exit\":{\"code\":0,\"signal\":null},\"stop\":null}", 0, "ok"},
    {"{\"outcome\":\"failed\",\"exit\":{\"code\":3,\"signal\":null}}", 3, "failed 3"},
    {"{\"outcome\":\"failed\",\"exit\":{\"code\":3},\"stop\":{\"how\":\"cooperative\",\"reason\":\"signal\"}}", 3,
     "failed 3"},
    {"{\"outcome\":\"failed\"}", 1, "failed"},
    {"{\"outcome\":\"panicked\",\"exit\":{\"code\":null,\"signal\":11}}", 139, "panicked SIGSEGV"},
    {"{\"outcome\":\"panicked\",\"exit\":{\"code\":null,\"signal\":34}}", 162, "panicked signal 34"},
    {"{\"outcome\":\"unstarted\",\"exit\":null,\"error\":{\"type\":\"ENOENT\"}}", 127, "unstarted ENOENT"},
    {"{\"outcome\":\"unstarted\",\"exit\":null,\"error\":{\"type\":\"ENOTDIR\"}}", 127, "unstarted ENOTDIR"},
    {"{\"outcome\":\"unstarted\",\"exit\":null,\"error\":{\"type\":\"EACCES\"}}", 126, "unstarted EACCES"},
    {"{\"outcome\":\"cancelled\",\"exit\":{\"signal\":9},\"stop\":{\"how\":\"killed\",\"reason\":\"signal\",\"signal\":"
     "2}}",
     137, "cancelled/killed"},
    {"{\"outcome\":\"cancelled\",\"exit\":{\"signal\":9},\"stop\":{\"how\":\"aborted\",\"reason\":\"cli\"}}", 137,
     "cancelled/aborted"},
    {"{\"outcome\":\"cancelled\",\"stop\":{\"how\":\"cooperative\",\"reason\":\"cli\"}}", 0, "cancelled/cooperative"},
    {"{\"outcome\":\"cancelled\",\"stop\":{\"how\":\"cooperative\",\"reason\":\"signal\",\"signal\":2}}", 130,
     "cancelled/cooperative"},
    {"{\"outcome\":\"cancelled\",\"stop\":{\"how\":\"cooperative\",\"reason\":\"signal\",\"signal\":15}}", 143,
     "cancelled/cooperative"},
    {"{\"outcome\":\"cancelled\",\"stop\":{\"how\":\"cooperative\",\"reason\":\"signal\"}}", 143,
     "cancelled/cooperative"},
    {"{\"outcome\":\"eaten\"}", 125, "eaten"},
    {"{}", 125, ""},
};

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(value != NULL, "%s: %s", text, error.text);
    return value;
}

START_TEST(status_and_words)
{
    json_t *record = parse(cases[_i].record);
    char brief[64];

    ck_assert_int_eq(record_exit_status(record), cases[_i].status);
    ck_assert_str_eq(record_brief(record, brief, sizeof brief), cases[_i].brief);
    json_decref(record);
}
END_TEST

static const struct {
    const char *started, *ended;
    long long ms;
} spans[] = {
    {"2026-11-23T01:00:00.000Z", "2026-11-23T01:00:00.250Z", 250},
    {"2026-12-31T23:59:59.900Z", "2027-01-01T00:00:00.100Z", 200},
    {"2038-01-19T03:14:07.000Z", "2038-01-19T03:14:09.000Z", 2000},
    {"2026-11-23T01:00:01.000Z", "2026-11-23T01:00:00.000Z", -1},
    {"yesterday", "2026-11-23T01:00:00.000Z", -1},
    {"2026-11-23T01:00:00.000Z", "2026-11-23T01:00:00.000Z and more", -1},
};

START_TEST(durations)
{
    json_t *record = json_pack("{s:s, s:s}", "started", spans[_i].started, "ended", spans[_i].ended);

    ck_assert_int_eq(record_duration_ms(record), spans[_i].ms);
    json_decref(record);
}
END_TEST

static const struct {
    const char *record, *lost;
} losses[] = {
    {"{}", ""},
    {"{\"unit\":null,\"lost\":[]}", ""},
    {"{\"unit\":{\"id\":\"a\",\"state\":\"begun\"},\"lost\":[\"a\",\"b\"]}", "a b "},
    {"{\"unit\":{\"id\":\"a\",\"state\":\"begun\"}}", "a "},
    {"{\"unit\":{\"id\":\"a\",\"state\":\"ended\"}}", ""},
};

static void on_lost(void *arg, const char *unit)
{
    strcat(arg, unit);
    strcat(arg, " ");
}

START_TEST(lost_units_are_named)
{
    json_t *record = parse(losses[_i].record);
    char names[64] = "";

    record_each_lost(record, on_lost, names);
    ck_assert_str_eq(names, losses[_i].lost);
    json_decref(record);
}
END_TEST

static const struct {
    const char *task, *state, *unit, *waits_for;
    bool stopping;
} tasks[] = {
    {"{\"state\":\"running\",\"pid\":7,\"unit\":null,\"stop\":null}", "running", "", "running", false},
    {"{\"state\":\"running\",\"pid\":7,\"unit\":{\"id\":\"a.jpg\",\"age_ms\":0,\"done\":63,\"total\":100},\"stop\":"
     "null}",
     "running", "a.jpg, 63 %, 0s", "a.jpg, 63 %, 0s", false},
    {"{\"state\":\"running\",\"pid\":7,\"unit\":{\"id\":\"a\",\"age_ms\":0,\"done\":5,\"total\":null,\"msg\":\"m\"}}",
     "running", "a, 5 done, 0s, m", "a, 5 done, 0s, m", false},
    {"{\"state\":\"stopping\",\"pid\":7,\"unit\":null,\"stop\":{\"acked\":true,\"remaining_ms\":0,\"unresponsive\":"
     "false}}",
     "stopping, 0s left", "", "stopping, 0s left", true},
    {"{\"state\":\"stopping\",\"pid\":7,\"unit\":null,\"stop\":{\"unresponsive\":true,\"remaining_ms\":null}}",
     "stopping, unresponsive", "", "stopping, unresponsive", true},
    {"{\"state\":\"stopped\",\"pid\":null,\"unit\":null,\"stop\":{\"acked\":true}}", "stopped", "", "stopped", false},
};

START_TEST(tasks_in_words)
{
    json_t *task = parse(tasks[_i].task);
    char text[128];

    ck_assert_str_eq(status_state(task, text, sizeof text), tasks[_i].state);
    ck_assert_str_eq(status_unit(task, text, sizeof text), tasks[_i].unit);
    ck_assert_str_eq(status_waits_for(task, text, sizeof text), tasks[_i].waits_for);
    ck_assert_int_eq(status_is_stopping(task), tasks[_i].stopping);
    json_decref(task);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("record_status");
    TCase *t = tcase_create("record_status");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, status_and_words, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, durations, 0, sizeof spans / sizeof *spans);
    tcase_add_loop_test(t, lost_units_are_named, 0, sizeof losses / sizeof *losses);
    tcase_add_loop_test(t, tasks_in_words, 0, sizeof tasks / sizeof *tasks);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
