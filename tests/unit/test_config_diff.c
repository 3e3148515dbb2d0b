/* What differs between two configurations: every row of the table, one at a time; and a worker that is moved out. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "taskd/config.h"
#include "taskd/config_diff.h"
#include "taskd/config_keys.h"
#include "taskd/config_worker.h"

/* Quotes in `text` are single ones here. */
static struct config *load(const char *text)
{
    struct config_errors *errors = config_errors_new();
    struct config *config = NULL;
    char json[512];
    size_t len = strlen(text);

    ck_assert_uint_lt(len, sizeof json);
    for (size_t i = 0; i <= len; i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    config_parse(json, len, "t.json", &config, errors);
    config_errors_print(errors, stderr);
    ck_assert_msg(config != NULL, "%s", json);
    config_errors_free(errors);
    return config;
}

static struct config *load_worker(const char *keys)
{
    char text[512];

    snprintf(text, sizeof text,
             "{'sockets': {'s': {'listen': ':1'}, 't': {'listen': ':2'}}, 'workers': {'a': {%s%s%s}, "
             "'b': {'command': ['x']}, 'c': {'command': ['x'], 'sockets': ['s', 't']}}}",
             strstr(keys, "'command'") ? "" : "'command': ['x']", *keys && !strstr(keys, "'command'") ? ", " : "",
             keys);
    return load(text);
}

struct told {
    char keys[256]; /* "+restart -cwd": + is live */
};

static void on_difference(void *arg, const char *key, bool live)
{
    struct told *told = arg;
    size_t len = strlen(told->keys);

    snprintf(told->keys + len, sizeof told->keys - len, "%s%c%s", len ? " " : "", live ? '+' : '-', key);
}

static const struct {
    const char *a, *b, *expected;
} rows[] = {
    {"", "'command': ['y']", "-command"},
    {"", "'command': ['x', 'y']", "-command"},
    {"", "'replicas': 2", "+replicas"},
    {"", "'channel': 'none'", "-channel"},
    {"", "'sockets': ['s']", "-sockets"},
    {"'sockets': ['s', 't']", "'sockets': ['t', 's']", "-sockets"},
    {"", "'cwd': '/'", "-cwd"},
    {"'cwd': '/tmp'", "'cwd': '/'", "-cwd"},
    {"", "'input': null", "-input"},
    {"'input': {'a': [1], 'b': 2}", "'input': {'b': 2, 'a': [2]}", "-input"},
    {"", "'env': {'A': '1'}", "-env"},
    {"'env': {'A': '1', 'B': '2'}", "'env': {'A': '1', 'B': '3'}", "-env"},
    {"'env': {'A': '1', 'B': '2'}", "'env': {'A': '1', 'C': '2'}", "-env"},
    {"", "'env_file': '/dev/null'", "+env_file"},
    {"", "'env_inherit': false", "-env_inherit"},
    {"", "'env_inherit': ['A']", "-env_inherit"},
    {"'env_inherit': ['B']", "'env_inherit': ['A']", "-env_inherit"},
    {"", "'umask': '022'", "-umask"},
    {"", "'limits': {'nofile': 1}", "-limits"},
    {"'limits': {'nofile': 1}", "'limits': {'nofile': 2}", "-limits"},
    {"'limits': {'nofile': 1}", "'limits': {'core': 1}", "-limits"},
    {"", "'start_timeout': '1s'", "-start_timeout"},
    {"", "'channel': 'sd_notify'", "-channel -start_timeout"},
    {"'channel': 'sd_notify'", "'channel': 'sd_notify', 'start_timeout': '90s'", ""},
    {"'channel': 'node-ipc'", "'channel': 'node-ipc', 'dialect': 'pm2'", "-dialect"},
    {"", "'ready': 'fd'", "-start_timeout -ready"},
    {"'start_timeout': '90s'", "'start_timeout': '90s', 'ready': 'fd'", "-ready"},
    {"'ready': 'fd'", "'ready': 'fd', 'ready_fd': 5", "-ready_fd"},
    {"", "'stop_timeout': '1s'", "-stop_timeout"},
    {"", "'stop_timeout': '10min'", "-stop_timeout +max_stop_timeout"},
    {"", "'max_stop_timeout': '1min'", "+max_stop_timeout"},
    {"", "'stop_signal': 'INT'", "-stop_signal"},
    {"", "'term_timeout': '1s'", "+term_timeout"},
    {"", "'pre_stop': '1s'", "+pre_stop"},
    {"", "'restart': 'no'", "+restart"},
    {"", "'success_exit': [1]", "+success_exit"},
    {"'success_exit': [2]", "'success_exit': [1]", "+success_exit"},
    {"", "'backoff': {'initial': '1s'}", "+backoff.initial"},
    {"", "'backoff': {'max': '1s'}", "+backoff.max"},
    {"", "'backoff': {'factor': 2.5}", "+backoff.factor"},
    {"", "'backoff': {'jitter': 0.11}", "+backoff.jitter"},
    {"", "'backoff': {'reset_after': '0'}", "+backoff.reset_after"},
    {"", "'restart_limit': {'count': 6}", "+restart_limit.count"},
    {"", "'restart_limit': {'interval': '2min'}", "+restart_limit.interval"},
    {"", "'max_units': 1", "+max_units"},
    {"", "'max_units_jitter': 1", "+max_units_jitter"},
    {"", "'max_rss': '1G'", "+max_rss"},
    {"", "'max_age': '1d'", "+max_age"},
    {"", "'max_runtime': '1d'", "+max_runtime"},
    {"", "'after': ['b']", "+after"},
    {"'after': ['b']", "'after': ['c']", "+after"},
    {"", "'part_of': 'g'", "+part_of"},
    {"'part_of': 'g'", "'part_of': 'g', 'strategy': 'one_for_all'", "+strategy"},
    {"", "'every': '1min'", "+every"},
    {"'schedule': '0 5 * * *'", "'schedule': '0 4 * * *'", "+schedule"},
    {"'every': '1min'", "'schedule': '0 4 * * *'", "+every +schedule"},
    {"'schedule': '0 4 * * *'", "'schedule': '0 4 * * *', 'timezone': 'UTC'", "+timezone"},
    {"'every': '1min'", "'every': '1min', 'overlap': 'queue'", "+overlap"},
    {"", "'unit_timeout': '1s'", "-unit_timeout"},
    {"", "'watchdog_timeout': '1s'", "-watchdog_timeout"},
    {"", "'memory_max': '1G'", "-memory_max"},
    {"", "'pids_max': 1", "-pids_max"},
    {"", "'cpu_weight': 1", "-cpu_weight"},
    {"", "'poison_limit': 2", "+poison_limit"},
    {"", "'max_message': 65537", "-max_message"},
    {"", "'on_protocol_error': 'stop'", "-on_protocol_error"},
    {"", "'log': {'to': 'null'}", "-log.to"},
    {"", "'log': {'file': 'x'}", "-log.to -log.file"},
    {"'log': {'file': 'x'}", "'log': {'file': 'y'}", "-log.file"},
    {"", "'log': {'format': 'json'}", "-log.format"},
    {"", "'log': {'max_size': '1M'}", "+log.max_size"},
    {"", "'log': {'keep': 1}", "+log.keep"},
    {"", "'log': {'compress': 'gzip'}", "+log.compress"},
    /* The same value means something else where it is written down. */
    {"", "'stop_signal': 'TERM'", "-stop_signal"},
    /* Said otherwise, and the same. */
    {"", "'start_timeout': 'infinity'", ""},
    {"", "'replicas': 1, 'stop_timeout': '0.5min', 'max_stop_timeout': '300s', 'backoff': {'max': '30s'}", ""},
    {"'log': {'file': 'x'}", "'log': {'file': 'x', 'to': 'file'}", ""},
    {"'env': {'A': '1', 'B': '2'}", "'env': {'B': '2', 'A': '1'}", ""},
    {"'limits': {'core': 0, 'as': '1K'}", "'limits': {'as': 1024, 'core': 0}", ""},
    {"'input': {'a': [1], 'b': 2}", "'input': {'b': 2, 'a': [1]}", ""},
    {"'success_exit': [2, 1]", "'success_exit': [1, 2, 2]", ""},
    {"'backoff': {'factor': 2, 'jitter': 0.1}", "'backoff': {'factor': 2.0}", ""},
    {"", "'after': []", ""},
};

enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(tells_each_key)
{
    struct config *a = load_worker(rows[_i].a), *b = load_worker(rows[_i].b);
    struct told told = {""}, back = {""};
    bool differs = worker_config_differs(a->workers, b->workers, on_difference, &told);

    ck_assert_str_eq(told.keys, rows[_i].expected);
    ck_assert_int_eq(differs, *rows[_i].expected != '\0');
    ck_assert_int_eq(worker_config_differs(b->workers, a->workers, on_difference, &back), differs);
    ck_assert_str_eq(back.keys, told.keys);
    ck_assert_int_eq(worker_config_differs(a->workers, b->workers, NULL, NULL), differs);
    config_free(a);
    config_free(b);
}
END_TEST

static const char *const accounts[] = {"user", "group"};

/* Only root may load these. */
START_TEST(tells_accounts)
{
    struct config *a = load_worker(""), *b = load_worker("");
    struct told told = {""};
    char why[256], expected[16];

    ck_assert_int_eq(worker_config_set(b->workers, accounts[_i], "0", why, sizeof why), 0);
    snprintf(expected, sizeof expected, "-%s", accounts[_i]);
    ck_assert(worker_config_differs(a->workers, b->workers, on_difference, &told));
    ck_assert_str_eq(told.keys, expected);
    config_free(a);
    config_free(b);
}
END_TEST

static bool is_told(const char *key)
{
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (strcmp(accounts[i], key) == 0)
            return true;
    for (size_t i = 0; i < ROWS; i++)
        if (*rows[i].expected && strcmp(rows[i].expected + 1, key) == 0)
            return true;
    return false;
}

START_TEST(every_row_can_differ)
{
    for (const struct key *k = config_keys; k->name; k++) {
        ck_assert_msg((k->type->equal != NULL) == (k->type != &type_group), "%s", k->name);
        if (k->scope == SCOPE_WORKER && k->type != &type_group)
            ck_assert_msg(is_told(k->name), "%s", k->name);
    }
}
END_TEST

static const struct {
    const char *daemon, *expected;
} daemons[] = {
    {"", ""},
    {"'on_failed': 'ignore'", ""},
    {"'on_failed': 'stop'", "+on_failed"},
    {"'cgroup': 'off', 'socket': '/s', 'state_dir': '/d'", "-socket -state_dir -cgroup"},
};

START_TEST(tells_keys_of_the_daemon)
{
    struct config *a = load_worker(""), *b;
    struct told told = {""};
    char text[256];

    snprintf(text, sizeof text, "{'daemon': {%s}, 'workers': {'a': {'command': ['x']}}}", daemons[_i].daemon);
    b = load(text);
    ck_assert_int_eq(daemon_config_differs(&a->daemon, &b->daemon, on_difference, &told),
                     *daemons[_i].expected != '\0');
    ck_assert_str_eq(told.keys, daemons[_i].expected);
    config_free(a);
    config_free(b);
}
END_TEST

START_TEST(names_are_not_compared)
{
    struct config *c = load_worker("");

    ck_assert(!worker_config_differs(&c->workers[0], &c->workers[1], NULL, NULL));
    config_free(c);
}
END_TEST

START_TEST(a_worker_outlives_its_config)
{
    struct config *c = load_worker("'env': {'A': '1'}, 'success_exit': [1], 'input': {}, 'limits': {'core': 0}");
    struct worker_config w;

    w = c->workers[0];
    c->workers[0] = (struct worker_config){0};
    ck_assert_ptr_null(c->workers[0].name);
    ck_assert_ptr_null(c->workers[0].command);
    ck_assert_str_eq(c->workers[1].name, "b");
    config_free(c);
    ck_assert_str_eq(w.name, "a");
    ck_assert_str_eq(w.command[0], "x");
    ck_assert_str_eq(w.env[0], "A=1");
    worker_clear(&w);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, tells_each_key, 0, ROWS);
    tcase_add_loop_test(tc, tells_accounts, 0, sizeof accounts / sizeof *accounts);
    tcase_add_test(tc, every_row_can_differ);
    tcase_add_loop_test(tc, tells_keys_of_the_daemon, 0, sizeof daemons / sizeof *daemons);
    tcase_add_test(tc, names_are_not_compared);
    tcase_add_test(tc, a_worker_outlives_its_config);
}

int main(void)
{
    return suite_run("config_diff", (void (*const[])(TCase *)){add, NULL});
}
