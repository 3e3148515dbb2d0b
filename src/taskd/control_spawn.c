/* POST /v1/spawn: a task for one life, attached to its client unless it says otherwise. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/control_body.h"
#include "taskd/supervisor.h"

enum { WHY = 256, ARGUMENTS_MAX = 4096, NAME_MAX_BYTES = 64 };

struct spawn_wish {
    const char *worker, *name, *cwd;
    json_t *command, *options, *input;
    bool detach;
};

static const struct body_key spawn_keys[] = {
    {"worker", BODY_STRING, offsetof(struct spawn_wish, worker)},
    {"command", BODY_ANY, offsetof(struct spawn_wish, command)},
    {"name", BODY_STRING, offsetof(struct spawn_wish, name)},
    {"options", BODY_ANY, offsetof(struct spawn_wish, options)},
    {"cwd", BODY_STRING, offsetof(struct spawn_wish, cwd)},
    {"input", BODY_ANY, offsetof(struct spawn_wish, input)},
    {"detach", BODY_BOOL, offsetof(struct spawn_wish, detach)},
    {NULL},
};

static bool is_command(const json_t *list)
{
    json_t *arg;
    size_t i;

    json_array_foreach (list, i, arg) {
        if (!json_is_string(arg))
            return false;
    }
    return json_array_size(list) > 0 && json_array_size(list) <= ARGUMENTS_MAX &&
           *json_string_value(json_array_get(list, 0));
}

/* The last part of the program's path, as `taskd run -- CMD` has it. */
static const char *name_for(const struct spawn_wish *w)
{
    const char *program = json_string_value(json_array_get(w->command, 0)), *slash = strrchr(program, '/');

    return w->name ? w->name : slash && slash[1] ? slash + 1 : program;
}

static struct config *config_for(const struct spawn_wish *w)
{
    char **argv = calloc(json_array_size(w->command) + 1, sizeof *argv);
    struct config *config = NULL;
    json_t *arg;
    size_t i;

    /* The configuration copies them. */
    json_array_foreach (w->command, i, arg) {
        if (argv)
            argv[i] = (char *)(uintptr_t)json_string_value(arg);
    }
    if (argv)
        config = config_from_command(name_for(w), argv);
    free(argv);
    return config;
}

static bool set_option(struct control_call *call, struct config *config, const char *key, const char *text)
{
    char why[WHY] = "out of memory";
    int rc = text ? worker_config_set(&config->workers[0], key, text, why, sizeof why) : -EINVAL;

    if (rc == 0)
        return true;
    if (rc == -ENOENT)
        control_error(call, 400, "bad_parameter", "there is no option \"%s\": `taskd run --help` lists them", key);
    else
        control_error(call, 400, "bad_parameter", "%s: %s", key, text ? why : "its value must be a string");
    return false;
}

static bool set_options(struct control_call *call, struct config *config, const struct spawn_wish *w)
{
    struct config_errors *errors;
    const char *key;
    json_t *value;
    bool ok = !w->cwd || set_option(call, config, "cwd", w->cwd);

    json_object_foreach (w->options, key, value) {
        ok = ok && set_option(call, config, key, json_string_value(value));
    }
    errors = ok ? config_errors_new() : NULL;
    if (errors && config_check(config, errors) < 0) {
        const struct config_error *e = config_errors_get(errors, 0);
        control_error(call, 400, "bad_parameter", "%s: %s", e->path, e->message);
        ok = false;
    }
    config_errors_free(errors);
    return ok;
}

/* NULL: the client has been told why. */
static struct config *define(struct control_call *call, const struct spawn_wish *w)
{
    struct config *config;

    if (!is_command(w->command) || (w->options && !json_is_object(w->options)) ||
        strlen(name_for(w)) > NAME_MAX_BYTES) {
        control_error(call, 400, "bad_parameter",
                      "command must be a list of strings, options an object, the name no longer than %d bytes",
                      NAME_MAX_BYTES);
        return NULL;
    }
    config = config_for(w);
    if (!config)
        control_failed(call, ENOMEM);
    else if (!set_options(call, config, w)) {
        config_free(config);
        config = NULL;
    }
    return config;
}

static void refuse(struct control_call *call, const struct spawn_wish *w, int rc)
{
    call->name = w->worker;
    if (rc == -ENOENT && w->worker)
        control_unknown(call);
    else if (rc == -ESHUTDOWN)
        control_error(call, 409, "stopping", "taskd is stopping: the stop wins");
    else if (rc == -EAGAIN)
        control_error(call, 429, "too_many", "there are as many tasks as there may be");
    else
        control_failed(call, -rc);
    call->name = NULL;
}

static void answer(struct control_call *call, const struct spawn_wish *w, const char *handle)
{
    int rc = 0;

    if (w->detach)
        control_reply(call, 201, json_pack("{s:i, s:s}", "v", 1, "handle", handle));
    else if ((rc = control_wait_begin(call, handle, REPLY_OWN, -1, NULL)) < 0)
        control_failed(call, -rc);
}

void control_post_spawn(struct control_call *call)
{
    struct spawn_wish w = {0};
    struct spawn_order order = {0};
    const char *handle;
    int rc;

    if (!control_body_read(call, spawn_keys, &w))
        return;
    if (!w.worker == !w.command) {
        control_error(call, 400, "bad_parameter", "either \"worker\" or \"command\" is to be given");
        return;
    }
    order.worker = w.worker;
    order.input = w.input;
    if (w.command && !(order.definition = define(call, &w)))
        return;
    rc = supervisor_spawn(call->control->sup, &order, &handle);
    if (rc < 0)
        refuse(call, &w, rc);
    else
        answer(call, &w, handle);
}
