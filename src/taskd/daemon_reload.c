#include "taskd/daemon_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_diff.h"
#include "taskd/endpoints.h"
#include "taskd/log.h"
#include "taskd/supervisor.h"

enum { HTTP_OK = 200, HTTP_CONFLICT = 409, HTTP_INVALID = 422, HTTP_UNAVAILABLE = 503 };
enum { WHY = 512 };

static json_t *error_body(const char *code, const char *message)
{
    log_error("reload: %s", message);
    return json_pack("{s{ss ss}}", "error", "code", code, "message", message);
}

/* One line for each error, as `taskd check` prints them. */
static json_t *error_lines(const struct config_errors *errors)
{
    char *text = NULL, *rest = NULL;
    size_t size;
    json_t *lines = json_array();
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return lines;
    config_errors_print(errors, out);
    fclose(out);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        log_error("reload: %s", line);
        json_array_append_new(lines, json_string(line));
    }
    free(text);
    return lines;
}

static json_t *invalid(const struct config_errors *errors, int *ret_status)
{
    json_t *body = error_body("invalid", "the configuration is invalid: nothing has been changed");
    *ret_status = HTTP_INVALID;
    json_object_set_new(json_object_get(body, "error"), "errors", error_lines(errors));
    return body;
}

static void on_daemon_key(void *arg, const char *key, bool live)
{
    if (!live)
        json_array_append_new(arg, json_string(key));
}

static void log_diff(const json_t *diff)
{
    log_info("reload: %zu workers added, %zu removed, %zu changed, %zu unchanged",
             json_array_size(json_object_get(diff, "added")), json_array_size(json_object_get(diff, "removed")),
             json_array_size(json_object_get(diff, "changed")), json_array_size(json_object_get(diff, "unchanged")));
    if (json_array_size(json_object_get(diff, "daemon")) > 0)
        log_warn("reload: some keys of \"daemon\" take effect only when taskd is started again");
}

/* Sockets that cannot be opened leave everything as it is. A reload that will be refused anyway opens none. */
static bool prepare_sockets(const struct supervisor *sup, struct endpoint_pool *pool, const struct config *config,
                            bool dry_run, struct endpoints **ret, char why[WHY])
{
    snprintf(why, WHY, "no memory");
    if (endpoints_plan(pool, config, ret) < 0)
        return false;
    return dry_run || supervisor_state(sup) != SUP_RUNNING || endpoints_open(*ret, why, WHY) == 0;
}

static json_t *go_over(struct supervisor *sup, const struct config *running, struct config *config,
                       struct endpoints *endpoints, bool dry_run, int *ret_status)
{
    json_t *daemon_keys = json_array();
    daemon_config_differs(&running->daemon, &config->daemon, on_daemon_key, daemon_keys);
    json_t *diff = supervisor_reload(sup, config, endpoints, dry_run);
    if (diff) {
        json_object_set_new(diff, "daemon", daemon_keys);
        *ret_status = HTTP_OK;
        if (dry_run)
            return diff;
        endpoints_change(endpoints);
        log_diff(diff);
        return diff;
    }
    json_decref(daemon_keys);
    *ret_status = errno == ESHUTDOWN ? HTTP_CONFLICT : HTTP_UNAVAILABLE;
    return errno == ESHUTDOWN ? error_body("stopping", "taskd is stopping: the stop wins")
                              : error_body("failed", strerror(errno));
}

static json_t *apply(struct supervisor *sup, struct endpoint_pool *pool, const struct config *running,
                     struct config *config, bool dry_run, int *ret_status)
{
    struct endpoints *endpoints = NULL;
    json_t *body;
    char why[WHY];
    if (prepare_sockets(sup, pool, config, dry_run, &endpoints, why)) {
        body = go_over(sup, running, config, endpoints, dry_run, ret_status);
    } else {
        body = error_body("sockets", why);
        log_error("reload: nothing has been changed");
        config_free(config);
    }
    endpoints_free(endpoints);
    return body;
}

json_t *daemon_reload(struct supervisor *sup, struct endpoint_pool *pool, const struct config *running, bool dry_run,
                      int *ret_status)
{
    struct config_errors *errors = config_errors_new();
    struct config *config = NULL;
    json_t *body = NULL;
    *ret_status = HTTP_CONFLICT;
    if (!running->path || strcmp(running->path, "<stdin>") == 0)
        body =
            error_body("no_file", "this taskd was started without a configuration file: there is none to read again");
    else if (!errors)
        *ret_status = HTTP_UNAVAILABLE;
    else if (config_load(running->path, &config, errors) < 0)
        body = invalid(errors, ret_status);
    else
        body = apply(sup, pool, running, config, dry_run, ret_status);
    config_errors_free(errors);
    if (!dry_run && *ret_status != HTTP_OK && body)
        supervisor_reload_refused(sup, json_object_get(body, "error"));
    return body;
}
