/* Configurations that are made of a command and options, and the table of keys itself. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/quantity.h"
#include "suite.h"
#include "taskd/config.h"
#include "taskd/config_keys.h"

static char *const command[] = {(char[]){"sleep"}, (char[]){"100"}, NULL};
static struct config *config;
static struct worker_config *worker;

static void begin(void)
{
    config = config_from_command("sleep", command);
    ck_assert_ptr_nonnull(config);
    worker = config->workers;
}

static void set(const char *key, const char *text)
{
    char why[256] = "";

    ck_assert_msg(worker_config_set(worker, key, text, why, sizeof why) == 0, "%s %s: %s", key, text, why);
}

START_TEST(a_command_has_defaults)
{
    begin();
    ck_assert_uint_eq(config->workers_count, 1);
    ck_assert_str_eq(worker->name, "sleep");
    ck_assert_str_eq(worker->command[1], "100");
    ck_assert_ptr_null(worker->command[2]);
    ck_assert_ptr_ne(worker->command[0], command[0]);
    ck_assert_ptr_null(config->path);
    ck_assert_int_eq(worker->restart, RESTART_NO);
    ck_assert_int_eq(worker->replicas, 1);
    ck_assert_int_eq(worker->channel, CHANNEL_JSON);
    ck_assert_int_eq(worker->env_inherit, ENV_INHERIT_ALL);
    ck_assert_int_eq(worker->umask, -1);
    ck_assert_int_eq(worker->start_timeout, DURATION_INFINITY);
    ck_assert_int_eq(worker->stop_timeout, 30000);
    ck_assert_int_eq(worker->max_stop_timeout, 300000);
    ck_assert_int_eq(worker->stop_signal, SIGTERM);
    ck_assert_int_eq(worker->term_timeout, 0);
    ck_assert_int_eq(worker->unit_timeout, DURATION_INFINITY);
    ck_assert_int_eq(worker->backoff_initial, 200);
    ck_assert_int_eq(worker->restart_count, 5);
    ck_assert_int_eq(worker->restart_interval, 60000);
    ck_assert_int_eq(worker->max_message, 65536);
    ck_assert_int_eq(worker->log_to, LOG_TO_INHERIT);
    ck_assert_uint_eq(worker->given, 0);
    config_free(config);
    config_free(NULL);
}
END_TEST

START_TEST(options_set_keys)
{
    begin();
    set("stop-timeout", "10min");
    set("stop_signal", "INT");
    set("restart", "always");
    set("backoff-initial", "1min");
    set("restart_limit.count", "9");
    set("umask", "077");
    set("env", "A=1");
    set("env", "B=x=y");
    set("env", "A=2");
    set("limits", "nofile=1024");
    set("limits", "as=1G");
    set("limits", "nofile=infinity");
    set("env-inherit", "PATH,HOME");
    set("input", "{\"a\": [1]}");
    set("log-file", "x.log");
    ck_assert_int_eq(worker->stop_timeout, 600000);
    ck_assert_int_eq(worker->max_stop_timeout, 600000);
    ck_assert_int_eq(worker->stop_signal, SIGINT);
    ck_assert_uint_eq(worker->given, GIVEN_STOP_SIGNAL | GIVEN_LOG_FILE);
    ck_assert_int_eq(worker->restart, RESTART_ALWAYS);
    ck_assert_int_eq(worker->backoff_max, 60000);
    ck_assert_int_eq(worker->restart_count, 9);
    ck_assert_int_eq(worker->umask, 077);
    ck_assert_str_eq(worker->env[0], "A=2");
    ck_assert_str_eq(worker->env[1], "B=x=y");
    ck_assert_ptr_null(worker->env[2]);
    ck_assert_uint_eq(worker->limits_count, 2);
    ck_assert_uint_eq(worker->limits[0].value, RLIM_INFINITY);
    ck_assert_uint_eq(worker->limits[1].value, 1 << 30);
    ck_assert_int_eq(worker->env_inherit, ENV_INHERIT_LIST);
    ck_assert_str_eq(worker->env_inherit_names[0], "PATH");
    ck_assert_str_eq(worker->env_inherit_names[1], "HOME");
    ck_assert_int_eq((int)json_object_size(worker->input), 1);
    ck_assert_int_eq(worker->log_to, LOG_TO_FILE);
    set("env-inherit", "false");
    ck_assert_int_eq(worker->env_inherit, ENV_INHERIT_NONE);
    ck_assert_ptr_null(worker->env_inherit_names);
    set("stop-timeout", "1s");
    ck_assert_int_eq(worker->max_stop_timeout, 300000);
    config_free(config);
}
END_TEST

static const struct {
    const char *key, *text;
    int result;
    const char *why; /* a part of the sentence */
} refused[] = {
    {"command", "x", -ENOENT, ""},
    {"backoff", "x", -ENOENT, ""},
    {"xyzzy", "x", -ENOENT, ""},
    {"stop-time", "1s", -ENOENT, ""},
    {"stop-timeout-x", "1s", -ENOENT, ""},
    {"socket", "x", -ENOENT, ""},
    {"stop-timeout", "30", -EINVAL, "\"30s\""},
    {"stop-timeout", "", -EINVAL, "no duration"},
    {"stop-timeout", "99999999999999d", -EINVAL, "hundred years"},
    {"replicas", "0", -EINVAL, "from 1 to 10000"},
    {"replicas", "1x", -EINVAL, "whole number"},
    {"replicas", "", -EINVAL, "whole number"},
    {"replicas", "99999999999999999999", -EINVAL, "from 1 to 10000"},
    {"max-message", "2M", -EINVAL, "from 64K to 1M"},
    {"restart", "sometimes", -EINVAL, "\"on-failure\""},
    {"stop-signal", "RTMIN+99", -EINVAL, "no signal"},
    {"stop-signal", "CONT", -EINVAL, "no signal"},
    {"env", "A", -EINVAL, "NAME=VALUE"},
    {"env", "=A", -EINVAL, "NAME=VALUE"},
    {"env-inherit", "A,,B", -EINVAL, "commas"},
    {"limits", "nofile", -EINVAL, "nofile=1024"},
    {"limits", "nofiles=1", -EINVAL, "nofile=1024"},
    {"limits", "nofile=64M", -EINVAL, "no limit"},
    {"limits", "nofile=-1", -EINVAL, "no limit"},
    {"input", "{", -EINVAL, "no JSON"},
    {"input", "hello", -EINVAL, "no JSON"},
    {"input", "{\"a\":1,\"a\":2}", -EINVAL, "no JSON"},
    {"input", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", -EINVAL, "nested"},
    {"env-file", "/nonexistent/x.env", -EINVAL, "/nonexistent/x.env: No such file"},
    {"umask", "8", -EINVAL, "octal"},
    {"cwd", "", -EINVAL, "empty"},
};

START_TEST(options_are_checked)
{
    char why[256] = "";

    begin();
    ck_assert_int_eq(worker_config_set(worker, refused[_i].key, refused[_i].text, why, sizeof why), refused[_i].result);
    ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s", why);
    ck_assert_uint_eq(worker->given, 0);
    config_free(config);
}
END_TEST

static const struct {
    const char *text;
    int number;
} signals[] = {{"TERM", SIGTERM}, {"SIGQUIT", SIGQUIT}, {"KILL", SIGKILL}, {"USR2", SIGUSR2}};

START_TEST(knows_signals)
{
    begin();
    set("stop-signal", signals[_i].text);
    ck_assert_int_eq(worker->stop_signal, signals[_i].number);
    set("stop-signal", "RTMIN+3");
    ck_assert_int_eq(worker->stop_signal, SIGRTMIN + 3);
    set("stop-signal", "SIGRTMAX-1");
    ck_assert_int_eq(worker->stop_signal, SIGRTMAX - 1);
    config_free(config);
}
END_TEST

START_TEST(env_wins_over_the_file_in_either_order)
{
    char path[] = "/tmp/test-config-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_eq(fd_write_all(fd, "A=file\nB=file\nC=file\n", 21), 0);
    close(fd);
    begin();
    set("env", "A=1");
    set("env-file", path);
    set("env", "B=2");
    ck_assert_str_eq(worker->env[0], "A=1");
    ck_assert_str_eq(worker->env[1], "B=2");
    ck_assert_str_eq(worker->env[2], "C=file");
    ck_assert_str_eq(worker->env_file, path);
    config_free(config);
    unlink(path);
}
END_TEST

static const struct {
    const char *text;
    int result;
    const char *why;
} listens[] = {
    {"web=127.0.0.1:80", 0, ""},          {"web=/run/a=b.sock", 0, ""},  {"127.0.0.1:80", -EINVAL, "NAME="},
    {"=:80", -EINVAL, "NAME="},           {"a/b=:80", -EINVAL, "NAME="}, {"web=", -EINVAL, "no address"},
    {"web=80", -EINVAL, "write \":80\""},
};

START_TEST(listens_for_the_command)
{
    char why[256] = "";

    begin();
    ck_assert_int_eq(config_add_listen(config, "other=:1", why, sizeof why), 0);
    ck_assert_int_eq(config_add_listen(config, listens[_i].text, why, sizeof why), listens[_i].result);
    ck_assert_msg(strstr(why, listens[_i].why) != NULL, "%s", why);
    if (listens[_i].result == 0) {
        ck_assert_int_eq(config_add_listen(config, "web=:2", why, sizeof why), 0);
        ck_assert_uint_eq(config->sockets_count, 2);
        ck_assert_str_eq(config->sockets[1].listen[0], strchr(listens[_i].text, '=') + 1);
        ck_assert_str_eq(config->sockets[1].listen[1], ":2");
        ck_assert_str_eq(worker->sockets[1], "web");
        ck_assert_ptr_null(worker->sockets[2]);
    }
    config_free(config);
}
END_TEST

START_TEST(checks_a_config_made_by_hand)
{
    struct config_errors *errors = config_errors_new();
    char *text = NULL;
    size_t size;

    begin();
    ck_assert_int_eq(config_check(config, errors), 0);
    set("log-to", "file");
    set("max-stop-timeout", "1s");
    ck_assert_int_eq(config_check(config, errors), -EINVAL);
    FILE *f = open_memstream(&text, &size);
    config_errors_print(errors, f);
    fclose(f);
    ck_assert_str_eq(text, "max_stop_timeout: 1s is shorter than stop_timeout, which is 30s\n"
                           "log.to: \"file\" needs log.file to name one\n");
    free(text);
    config_errors_free(errors);
    config_free(config);
}
END_TEST

/* The table */

START_TEST(rows_are_complete)
{
    for (const struct key *k = config_keys; k->name; k++) {
        ck_assert_msg(k->help && k->help[strlen(k->help) - 1] == '.', "%s: help is a sentence", k->name);
        ck_assert_msg(k->type && k->type->what && k->type->kind && k->type->schema, "%s: type", k->name);
        ck_assert_msg(k->def || k->otherwise || k->required || k->type == &type_group, "%s: no default told", k->name);
        ck_assert_msg(!k->type->from_text || k->type->placeholder, "%s: placeholder", k->name);
        for (const struct key *other = k + 1; other->name; other++)
            ck_assert_msg(other->scope != k->scope || strcmp(other->name, k->name) != 0, "%s: twice", k->name);
        const char *dot = strchr(k->name, '.');
        if (dot) {
            char group[64];
            snprintf(group, sizeof group, "%.*s", (int)(dot - k->name), k->name);
            ck_assert_msg(config_key_find(k->scope, group) != NULL, "%s: its object has no row", k->name);
        }
    }
}
END_TEST

static void count_option(void *arg, const struct config_option *o)
{
    char why[256];
    size_t *count = arg;

    ck_assert_ptr_nonnull(o->placeholder);
    ck_assert_ptr_nonnull(o->help);
    ck_assert_msg(!strpbrk(o->name, "._"), "%s", o->name);
    ck_assert_int_ne(worker_config_set(worker, o->name, "", why, sizeof why), -ENOENT);
    ++*count;
}

START_TEST(every_option_can_be_set)
{
    size_t options = 0, keys = 0;

    begin();
    config_each_option(count_option, &options);
    for (const struct key *k = config_keys; k->name; k++)
        keys += k->scope == SCOPE_WORKER && k->type != &type_group && !k->own;
    ck_assert_uint_eq(options, keys);
    ck_assert_uint_gt(options, 25);
    config_free(config);
}
END_TEST

START_TEST(every_key_is_in_the_manual)
{
    char *page = NULL, item[96];
    size_t size;
    FILE *f = open_memstream(&page, &size);

    config_print_man(f);
    fclose(f);
    for (const struct key *k = config_keys; k->name; k++) {
        snprintf(item, sizeof item, "\n.It Cm %s : Ar ", k->name);
        ck_assert_msg(strstr(page, item) != NULL, "%s", k->name);
    }
    for (const char *line = page; *line; line = strchr(line, '\n') + 1)
        ck_assert_msg(strcspn(line, "\n") <= 80, "%.90s", line);
    free(page);
}
END_TEST

START_TEST(names_of_choices)
{
    ck_assert_str_eq(channel_kind_name(CHANNEL_NONE), "none");
    ck_assert_str_eq(restart_policy_name(RESTART_ON_FAILURE), "on-failure");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, a_command_has_defaults);
    tcase_add_test(tc, options_set_keys);
    tcase_add_loop_test(tc, options_are_checked, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(tc, knows_signals, 0, sizeof signals / sizeof *signals);
    tcase_add_test(tc, env_wins_over_the_file_in_either_order);
    tcase_add_loop_test(tc, listens_for_the_command, 0, sizeof listens / sizeof *listens);
    tcase_add_test(tc, checks_a_config_made_by_hand);
    tcase_add_test(tc, rows_are_complete);
    tcase_add_test(tc, every_option_can_be_set);
    tcase_add_test(tc, every_key_is_in_the_manual);
    tcase_add_test(tc, names_of_choices);
}

int main(void)
{
    return suite_run("config_options", (void (*const[])(TCase *)){add, NULL});
}
