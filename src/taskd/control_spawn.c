/* The request for one more task, for one life: of a worker that is configured, or of a command with its options. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "taskd/config.h"
#include "taskd/config_list.h"
#include "taskd/config_name.h"
#include "taskd/control_calls.h"
#include "taskd/supervisor.h"

enum { OPTIONS_MAX = 96, MISTAKES_TEXT = 480, WHY = 256 };

struct spawn_wish {
    const char *worker, *name, *cwd;
    json_t *command, *options, *input;
    bool detach;
};

static const struct body_key spawn_keys[] = {
    {BODY_KEY(struct spawn_wish, worker, BODY_TEXT)}, {BODY_KEY(struct spawn_wish, command, BODY_LIST)},
    {BODY_KEY(struct spawn_wish, name, BODY_TEXT)},   {BODY_KEY(struct spawn_wish, options, BODY_OBJECT)},
    {BODY_KEY(struct spawn_wish, cwd, BODY_TEXT)},    {BODY_KEY(struct spawn_wish, input, BODY_ANY)},
    {BODY_KEY(struct spawn_wish, detach, BODY_BOOL)}, {NULL},
};

/* All that is wrong with a definition, in one sentence. */
struct mistakes {
    char text[MISTAKES_TEXT];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add_mistake(struct mistakes *m, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (m->len > 0 && m->len + 3 < sizeof m->text)
        m->len += (size_t)snprintf(m->text + m->len, sizeof m->text - m->len, "; ");
    va_start(ap, fmt);
    n = vsnprintf(m->text + m->len, sizeof m->text - m->len, fmt, ap);
    va_end(ap);
    m->len += n > 0 ? (size_t)n : 0;
    if (m->len >= sizeof m->text)
        m->len = sizeof m->text - 1;
}

struct known {
    const char *names[OPTIONS_MAX];
    size_t count;
};

static void on_option(void *arg, const struct config_option *o)
{
    struct known *k = arg;

    if (k->count < OPTIONS_MAX - 1)
        k->names[k->count++] = o->name;
}

static void add_unknown(struct mistakes *m, const char *option)
{
    struct known known = {.count = 0};
    const char *near;

    config_each_option(on_option, &known);
    near = text_nearest(option, known.names);
    if (near)
        add_mistake(m, "there is no option \"%s\" (did you mean \"%s\"?)", option, near);
    else
        add_mistake(m, "there is no option \"%s\"", option);
}

/* A spawned task has one life, which begins at once. */
static bool is_for_more_lives(const char *option)
{
    static const char *const keys[] = {"replicas", "restart", "every", "schedule", "timezone", "overlap", NULL};

    for (const char *const *key = keys; *key; key++)
        if (strcmp(*key, option) == 0)
            return true;
    return false;
}

/* `text` is NULL for what is no string. */
static void set_option(struct worker_config *w, const char *option, const char *text, struct mistakes *m)
{
    char why[WHY] = "out of memory";
    int rc = text ? worker_config_set(w, option, text, why, sizeof why) : 0;

    if (!text)
        add_mistake(m, "%s: a string is needed, \"30s\" or \"2\"", option);
    else if (rc == -ENOENT)
        add_unknown(m, option);
    else if (is_for_more_lives(option))
        add_mistake(m, "%s: a spawned task has one life, which begins at once", option);
    else if (rc < 0)
        add_mistake(m, "%s \"%s\": %s", option, text, why);
}

/* An option that may be given several times is a list of strings. */
static void set_options(struct worker_config *w, json_t *options, struct mistakes *m)
{
    const char *option;
    json_t *value, *one;
    size_t i;

    json_object_foreach (options, option, value) {
        if (!json_is_array(value))
            set_option(w, option, json_string_value(value), m);
        json_array_foreach (value, i, one) {
            set_option(w, option, json_string_value(one), m);
        }
    }
}

/* What only shows when all is set. */
static void check(const struct config *definition, struct mistakes *m)
{
    struct config_errors *errors = config_errors_new();

    if (!errors || (config_check(definition, errors) < 0 && config_errors_count(errors) == 0))
        add_mistake(m, "out of memory");
    for (size_t i = 0; errors && i < config_errors_count(errors); i++) {
        const struct config_error *e = config_errors_get(errors, i);

        add_mistake(m, "%s: %s", e->path, e->message);
    }
    config_errors_free(errors);
}

static void fill(struct config *definition, const struct spawn_wish *wish, struct mistakes *m)
{
    struct worker_config *w = &definition->workers[0];

    if (wish->cwd)
        set_option(w, "cwd", wish->cwd, m);
    set_options(w, wish->options, m);
    if (wish->input) {
        json_decref(w->input);
        w->input = json_incref(wish->input);
    }
    if (m->len == 0)
        check(definition, m);
}

static struct config *new_definition(const struct spawn_wish *wish)
{
    char **command = NULL, *name;
    struct config *definition = NULL;
    json_t *word;
    size_t i;
    int rc = 0;

    json_array_foreach (wish->command, i, word) {
        rc |= list_add(&command, strdup(json_string_value(word)));
    }
    name = wish->name ? strdup(wish->name) : config_name_from(json_string_value(json_array_get(wish->command, 0)));
    if (rc == 0 && name)
        definition = config_from_command(name, command);
    free(name);
    list_free(command);
    return definition;
}

/* NULL: answered already. */
static struct config *make_definition(struct control_call *call, const struct spawn_wish *wish)
{
    struct mistakes mistakes = {.len = 0};
    struct config *definition = new_definition(wish);

    if (!definition) {
        control_failed(call, -ENOMEM);
        return NULL;
    }
    fill(definition, wish, &mistakes);
    if (mistakes.len == 0)
        return definition;
    control_error(call, 400, "bad_option", "%s", mistakes.text);
    config_free(definition);
    return NULL;
}

/* What is wrong with the request as a whole, or NULL. */
static const char *contradiction(const struct spawn_wish *w)
{
    if (!w->worker == !w->command)
        return "either \"worker\" or \"command\" says what to run";
    if (w->worker && (w->name || w->options || w->cwd))
        return "\"name\", \"options\" and \"cwd\" go with \"command\": a worker has those of the configuration";
    if (w->name && !config_name_ok(w->name))
        return "a name has 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit";
    if (w->command && !*json_string_value(json_array_get(w->command, 0)))
        return "the command is empty";
    return NULL;
}

static void reply_handle(struct control_call *call, const char *handle)
{
    control_reply(call, 201,
                  json_pack("{s:i, s:s, s:s%}", "v", 1, "handle", handle, "id", handle, strcspn(handle, "#")));
}

/* A life that nobody can be told of is not what was asked for. */
static void attach(struct control_call *call, const char *handle)
{
    struct stop_request request = {.reason = STOP_CLIENT_LOST, .grace_ms = -1};
    int rc = control_wait_begin(call, handle, REPLY_ATTACHED, -1, NULL);

    if (rc == 0)
        return;
    supervisor_stop(call->control->sup, handle, &request);
    control_failed(call, rc);
}

void control_post_spawn(struct control_call *call)
{
    struct spawn_wish wish = {.worker = NULL};
    struct spawn_order order;
    const char *wrong, *handle;
    int rc;

    if (!control_take_body(call, spawn_keys, &wish) || (!wish.detach && !control_may_stay(call)))
        return;
    wrong = contradiction(&wish);
    if (wrong) {
        control_error(call, 400, "bad_parameter", "%s", wrong);
        return;
    }
    order = (struct spawn_order){.worker = wish.worker, .input = wish.worker ? wish.input : NULL};
    if (wish.command && !(order.definition = make_definition(call, &wish)))
        return;
    call->name = wish.worker;
    rc = supervisor_spawn(call->control->sup, &order, &handle);
    if (rc < 0)
        control_failed(call, rc);
    else if (wish.detach)
        reply_handle(call, handle);
    else
        attach(call, handle);
}
