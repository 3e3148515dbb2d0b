#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "taskd/command.h"
#include "taskd/journal.h"
#include "taskd/log.h"
#include "taskd/paths.h"
#include "taskd/record_status.h"
#include "taskd/status_text.h"
#include "taskd/table.h"

enum { EXIT_UNKNOWN = 1, EXIT_TASKD = 125, TEXT = 256 };

static const struct option_spec results_options[] = {
    {"json", 'j', NULL, "print the records themselves, one JSON object a line"},
    {"handle", 0, "HANDLE", "the record of this life only"},
    {"lines", 'n', "N", "the last N only"},
    {NULL},
};

static const struct table_column columns[] = {
    {"HANDLE", 0, 48}, {"OUTCOME", 0, 0}, {"HOW", 0, 0},      {"UNIT", 0, 40},
    {"DONE", 1, 0},    {"STARTED", 0, 0}, {"DURATION", 1, 0}, {NULL},
};

struct query {
    const char *handle;
    char **names;
    int names_count;
    size_t last; /* SIZE_MAX: all */
    bool json;
    json_t *found; /* what is to be printed, oldest first */
};

static bool has_name(const struct query *q, const json_t *record)
{
    static const char *const keys[] = {"worker", "id", "handle"};

    for (int i = 0; i < q->names_count; i++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (strcmp(status_string(record, keys[k]), q->names[i]) == 0)
                return true;
    return q->names_count == 0;
}

static bool on_record(void *arg, json_t *record)
{
    struct query *q = arg;

    if (!has_name(q, record) || (q->handle && strcmp(status_string(record, "handle"), q->handle) != 0))
        return true;
    json_array_append(q->found, record);
    if (json_array_size(q->found) > q->last)
        json_array_remove(q->found, 0);
    return true;
}

static enum table_colour outcome_colour(const char *outcome)
{
    if (strcmp(outcome, "ok") == 0)
        return TABLE_GREEN;
    return strcmp(outcome, "cancelled") == 0 ? TABLE_YELLOW : TABLE_RED;
}

/* Everything but the outcome's own name: "3", "SIGSEGV", "ENOENT", or how a stop went. */
static const char *how_of(const json_t *record, char *text, size_t size)
{
    const char *how = status_string(json_object_get(record, "stop"), "how"), *space;

    record_brief(record, text, size);
    space = strchr(text, ' ');
    return *how ? how : space ? space + 1 : "";
}

static void add_row(struct table *t, const json_t *record)
{
    const char *outcome = status_string(record, "outcome");
    int64_t duration = record_duration_ms(record);
    char text[TEXT];

    table_cell(t, TABLE_PLAIN, status_string(record, "handle"));
    table_cell(t, outcome_colour(outcome), outcome);
    table_cell(t, TABLE_PLAIN, how_of(record, text, sizeof text));
    table_cell(t, TABLE_PLAIN, status_string(json_object_get(record, "unit"), "id"));
    table_cellf(t, TABLE_PLAIN, "%" JSON_INTEGER_FORMAT, status_number(json_object_get(record, "units"), "done"));
    table_cell(t, TABLE_PLAIN, status_string(record, "started"));
    table_cell(t, TABLE_PLAIN, duration < 0 ? NULL : duration_brief(duration, text, sizeof text));
}

static void print_human(const json_t *records)
{
    struct table *t = table_new(columns);
    json_t *record;
    size_t i;

    if (!t)
        fatal("out of memory");
    json_array_foreach (records, i, record) {
        add_row(t, record);
    }
    if (table_print(t, stdout) < 0)
        fatal("out of memory");
    table_free(t);
}

static void print_json(const json_t *records)
{
    json_t *record;
    size_t i;

    json_array_foreach (records, i, record) {
        json_dumpf(record, stdout, JSON_COMPACT);
        putchar('\n');
    }
}

static int print_found(const struct query *q, const char *dir)
{
    if (q->handle && json_array_size(q->found) == 0) {
        log_error("%s: there is no record of %s", dir, q->handle);
        return EXIT_UNKNOWN;
    }
    if (q->json)
        print_json(q->found);
    else if (json_array_size(q->found) == 0)
        log_info("%s: no life has ended yet", dir);
    else
        print_human(q->found);
    return 0;
}

static int show(struct query *q)
{
    char dir[PATH_MAX];
    size_t bad = 0;
    int rc = paths_state_dir(global_options.state_dir, NULL, dir, sizeof dir);

    if (rc < 0)
        fatal("the path of the state directory is too long");
    q->found = json_array();
    if (!q->found)
        fatal("out of memory");
    rc = journal_read(dir, on_record, q, &bad);
    if (rc < 0 && rc != -ENOENT)
        fatal("%s: %s", dir, strerror(-rc));
    if (bad > 0)
        log_warn("%s: %zu damaged records were skipped", dir, bad);
    rc = print_found(q, dir);
    json_decref(q->found);
    return rc;
}

static size_t parse_count(const char *text)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        fatal("results: -n %s is not a number", text);
    return n;
}

static int run_results(const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    struct query q = {.last = SIZE_MAX};
    const char *name, *value;

    while ((name = options_next(&o, &value))) {
        if (strcmp(name, "handle") == 0)
            q.handle = value;
        else if (strcmp(name, "lines") == 0)
            q.last = parse_count(value);
        else
            q.json = true;
    }
    q.names = o.argv;
    q.names_count = o.operands_count;
    return show(&q);
}

extern const struct command command_results;
const struct command command_results = {
    .name = "results",
    .usage = "[options] [NAME…]",
    .help = "Show how lives have ended, from the records in the state directory.",
    .options = results_options,
    .details = "Needs no running daemon. NAME is a worker (resize), a task (resize@2) or a handle (resize@2#17).\n"
               "Exit status: 0; 1 when there is no record of --handle; 125 for taskd's own errors.",
    .operands = OPERANDS_LIVES,
    .run = run_results,
};
