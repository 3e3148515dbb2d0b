#include "taskd/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/client.h"
#include "taskd/log.h"
#include "taskd/status_text.h"
#include "taskd/stop_report.h"

enum { EXIT_FAILED = 1, EXIT_TIMEOUT = 124, EXIT_TASKD = 125, EXIT_INTERRUPTED = 130, PATH_SIZE = 64 };

const struct option_spec *lifecycle_options(void)
{
    static const struct option_spec options[] = {
        {"timeout", 't', "DURATION", "give up waiting after this time; what was asked for goes on"},
        {"no-wait", 0, NULL, "ask, and do not wait until it is done"},
        {"json", 'j', NULL, "print the daemon's answers as they are"},
        {NULL},
    };

    return options;
}

void lifecycle_take(struct lifecycle *l, const struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "timeout") == 0)
        l->timeout_ms = options_duration(o, name, value);
    l->no_wait |= strcmp(name, "no-wait") == 0;
    l->json |= strcmp(name, "json") == 0;
}

void lifecycle_begin(struct lifecycle *l)
{
    l->watch = l->json ? NULL : task_watch_new(client_socket(), status_is_on_its_way);
    l->verb = verb_new(client_socket(), l->watch);
}

void lifecycle_ask(struct lifecycle *l, const char *name, json_t *body)
{
    char path[PATH_SIZE];

    if (!body)
        body = json_object();
    if (!body || json_object_set_new(body, "wait", json_boolean(!l->no_wait)) < 0)
        fatal("out of memory");
    if (name) {
        if (l->watch)
            task_watch_name(l->watch, name);
        verb_ask(l->verb, name, l->action, body);
    } else {
        snprintf(path, sizeof path, "/v1/%s", l->action);
        verb_ask_all(l->verb, path, body);
    }
    json_decref(body);
}

/* What all answers come to. */
struct sum {
    json_int_t tasks;
    json_t *failed;
    struct stop_report report; /* of a drain */
    bool ends;                 /* lives have ended: there is such a report */
};

static void add_up(const struct lifecycle *l, struct sum *s)
{
    static const char *const not_there[] = {"overtaken", "left", "blocked"};
    json_t *answer;
    size_t i;

    *s = (struct sum){.failed = json_array()};
    json_array_foreach (verb_answers(l->verb), i, answer) {
        s->tasks += status_number(answer, "tasks");
        for (size_t k = 0; k < sizeof not_there / sizeof *not_there; k++)
            s->tasks -= (json_int_t)json_array_size(json_object_get(answer, not_there[k]));
        json_array_extend(s->failed, json_object_get(answer, "failed"));
        s->ends |= json_object_get(answer, "results") != NULL;
        stop_report_add(&s->report, answer);
    }
}

static void print_done(const struct lifecycle *l, const struct sum *s)
{
    json_t *id;
    size_t i;

    if (s->tasks <= 0)
        printf("%s: there was nothing to do", l->done);
    else
        printf("%s: %" JSON_INTEGER_FORMAT " %s", l->done, s->tasks, s->tasks == 1 ? "task" : "tasks");
    if (json_array_size(s->failed) > 0)
        printf("; %zu failed:", json_array_size(s->failed));
    json_array_foreach (s->failed, i, id) {
        printf(" %s", json_string_value(id));
    }
    putchar('\n');
}

static void print(const struct lifecycle *l, const struct sum *s)
{
    if (l->json)
        stop_report_print(&s->report, l->done, true);
    else if (l->no_wait)
        printf("asked %" JSON_INTEGER_FORMAT " %s to %s: `taskd status` shows them\n", s->tasks,
               s->tasks == 1 ? "task" : "tasks", l->action);
    else if (s->ends)
        stop_report_print(&s->report, l->done, false);
    else
        print_done(l, s);
}

static int report(const struct lifecycle *l)
{
    struct sum sum;
    int status = 0;

    add_up(l, &sum);
    if (json_array_size(verb_answers(l->verb)) > 0)
        print(l, &sum);
    if (verb_failed(l->verb))
        status = EXIT_TASKD;
    else if (verb_complain(l->verb, l->action) || json_array_size(sum.failed) > 0)
        status = EXIT_FAILED;
    stop_report_clear(&sum.report);
    json_decref(sum.failed);
    return status;
}

int lifecycle_end(struct lifecycle *l)
{
    enum verb_end end = verb_await(l->verb, l->timeout_ms);
    int status;

    if (end == VERB_ANSWERED)
        status = report(l);
    else if (end == VERB_TIMEOUT) {
        log_error("%s: not done in this time; it goes on: `taskd status` shows it", l->action);
        status = EXIT_TIMEOUT;
    } else {
        log_info("it goes on without you: `taskd status` shows it");
        status = EXIT_INTERRUPTED;
    }
    verb_free(l->verb);
    return status;
}

int lifecycle_main(struct lifecycle *l, const struct command *self, int argc, char **argv)
{
    struct options o = {.command = self, .argc = argc, .argv = argv};
    const char *name, *value;

    while ((name = options_next(&o, &value)))
        lifecycle_take(l, &o, name, value);
    lifecycle_begin(l);
    if (o.operands_count == 0)
        lifecycle_ask(l, NULL, NULL);
    for (int i = 0; i < o.operands_count; i++)
        lifecycle_ask(l, o.argv[i], NULL);
    return lifecycle_end(l);
}
