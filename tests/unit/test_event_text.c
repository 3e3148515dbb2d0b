#include <string.h>

#include "suite.h"
#include "taskd/event_text.h"

static const struct {
    const char *event, *who, *text;
    enum table_colour colour;
} events[] = {
    {"{\"type\":\"daemon\",\"state\":\"started\",\"pid\":7,\"version\":\"1\"}", "taskd", "started, version 1, pid 7",
     TABLE_BOLD},
    {"{\"type\":\"snapshot\",\"status\":{\"daemon\":{\"state\":\"running\",\"pid\":7,\"version\":\"1\"},\"tasks\":[{}]}"
     "}",
     "taskd", "running, version 1, pid 7, 1 task", TABLE_BOLD},
    {"{\"type\":\"state\",\"task\":\"w@1\",\"worker\":\"w\",\"from\":\"running\",\"to\":\"stopping\",\"reason\":"
     "\"cli\"}",
     "w@1", "running -> stopping, cli", TABLE_PLAIN},
    {"{\"type\":\"state\",\"task\":\"w@1\",\"from\":\"running\",\"to\":\"backoff\",\"backoff_ms\":1500}", "w@1",
     "running -> backoff, again in 1.5s", TABLE_PLAIN},
    {"{\"type\":\"state\",\"task\":\"w@1\",\"from\":\"running\",\"to\":\"failed\",\"restart_limited\":true}", "w@1",
     "running -> failed, started too often", TABLE_PLAIN},
    {"{\"type\":\"state\",\"task\":\"w@1\",\"from\":\"running\",\"to\":\"killing\",\"cause\":\"unit_timeout\"}", "w@1",
     "running -> killing, unit_timeout", TABLE_PLAIN},
    {"{\"type\":\"started\",\"task\":\"w@1\",\"handle\":\"w@1#2\",\"pid\":7}", "w@1", "w@1#2 started, pid 7",
     TABLE_PLAIN},
    {"{\"type\":\"ended\",\"task\":\"w@1\",\"handle\":\"w@1#2\",\"outcome\":\"ok\",\"units\":{\"done\":1}}", "w@1",
     "w@1#2 ok, 1 unit done", TABLE_GREEN},
    {"{\"type\":\"ended\",\"task\":\"w@1\",\"handle\":\"w@1#2\",\"outcome\":\"failed\",\"error\":\"exit status 3\"}",
     "w@1", "w@1#2 failed: exit status 3", TABLE_RED},
    {"{\"type\":\"ended\",\"task\":\"w@1\",\"handle\":\"w@1#2\",\"outcome\":\"cancelled\",\"how\":\"killed\"}", "w@1",
     "w@1#2 cancelled, killed", TABLE_YELLOW},
    {"{\"type\":\"lost\",\"task\":\"w@1\",\"handle\":\"w@1#2\",\"unit\":\"a\\u001b[31m\"}", "w@1",
     "w@1#2 was in the middle of a\\x1B[31m", TABLE_RED},
    {"{\"type\":\"unit_begin\",\"task\":\"w@1\",\"unit\":\"a\\nb\"}", "w@1", "begins a\\nb", TABLE_DIM},
    {"{\"type\":\"unit_end\",\"task\":\"w@1\",\"unit\":\"a\",\"ok\":true}", "w@1", "done a", TABLE_DIM},
    {"{\"type\":\"unit_end\",\"task\":\"w@1\",\"unit\":\"a\",\"ok\":false}", "w@1", "failed a", TABLE_RED},
    {"{\"type\":\"poison\",\"worker\":\"w\",\"unit\":\"a\",\"deaths\":3}", "w", "unit a has ended 3 lives", TABLE_RED},
    {"{\"type\":\"reload\",\"diff\":{\"added\":[\"w\"],\"changed\":[{\"worker\":\"x\"}],\"unchanged\":[\"y\"]}}",
     "taskd", "configuration read again: +w ~x (1 unchanged)", TABLE_BOLD},
    {"{\"type\":\"reload\",\"error\":{\"code\":\"invalid\",\"message\":\"it is wrong\"}}", "taskd",
     "reload refused: it is wrong", TABLE_BOLD},
    {"{\"type\":\"lagged\",\"seq\":4}", "taskd", "events after 4 came faster than they were read", TABLE_RED},
    {"{\"type\":\"later\",\"task\":\"w\\u001b@1\"}", "w\\x1B@1", "{\"type\":\"later\",\"task\":\"w\\u001B@1\"}",
     TABLE_PLAIN},
    {"{}", "taskd", "{}", TABLE_PLAIN},
};

START_TEST(events_in_words)
{
    json_t *event = json_loads(events[_i].event, 0, NULL);
    char out[1000];
    ck_assert_ptr_nonnull(event);
    ck_assert_str_eq(event_who(event, out, sizeof out), events[_i].who);
    ck_assert_str_eq(event_text(event, out, sizeof out), events[_i].text);
    ck_assert_int_eq(event_colour(event), events[_i].colour);
    json_decref(event);
}
END_TEST

START_TEST(a_long_one_is_cut)
{
    char id[5000], out[100];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    json_t *event = json_pack("{ss ss ss}", "type", "unit_end", "task", id, "unit", id);
    ck_assert_uint_eq(strlen(event_text(event, out, sizeof out)), sizeof out - 1);
    ck_assert_uint_eq(strlen(event_who(event, out, sizeof out)), sizeof out - 1);
    json_decref(event);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, events_in_words, 0, (int)(sizeof events / sizeof *events));
    tcase_add_test(tc, a_long_one_is_cut);
}

int main(void)
{
    return suite_run("event_text", (void (*const[])(TCase *)){add, NULL});
}
