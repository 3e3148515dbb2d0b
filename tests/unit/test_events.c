/* The ring of events, its readers, and the sampling of units. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "taskd/events.h"

enum { COUNT = 8, BYTES = 100 * 1024, UNITS = 100 };

static struct events *e;
static struct events_reader *reader;
static int news, units;
static char last_unit[1000];

static void on_news(void *arg)
{
    (void)arg;
    news++;
}

static void on_unit(void *arg, const char *line, size_t len)
{
    (void)arg;
    units++;
    snprintf(last_unit, sizeof last_unit, "%.*s", (int)len, line);
}

static void set_up(void)
{
    e = events_new(COUNT, BYTES);
    ck_assert_ptr_nonnull(e);
    reader = NULL;
    news = units = 0;
}

static void tear_down(void)
{
    if (reader)
        events_unsubscribe(reader);
    events_free(e);
}

static int subscribe(int64_t since, unsigned units_every, const char *scope)
{
    struct events_wish wish = {.since = since, .units_every = units_every, .scope = scope};
    struct events_hooks hooks = {.on_news = on_news, .on_unit = on_unit};
    return events_subscribe(e, &wish, &hooks, &reader);
}

static void post(int count)
{
    while (count-- > 0)
        events_post(e, "t", json_pack("{ss ss}", "worker", "w", "task", "w@1"));
}

/* The next line, decoded; NULL when there is none. */
static json_t *next(void)
{
    const char *line;
    size_t len;
    int r = events_next(reader, &line, &len);
    ck_assert_int_ge(r, 0);
    if (r == 0)
        return NULL;
    ck_assert_int_eq(line[len - 1], '\n');
    ck_assert_ptr_null(memchr(line, '\n', len - 1));
    json_t *event = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(event);
    return event;
}

static json_int_t next_seq(void)
{
    json_t *event = next();
    json_int_t seq = event ? json_integer_value(json_object_get(event, "seq")) : 0;
    json_decref(event);
    return seq;
}

static void expect_seqs(json_int_t from, json_int_t to)
{
    for (json_int_t seq = from; seq <= to; seq++)
        ck_assert_int_eq(next_seq(), seq);
    ck_assert_int_eq(next_seq(), 0);
}

static int overtaken(void)
{
    const char *line;
    size_t len;
    return events_next(reader, &line, &len) == -ESTALE;
}

static void unit(enum events_unit_kind kind, const char *worker)
{
    events_unit(e, &(struct events_unit){kind, {worker, NULL, NULL}, "u", true});
}

/* --- kept events */

START_TEST(an_event_has_its_number_its_time_its_type_and_its_fields)
{
    events_post(e, "state", json_pack("{ss ss}", "task", "w@1", "to", "running"));
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 0, NULL), 0);
    json_t *event = next();
    const char *time = json_string_value(json_object_get(event, "time"));
    ck_assert_int_eq(json_integer_value(json_object_get(event, "seq")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(event, "type")), "state");
    ck_assert_str_eq(json_string_value(json_object_get(event, "to")), "running");
    ck_assert_msg(time && strlen(time) == 24 && time[10] == 'T' && time[23] == 'Z', "%s", time);
    json_decref(event);
}
END_TEST

START_TEST(numbers_begin_with_1_and_none_is_left_out)
{
    ck_assert_int_eq(events_last(e), 0);
    ck_assert_int_eq(subscribe(0, 0, NULL), 0);
    events_post(e, "t", NULL);
    post(2);
    ck_assert_int_eq(news, 3);
    expect_seqs(1, 3);
    ck_assert_int_eq(events_last(e), 3);
}
END_TEST

START_TEST(the_ring_is_bounded_by_its_count)
{
    post(COUNT + 3);
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 0, NULL), 0);
    expect_seqs(4, COUNT + 3);
}
END_TEST

START_TEST(the_ring_is_bounded_by_its_bytes)
{
    char *text = calloc(1, BYTES / 3 + 1);
    memset(text, 'x', BYTES / 3);
    for (int i = 0; i < 5; i++)
        events_post(e, "t", json_pack("{ss}", "text", text));
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 0, NULL), 0);
    expect_seqs(4, 5);
    free(text);
}
END_TEST

START_TEST(a_long_event_loses_its_long_fields)
{
    char *text = calloc(1, BYTES * 2 + 1);
    memset(text, 'x', BYTES * 2);
    events_post(e, "t", json_pack("{ss ss}", "text", text, "task", "w@1"));
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 0, NULL), 0);
    json_t *event = next();
    ck_assert_ptr_null(json_object_get(event, "text"));
    ck_assert_str_eq(json_string_value(json_object_get(event, "task")), "w@1");
    ck_assert(json_is_true(json_object_get(event, "cut")));
    json_decref(event);
    free(text);
}
END_TEST

/* What cannot be said is not passed over in silence: the readers learn that they have missed something. */
START_TEST(an_event_that_cannot_be_made_overtakes_every_reader)
{
    post(1);
    ck_assert_int_eq(subscribe(EVENTS_NOW, 0, NULL), 0);
    events_post(e, "t", json_pack("[]"));
    ck_assert_int_eq(events_last(e), 2);
    ck_assert(overtaken());
    ck_assert_int_eq(events_told(reader), 1);
    events_unsubscribe(reader);
    post(1);
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 0, NULL), 0);
    expect_seqs(3, 3);
}
END_TEST

/* --- where a reader begins */

static const struct {
    int64_t since;
    int r;
    json_int_t first; /* the first that is told, 0: none */
} starts[] = {
    {EVENTS_NOW, 0, 0}, {EVENTS_FIRST, 0, 3}, {0, -ESTALE, 0}, {1, -ESTALE, 0},         {2, 0, 3},
    {3, 0, 4},          {9, 0, 10},           {10, 0, 0},      {COUNT + 3, -ESTALE, 0}, {INT64_MAX, -ESTALE, 0},
};

START_TEST(a_reader_begins_where_it_wishes_or_is_told_that_this_is_gone)
{
    post(COUNT + 2);
    ck_assert_int_eq(subscribe(starts[_i].since, 0, NULL), starts[_i].r);
    if (starts[_i].r < 0)
        return;
    ck_assert_int_eq(next_seq(), starts[_i].first);
    post(1);
    while (starts[_i].first && next_seq() != COUNT + 3)
        ;
    ck_assert_int_eq(events_told(reader), starts[_i].first ? COUNT + 3 : COUNT + 2);
}
END_TEST

START_TEST(who_does_not_read_is_overtaken_and_costs_nothing)
{
    ck_assert_int_eq(subscribe(EVENTS_NOW, 0, NULL), 0);
    post(COUNT);
    ck_assert_int_eq(next_seq(), 1);
    post(1);
    ck_assert_int_eq(next_seq(), 2);
    post(2);
    ck_assert(overtaken());
    ck_assert_int_eq(events_told(reader), 2);
}
END_TEST

static const struct {
    const char *scope, *worker, *task, *handle;
    bool in;
} scopes[] = {
    {NULL, "w", "w@1", "w@1#1", true},    {"w", "w", "w@1", "w@1#1", true},       {"w@1", "w", "w@1", "w@1#1", true},
    {"w@1#1", "w", "w@1", "w@1#1", true}, {"a,w@1,b", "w", "w@1", "w@1#1", true}, {"a,w", "w", "w@1", NULL, true},
    {"w@2", "w", "w@1", "w@1#1", false},  {"w@1#2", "w", "w@1", "w@1#1", false},  {"w@", "w", "w@1", NULL, false},
    {"ww", "w", "w@1", NULL, false},      {"a,b", "w", "w@1", NULL, false},       {"", "w", "w@1", NULL, false},
    {"anybody", NULL, NULL, NULL, true},
};

START_TEST(scopes_choose)
{
    struct events_whose whose = {scopes[_i].worker, scopes[_i].task, scopes[_i].handle};
    ck_assert_int_eq(events_in_scope(scopes[_i].scope, &whose), scopes[_i].in);
    ck_assert_int_eq(subscribe(EVENTS_NOW, 0, scopes[_i].scope), 0);
    events_post(e, "t", json_pack("{ss* ss* ss*}", "worker", whose.worker, "task", whose.task, "handle", whose.handle));
    ck_assert_int_eq(next_seq(), scopes[_i].in);
    ck_assert_int_eq(events_told(reader), 1);
}
END_TEST

/* --- units */

static const struct {
    unsigned every;
    int told; /* of UNITS begins and as many ends */
} samples[] = {{0, 0}, {1, 2 * UNITS}, {2, UNITS}, {10, 20}, {UNITS, 2}, {1000, 2}};

START_TEST(units_are_sampled)
{
    ck_assert_int_eq(subscribe(EVENTS_NOW, samples[_i].every, NULL), 0);
    ck_assert_int_eq(next_seq(), 0);
    ck_assert_int_eq(events_wants_units(e), samples[_i].every > 0);
    for (int i = 0; i < UNITS; i++) {
        unit(EVENTS_UNIT_BEGIN, "w");
        unit(EVENTS_UNIT_END, "w");
    }
    ck_assert_int_eq(units, samples[_i].told);
    ck_assert_int_eq(events_last(e), 0);
    events_unsubscribe(reader);
    reader = NULL;
    ck_assert(!events_wants_units(e));
}
END_TEST

START_TEST(units_are_counted_within_the_scope)
{
    ck_assert_int_eq(subscribe(EVENTS_NOW, 10, "w"), 0);
    ck_assert_int_eq(next_seq(), 0);
    for (int i = 0; i < UNITS; i++) {
        unit(EVENTS_UNIT_END, "other");
        unit(EVENTS_UNIT_END, "w");
    }
    ck_assert_int_eq(units, UNITS / 10);
}
END_TEST

START_TEST(units_begin_when_the_kept_ones_have_been_read)
{
    post(1);
    ck_assert_int_eq(subscribe(EVENTS_FIRST, 1, NULL), 0);
    ck_assert_int_eq(next_seq(), 1);
    ck_assert(!events_wants_units(e));
    ck_assert_int_eq(next_seq(), 0);
    ck_assert(events_wants_units(e));
}
END_TEST

START_TEST(a_unit_carries_the_seq_of_the_last_kept_event)
{
    post(2);
    ck_assert_int_eq(subscribe(EVENTS_NOW, 1, NULL), 0);
    ck_assert_int_eq(next_seq(), 0);
    events_unit(e, &(struct events_unit){EVENTS_UNIT_END, {"w", "w@1", "w@1#7"}, "a\"b", false});
    json_t *event = json_loads(last_unit, 0, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(event, "seq")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(event, "type")), "unit_end");
    ck_assert_str_eq(json_string_value(json_object_get(event, "unit")), "a\"b");
    ck_assert_str_eq(json_string_value(json_object_get(event, "handle")), "w@1#7");
    ck_assert(json_is_false(json_object_get(event, "ok")));
    json_decref(event);
    post(1);
    expect_seqs(3, 3);
}
END_TEST

/* --- a reader that ends itself while it is told */

static void on_news_leave(void *arg)
{
    events_unsubscribe(*(struct events_reader **)arg);
    news++;
}

START_TEST(readers_may_leave_while_they_are_told)
{
    struct events_reader *some[3];
    for (int i = 0; i < 3; i++) {
        struct events_hooks hooks = {.on_news = on_news_leave, .arg = &some[i]};
        ck_assert_int_eq(events_subscribe(e, &(struct events_wish){.since = EVENTS_NOW}, &hooks, &some[i]), 0);
    }
    post(2);
    ck_assert_int_eq(news, 3);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_event_has_its_number_its_time_its_type_and_its_fields);
    tcase_add_test(tc, numbers_begin_with_1_and_none_is_left_out);
    tcase_add_test(tc, the_ring_is_bounded_by_its_count);
    tcase_add_test(tc, the_ring_is_bounded_by_its_bytes);
    tcase_add_test(tc, a_long_event_loses_its_long_fields);
    tcase_add_test(tc, an_event_that_cannot_be_made_overtakes_every_reader);
    tcase_add_loop_test(tc, a_reader_begins_where_it_wishes_or_is_told_that_this_is_gone, 0, ROWS(starts));
    tcase_add_test(tc, who_does_not_read_is_overtaken_and_costs_nothing);
    tcase_add_loop_test(tc, scopes_choose, 0, ROWS(scopes));
    tcase_add_loop_test(tc, units_are_sampled, 0, ROWS(samples));
    tcase_add_test(tc, units_are_counted_within_the_scope);
    tcase_add_test(tc, units_begin_when_the_kept_ones_have_been_read);
    tcase_add_test(tc, a_unit_carries_the_seq_of_the_last_kept_event);
    tcase_add_test(tc, readers_may_leave_while_they_are_told);
}

int main(void)
{
    return suite_run("events", (void (*const[])(TCase *)){add, NULL});
}
