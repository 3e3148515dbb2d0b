#include "taskd/stop_report.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "taskd/status_text.h"

enum { SHOWN_MAX = 10, NAME_TEXT = 256 };

/* Killed without ever having spoken: nobody knows what it was in the middle of. */
static size_t count_unsure(const json_t *answer)
{
    size_t i, n = 0;
    json_t *record;

    json_array_foreach (json_object_get(answer, "results"), i, record) {
        const char *how = json_string_value(json_object_get(json_object_get(record, "stop"), "how"));

        n += how && strcmp(how, "cooperative") != 0 && json_is_false(json_object_get(record, "spoken"));
    }
    return n;
}

void stop_report_add(struct stop_report *r, json_t *answer)
{
    r->unsure += count_unsure(answer);
    if (!r->answers)
        r->answers = json_array();
    json_array_append(r->answers, answer);
    r->lives += json_array_size(json_object_get(answer, "results"));
    r->killed += status_number(answer, "killed");
    r->lost += json_array_size(json_object_get(answer, "lost"));
}

static void print_name(const char *s)
{
    char text[NAME_TEXT];

    fputs(text_printable(s, strlen(s), text, sizeof text), stdout);
}

static size_t print_lost(const json_t *lost, size_t shown)
{
    json_t *unit;
    size_t i;

    json_array_foreach (lost, i, unit) {
        if (shown++ >= SHOWN_MAX)
            break;
        printf("  interrupted: ");
        print_name(status_string(unit, "worker"));
        printf(": ");
        print_name(status_string(unit, "unit"));
        putchar('\n');
    }
    return shown;
}

static void print_human(const struct stop_report *r, const char *verb)
{
    size_t shown = 0, i;
    json_t *answer;

    if (r->lives == 0) {
        printf("%s: nothing was running\n", verb);
        return;
    }
    printf("%s: %zu %s", verb, r->lives, r->lives == 1 ? "life" : "lives");
    if (r->killed)
        printf(", %" JSON_INTEGER_FORMAT " killed", r->killed);
    if (r->lost)
        printf(", %zu %s interrupted:\n", r->lost, r->lost == 1 ? "unit" : "units");
    else if (r->unsure)
        printf("; what they were doing is not known\n");
    else
        printf(", nothing lost\n");
    json_array_foreach (r->answers, i, answer) {
        shown = print_lost(json_object_get(answer, "lost"), shown);
    }
    if (r->lost > SHOWN_MAX)
        printf("  and %zu more: --json names them all\n", r->lost - SHOWN_MAX);
}

void stop_report_print(const struct stop_report *r, const char *verb, bool json)
{
    json_t *answer;
    size_t i;

    if (!json) {
        print_human(r, verb);
        return;
    }
    json_array_foreach (r->answers, i, answer) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    }
}

void stop_report_clear(struct stop_report *r)
{
    json_decref(r->answers);
    *r = (struct stop_report){0};
}
