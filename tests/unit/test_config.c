/* Whole configurations: the folders tests/data/config/valid and invalid, and what loading a file refuses. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/quantity.h"
#include "suite.h"
#include "taskd/config.h"

static struct config_errors *errors;
static struct config *config;

static void begin(void)
{
    errors = config_errors_new();
    config = NULL;
    ck_assert_ptr_nonnull(errors);
}

static void finish(void)
{
    config_free(config);
    config_errors_free(errors);
}

static void enter(const char *folder)
{
    const char *top = getenv("TOP_SRCDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", top ? top : ".", folder);
    ck_assert_msg(chdir(path) == 0, "%s: %s", path, strerror(errno));
}

static char *printed(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    config_errors_print(errors, f);
    fclose(f);
    return text;
}

static int parse(const char *text)
{
    return config_parse(text, strlen(text), "t.json", &config, errors);
}

static int only_json(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".json") == 0;
}

static size_t each_file(const char *folder, void (*each)(const char *name))
{
    struct dirent **entries;
    int n;

    enter(folder);
    n = scandir(".", &entries, only_json, alphasort);
    ck_assert_int_gt(n, 0);
    for (int i = 0; i < n; i++) {
        each(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return (size_t)n;
}

static void expect_errors(const char *name)
{
    char path[256], *expected, *told;
    size_t len;

    begin();
    ck_assert_int_eq(config_load(name, &config, errors), -EINVAL);
    ck_assert_ptr_null(config);
    snprintf(path, sizeof path, "%.*s.errors", (int)(strrchr(name, '.') - name), name);
    ck_assert_msg(fd_read_file(path, 65536, &expected, &len) == 0, "%s is missing", path);
    told = printed();
    ck_assert_str_eq(told, expected);
    free(told);
    free(expected);
    finish();
}

START_TEST(tells_every_error)
{
    ck_assert_uint_ge(each_file("tests/data/config/invalid", expect_errors), 20);
}
END_TEST

static void expect_none(const char *name)
{
    char *told;

    begin();
    config_load(name, &config, errors);
    told = printed();
    ck_assert_str_eq(told, "");
    ck_assert_ptr_nonnull(config);
    ck_assert_str_eq(config->path, name);
    free(told);
    finish();
}

START_TEST(accepts_what_is_right)
{
    each_file("tests/data/config/valid", expect_none);
}
END_TEST

START_TEST(accepts_the_sample)
{
    enter("etc");
    expect_none("taskd.json");
}
END_TEST

static const char *env_of(const struct worker_config *w, const char *name)
{
    size_t len = strlen(name);

    for (char **e = w->env; e && *e; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
            return *e + len + 1;
    return NULL;
}

static rlim_t limit_of(const struct worker_config *w, int resource)
{
    for (size_t i = 0; i < w->limits_count; i++)
        if (w->limits[i].resource == resource)
            return w->limits[i].value;
    ck_abort_msg("limit %d is not set", resource);
}

static void load_everything(void)
{
    begin();
    enter("tests/data/config/valid");
    ck_assert_int_eq(config_load("everything.json", &config, errors), 0);
    ck_assert_uint_eq(config->workers_count, 2);
}

START_TEST(reads_every_key)
{
    load_everything();
    const struct worker_config *w = &config->workers[0];
    ck_assert_str_eq(config->daemon.socket, "/run/example/taskd.sock");
    ck_assert_str_eq(config->daemon.state_dir, "/var/lib/example");
    ck_assert_uint_eq(config->sockets_count, 2);
    ck_assert_str_eq(config->sockets[0].name, "web");
    ck_assert_str_eq(config->sockets[0].listen[1], "[::1]:8080");
    ck_assert_ptr_null(config->sockets[0].listen[2]);
    ck_assert_int_eq(config->sockets[0].type, SOCKET_STREAM);
    ck_assert_int_eq(config->sockets[0].backlog, 511);
    ck_assert_str_eq(config->sockets[1].listen[0], "unix:log.sock");
    ck_assert_int_eq(config->sockets[1].type, SOCKET_DGRAM);
    ck_assert_int_eq(config->sockets[1].mode, 0600);
    ck_assert_str_eq(w->sockets[1], "web");
    ck_assert_str_eq(w->name, "full.worker-1_x");
    ck_assert_str_eq(w->command[0], "./resize");
    ck_assert_str_eq(w->command[1], "");
    ck_assert_ptr_null(w->command[3]);
    ck_assert_int_eq(w->replicas, 2);
    ck_assert_int_eq(w->channel, CHANNEL_NONE);
    ck_assert_str_eq(w->cwd, "/");
    ck_assert_int_eq(w->env_inherit, ENV_INHERIT_LIST);
    ck_assert_str_eq(w->env_inherit_names[1], "HOME");
    ck_assert_ptr_null(w->env_inherit_names[2]);
    ck_assert_int_eq(w->umask, 022);
    ck_assert_uint_eq(limit_of(w, RLIMIT_CORE), RLIM_INFINITY);
    ck_assert_uint_eq(limit_of(w, RLIMIT_AS), (rlim_t)2 << 30);
    ck_assert_uint_eq(limit_of(w, RLIMIT_CPU), 60);
    ck_assert_int_eq(w->start_timeout, 90000);
    ck_assert_int_eq(w->stop_timeout, 360000);
    ck_assert_int_eq(w->stop_signal, SIGINT);
    ck_assert_int_eq(w->term_timeout, 500);
    ck_assert_int_eq(w->pre_stop, 0);
    ck_assert_int_eq(w->restart, RESTART_ALWAYS);
    ck_assert_int_eq(w->backoff_initial, 1000);
    ck_assert_int_eq(w->backoff_max, 60000);
    ck_assert_int_eq(w->restart_count, 7);
    ck_assert_int_eq(w->restart_interval, 7200000);
    ck_assert_int_eq(w->unit_timeout, 5400000);
    ck_assert_int_eq(w->max_message, 131072);
    ck_assert_int_eq(w->on_protocol_error, PROTOCOL_ERROR_STOP);
    ck_assert_str_eq(w->log_file, "full.log");
    finish();
}
END_TEST

START_TEST(inherits_defaults)
{
    load_everything();
    const struct worker_config *own = &config->workers[0], *w = &config->workers[1];
    ck_assert_int_eq(w->replicas, 3);
    ck_assert_int_eq(w->stop_timeout, 10000);
    ck_assert_int_eq(w->log_to, LOG_TO_NULL);
    ck_assert_str_eq(env_of(w, "LANG"), "C");
    ck_assert_uint_eq(limit_of(w, RLIMIT_CORE), 0);
    ck_assert_int_eq(w->stop_signal, SIGTERM);
    ck_assert_int_eq(w->restart, RESTART_ON_FAILURE);
    ck_assert_int_eq((int)json_array_size(w->input), 2);
    /* Entries of maps are merged, and a log file of one's own is meant to be used. */
    ck_assert_uint_eq(limit_of(own, RLIMIT_NOFILE), 512);
    ck_assert_str_eq(env_of(own, "TZ"), "UTC");
    ck_assert_int_eq(own->log_to, LOG_TO_FILE);
    finish();
}
END_TEST

START_TEST(merges_the_environment_file)
{
    static const struct {
        const char *name, *value;
    } expected[] = {
        {"PLAIN", "two words"}, {"INDENTED", "trimmed"}, {"SINGLE", "as $it is\\n"},
        {"TWICE", "2"},         {"NOTHING", ""},         {"DOUBLE", "a \"quoted\" $word \\ \\n"},
        {"EQUALS", "a=b"},      {"LANG", "C.UTF-8"},     {"Umlaut", "\xc3\xbc"},
        {"EMPTY", ""},          {"TZ", "UTC"},
    };
    size_t count = 0;

    load_everything();
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_ptr_nonnull(env_of(&config->workers[0], expected[i].name));
        ck_assert_str_eq(env_of(&config->workers[0], expected[i].name), expected[i].value);
    }
    while (config->workers[0].env[count])
        count++;
    ck_assert_uint_eq(count, sizeof expected / sizeof *expected);
    finish();
}
END_TEST

/* What is not written down follows from what is. */
static const struct {
    const char *defaults, *keys;
    int64_t stop, max_stop, backoff_max;
    unsigned given;
} derived[] = {
    {"", "", 30000, 300000, 30000, 0},
    {"", ",\"stop_timeout\":\"10min\"", 600000, 600000, 30000, 0},
    {"", ",\"stop_timeout\":\"infinity\"", DURATION_INFINITY, DURATION_INFINITY, 30000, 0},
    {"\"stop_timeout\":\"10min\"", "", 600000, 600000, 30000, 0},
    {"\"stop_timeout\":\"10min\"", ",\"stop_timeout\":\"1s\"", 1000, 300000, 30000, 0},
    {"", ",\"max_stop_timeout\":\"30s\"", 30000, 30000, 30000, GIVEN_MAX_STOP_TIMEOUT},
    {"", ",\"backoff\":{\"initial\":\"1min\"}", 30000, 300000, 60000, 0},
    {"", ",\"stop_signal\":\"TERM\"", 30000, 300000, 30000, GIVEN_STOP_SIGNAL},
    {"\"stop_signal\":\"TERM\"", "", 30000, 300000, 30000, GIVEN_STOP_SIGNAL},
    {"", ",\"start_timeout\":\"infinity\"", 30000, 300000, 30000, GIVEN_START_TIMEOUT},
};

START_TEST(derives_what_is_not_given)
{
    char text[512];

    begin();
    snprintf(text, sizeof text, "{\"defaults\":{%s},\"workers\":{\"a\":{\"command\":[\"x\"]%s}}}", derived[_i].defaults,
             derived[_i].keys);
    ck_assert_int_eq(parse(text), 0);
    ck_assert_int_eq(config->workers->stop_timeout, derived[_i].stop);
    ck_assert_int_eq(config->workers->max_stop_timeout, derived[_i].max_stop);
    ck_assert_int_eq(config->workers->backoff_max, derived[_i].backoff_max);
    ck_assert_uint_eq(config->workers->given, derived[_i].given);
    finish();
}
END_TEST

START_TEST(refuses_every_part_of_the_sample)
{
    char *text;
    size_t len;

    enter("etc");
    ck_assert_int_eq(fd_read_file("taskd.json", 65536, &text, &len), 0);
    while (len > 0 && text[len - 1] != '}')
        len--;
    for (size_t part = 0; part < len; part++) {
        begin();
        ck_assert_int_eq(config_parse(text, part, "t.json", &config, errors), -EINVAL);
        ck_assert_uint_ge(config_errors_count(errors), 1);
        ck_assert_uint_ge(config_errors_get(errors, 0)->line, 1);
        finish();
    }
    free(text);
}
END_TEST

/* Whatever one wrong character does, it is told or harmless. */
START_TEST(survives_one_wrong_character)
{
    char *text;
    size_t len;

    enter("etc");
    ck_assert_int_eq(fd_read_file("taskd.json", 65536, &text, &len), 0);
    for (size_t i = 0; i < len; i++) {
        char was = text[i];
        for (const char *c = "\"{}[]:,\\0x\xff"; *c; c++) {
            text[i] = *c;
            begin();
            int r = config_parse(text, len, "t.json", &config, errors);
            ck_assert_int_eq(r, config_errors_count(errors) ? -EINVAL : 0);
            finish();
        }
        text[i] = was;
    }
    free(text);
}
END_TEST

START_TEST(input_must_fit_in_a_message)
{
    char *text;

    begin();
    json_t *input =
        json_pack("{s:{s:{s:[s],s:o}}}", "workers", "a", "command", "x", "input", json_sprintf("%070000d", 1));
    text = json_dumps(input, 0);
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_str_eq(config_errors_get(errors, 0)->path, "workers.a.input");
    free(text);
    finish();

    begin();
    json_object_set_new(json_object_get(json_object_get(input, "workers"), "a"), "max_message", json_string("128K"));
    text = json_dumps(input, 0);
    ck_assert_int_eq(parse(text), 0);
    free(text);
    json_decref(input);
    finish();
}
END_TEST

static void temporary_folder(char *folder)
{
    strcpy(folder, "/tmp/test-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

#define RIGHT "{\"workers\":{\"a\":{\"command\":[\"x\"]}}}"

START_TEST(root_refuses_a_file_that_everyone_can_write)
{
    char folder[64];

    temporary_folder(folder);
    write_file("t.json", RIGHT, 0646);
    begin();
    ck_assert_int_eq(config_load("t.json", &config, errors), geteuid() == 0 ? -EINVAL : 0);
    finish();
    write_file("t.json", RIGHT, 0664);
    begin();
    ck_assert_int_eq(config_load("t.json", &config, errors), 0);
    finish();
    unlink("t.json");
    rmdir(folder);
}
END_TEST

START_TEST(refuses_what_cannot_be_read)
{
    char folder[64];

    temporary_folder(folder);
    begin();
    ck_assert_int_eq(config_load("missing.json", &config, errors), -ENOENT);
    ck_assert_int_eq(config_load(".", &config, errors), -EISDIR);
    ck_assert_uint_eq(config_errors_count(errors), 2);
    ck_assert_uint_eq(config_errors_get(errors, 0)->line, 0);
    ck_assert_str_eq(config_errors_get(errors, 0)->message, strerror(ENOENT));
    write_file("t.json", "", 0600);
    ck_assert_int_eq(truncate("t.json", CONFIG_FILE_MAX + 1), 0);
    ck_assert_int_eq(config_load("t.json", &config, errors), -EINVAL);
    ck_assert_str_eq(config_errors_get(errors, 2)->message, "larger than 4 MiB");
    unlink("t.json");
    rmdir(folder);
    finish();
}
END_TEST

START_TEST(reads_standard_input)
{
    int fds[2];

    begin();
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(fd_write_all(fds[1], RIGHT, strlen(RIGHT)), 0);
    close(fds[1]);
    ck_assert_int_eq(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(config_load("-", &config, errors), 0);
    ck_assert_str_eq(config->workers->name, "a");
    finish();
}
END_TEST

START_TEST(only_root_changes_the_user)
{
    static const char text[] = "{\"workers\":{\"a\":{\"command\":[\"x\"],\"user\":0,\"group\":\"0\"}}}";

    if (geteuid() == 0) {
        begin();
        ck_assert_int_eq(parse(text), 0);
        ck_assert_str_eq(config->workers->user, "0");
        finish();
        ck_assert_int_eq(setuid(65534), 0);
    }
    begin();
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_uint_eq(config_errors_count(errors), 2);
    ck_assert_ptr_nonnull(strstr(config_errors_get(errors, 0)->message, "root"));
    finish();
}
END_TEST

/* Many workers that inherit one mistake tell it once. */
START_TEST(tells_an_inherited_mistake_once)
{
    json_t *workers = json_object(),
           *document = json_pack("{s:{s:s},s:o}", "defaults", "cwd", "/nonexistent", "workers", workers);
    char *text;

    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        json_object_set_new(workers, name, json_pack("{s:[s]}", "command", "x"));
    }
    text = json_dumps(document, 0);
    begin();
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_uint_eq(config_errors_count(errors), 1);
    ck_assert_str_eq(config_errors_get(errors, 0)->path, "defaults.cwd");
    finish();
    free(text);
    json_decref(document);
}
END_TEST

static long allocations_left;
static bool fails_for_good;

static void *failing_malloc(size_t size)
{
    if (allocations_left-- == 0 || (fails_for_good && allocations_left < 0))
        return NULL;
    return malloc(size);
}

/* jansson does not notice each of its failed allocations: a right file must never be called wrong because of one. */
START_TEST(tells_memory_from_mistakes)
{
    long nth = 0;

    enter("tests/data/config/valid");
    fails_for_good = _i;
    do {
        allocations_left = nth++;
        json_set_alloc_funcs(failing_malloc, free);
        begin();
        int r = config_load("everything.json", &config, errors);
        ck_assert_msg(r == 0 || r == -ENOMEM, "allocation %ld: %d", nth, r);
        ck_assert_uint_eq(config_errors_count(errors), 0);
        finish();
    } while (allocations_left < 0);
    json_set_alloc_funcs(malloc, free);
    ck_assert_int_gt(nth, 100);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, tells_every_error);
    tcase_add_test(tc, accepts_what_is_right);
    tcase_add_test(tc, accepts_the_sample);
    tcase_add_test(tc, reads_every_key);
    tcase_add_test(tc, inherits_defaults);
    tcase_add_test(tc, merges_the_environment_file);
    tcase_add_loop_test(tc, derives_what_is_not_given, 0, sizeof derived / sizeof *derived);
    tcase_add_test(tc, refuses_every_part_of_the_sample);
    tcase_add_test(tc, survives_one_wrong_character);
    tcase_add_test(tc, input_must_fit_in_a_message);
    tcase_add_test(tc, root_refuses_a_file_that_everyone_can_write);
    tcase_add_test(tc, refuses_what_cannot_be_read);
    tcase_add_test(tc, reads_standard_input);
    tcase_add_test(tc, only_root_changes_the_user);
    tcase_add_test(tc, tells_an_inherited_mistake_once);
    tcase_add_loop_test(tc, tells_memory_from_mistakes, 0, 2);
}

int main(void)
{
    return suite_run("config", (void (*const[])(TCase *)){add, NULL});
}
