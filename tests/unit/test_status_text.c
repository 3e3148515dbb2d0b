#include <stdio.h>
#include <string.h>
#include <time.h>

#include "suite.h"
#include "taskd/status_text.h"

/* Every one is up unless it says "down"; that keeps the rows readable. */
#define UP(more)   "{\"id\":\"a@1\",\"worker\":\"a\",\"part_of\":\"g\",\"handle\":\"a@1#7\",\"pid\":7," more "}"
#define DOWN(more) "{\"id\":\"a@1\",\"worker\":\"a\",\"handle\":null,\"pid\":null," more "}"
#define STATE(s)   "\"state\":\"" s "\""

static const struct {
    const char *task, *state;
    bool on_its_way;
} states[] = {
    {UP(STATE("running")), "running", false},
    {UP(STATE("running") ",\"due\":null,\"drained\":false"), "running", false},
    {UP(STATE("running") ",\"due\":\"reload\""), "running, due (reload)", true},
    {DOWN(STATE("waiting") ",\"waiting_for\":[\"db\",\"cache\"]"), "waiting for db, cache", true},
    {DOWN(STATE("waiting") ",\"waiting_for\":[]"), "waiting", false},
    {DOWN(STATE("waiting") ",\"next_run\":\"2000-01-02T03:04:05.000Z\""), "next 2000-01-02 03:04:05", false},
    {DOWN(STATE("waiting") ",\"next_run\":\"soon\""), "waiting", false},
    {UP(STATE("running") ",\"next_run\":\"2000-01-02T03:04:05.000Z\""), "running", false},
    {DOWN(STATE("stopped") ",\"drained\":true"), "drained", false},
    {UP(STATE("stopping") ",\"drained\":true,\"stop\":{\"remaining_ms\":null}"), "stopping", true},
    {UP(STATE("stopping") ",\"stop\":{\"remaining_ms\":5000}"), "stopping, 5.0s left", true},
    {UP(STATE("running") ",\"stop\":{\"held_by\":[\"app\",\"web\"]}"), "running, stops after app, web", false},
    {DOWN(STATE("failed") ",\"restart_limited\":true"), "failed, restart_limit", false},
    {UP(STATE("starting")), "starting", true},
    {DOWN(STATE("backoff")), "backoff", true},
};

START_TEST(a_state_in_words)
{
    json_t *task = json_loads(states[_i].task, 0, NULL);
    char text[128];

    ck_assert_ptr_nonnull(task);
    setenv("TZ", "UTC0", 1);
    tzset();
    ck_assert_str_eq(status_state(task, text, sizeof text), states[_i].state);
    ck_assert_int_eq(status_is_on_its_way(task), states[_i].on_its_way);
    json_decref(task);
}
END_TEST

START_TEST(today_needs_no_date)
{
    char text[128], want[64];
    time_t now = time(NULL);
    struct tm tm;
    json_t *task = json_loads(DOWN(STATE("waiting")), 0, NULL);

    setenv("TZ", "<+05>-5", 1);
    tzset();
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &tm));
    json_object_set_new(task, "next_run", json_string(text));
    strftime(want, sizeof want, "next %H:%M:%S", localtime_r(&now, &tm));
    ck_assert_str_eq(status_state(task, text, sizeof text), want);
    json_decref(task);
}
END_TEST

static const struct {
    const char *name;
    bool is;
} callings[] = {{"a", true}, {"a@1", true}, {"g", true}, {"a@1#7", true}, {"b", false}, {"a@1#8", false}, {"", false}};

START_TEST(a_task_has_several_names)
{
    json_t *task = json_loads(UP(STATE("running")), 0, NULL);

    ck_assert_int_eq(status_is_called(task, callings[_i].name), callings[_i].is);
    json_decref(task);
}
END_TEST

START_TEST(too_many_names_are_cut)
{
    json_t *task = json_loads(DOWN(STATE("waiting") ",\"waiting_for\":[]"), 0, NULL);
    char text[64];

    for (int i = 0; i < 100; i++)
        json_array_append_new(json_object_get(task, "waiting_for"), json_sprintf("worker-%d", i));
    ck_assert_uint_lt(strlen(status_state(task, text, sizeof text)), sizeof text);
    ck_assert_ptr_eq(strstr(text, "waiting for worker-0, worker-1"), text);
    json_decref(task);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_state_in_words, 0, (int)(sizeof states / sizeof *states));
    tcase_add_test(tc, today_needs_no_date);
    tcase_add_loop_test(tc, a_task_has_several_names, 0, (int)(sizeof callings / sizeof *callings));
    tcase_add_test(tc, too_many_names_are_cut);
}

int main(void)
{
    static void (*const tests[])(TCase *) = {add, NULL};

    return suite_run("status_text", tests);
}
