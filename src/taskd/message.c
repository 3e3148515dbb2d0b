#include "taskd/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/jsonline.h"

enum kind { KIND_STRING, KIND_COUNT, KIND_BOOL, KIND_ANY, KIND_OBJECT };

struct field {
    enum proto_type type;
    const char *name;
    enum kind kind;
    size_t offset;
    bool required;
    const char *within; /* the object that holds it, NULL: the message itself */
};

#define AT(member) offsetof(struct message, member)
static const struct field fields[] = {
    {PROTO_HELLO, "v", KIND_COUNT, AT(version)},
    {PROTO_HELLO, "sdk", KIND_STRING, AT(sdk)},
    {PROTO_READY, "info", KIND_ANY, AT(info)},
    {PROTO_NEXT, "slots", KIND_COUNT, AT(slots), .required = true},
    {PROTO_BEGIN, "unit", KIND_STRING, AT(unit), .required = true},
    {PROTO_BEGIN, "timeout_ms", KIND_COUNT, AT(timeout_ms)},
    {PROTO_PROGRESS, "unit", KIND_STRING, AT(unit), .required = true},
    {PROTO_PROGRESS, "done", KIND_COUNT, AT(done)},
    {PROTO_PROGRESS, "total", KIND_COUNT, AT(total)},
    {PROTO_PROGRESS, "msg", KIND_STRING, AT(msg)},
    {PROTO_PROGRESS, "resume", KIND_ANY, AT(resume)},
    {PROTO_END, "unit", KIND_STRING, AT(unit), .required = true},
    {PROTO_END, "ok", KIND_BOOL, AT(ok), .required = true},
    {PROTO_END, "value", KIND_ANY, AT(value)},
    {PROTO_END, "type", KIND_STRING, AT(error_type), .within = "error"},
    {PROTO_END, "message", KIND_STRING, AT(error_message), .within = "error"},
    {PROTO_END, "retry", KIND_BOOL, AT(retry), .within = "error"},
    {PROTO_RELEASE, "unit", KIND_STRING, AT(unit), .required = true},
    {PROTO_STATUS, "text", KIND_STRING, AT(text)},
    {PROTO_HEARTBEAT, "text", KIND_STRING, AT(text)},
    {PROTO_STOPPING, "finishing", KIND_STRING, AT(unit)},
    {PROTO_STOPPING, "eta_ms", KIND_COUNT, AT(eta_ms)},
    {PROTO_EXTEND, "ms", KIND_COUNT, AT(ms), .required = true},
    {PROTO_RESULT, "value", KIND_ANY, AT(value)},
    {PROTO_RESULT, "complete", KIND_BOOL, AT(complete)},
    {PROTO_RESULT, "resume", KIND_ANY, AT(resume)},
    {PROTO_LOG, "level", KIND_STRING, AT(level)},
    {PROTO_LOG, "msg", KIND_STRING, AT(msg), .required = true},
    {PROTO_LOG, "fields", KIND_OBJECT, AT(fields)},
    {PROTO_STOP_ME, "reason", KIND_STRING, AT(reason)},
};

static const char *const kind_names[] = {
    [KIND_STRING] = "a string",    [KIND_COUNT] = "an integer from 0 to 9007199254740992",
    [KIND_BOOL] = "true or false", [KIND_ANY] = "a value",
    [KIND_OBJECT] = "an object",
};

/* Writes the value where the row says. false: it is not of the row's kind. */
static bool take(const struct field *f, json_t *value, struct message *m)
{
    char *at = (char *)m + f->offset;
    switch (f->kind) {
    case KIND_STRING:
        return json_is_string(value) && (*(const char **)(void *)at = json_string_value(value), true);
    case KIND_COUNT:
        return json_is_integer(value) && json_integer_value(value) >= 0 &&
               json_integer_value(value) <= PROTO_MAX_COUNT &&
               (*(int64_t *)(void *)at = json_integer_value(value), true);
    case KIND_BOOL:
        return json_is_boolean(value) && (*(bool *)(void *)at = json_is_true(value), true);
    case KIND_OBJECT:
        return json_is_object(value) && (*(json_t **)(void *)at = value, true);
    default:
        *(json_t **)(void *)at = value;
        return true;
    }
}

static int take_fields(struct message *m, char *why, size_t why_size)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *f = &fields[i];
        if (f->type != m->type)
            continue;
        const json_t *holder = f->within ? json_object_get(m->root, f->within) : m->root;
        json_t *value = json_object_get(holder, f->name);
        /* Some encoders write null for what is absent; only where null is a value of its own does it count. */
        bool absent = !value || (json_is_null(value) && f->kind != KIND_ANY);
        if (absent && f->required) {
            snprintf(why, why_size, "%s without \"%s\"", proto_type_name(m->type), f->name);
            return -EINVAL;
        }
        if (!absent && !take(f, value, m)) {
            snprintf(why, why_size, "%s: \"%s\" must be %s", proto_type_name(m->type), f->name, kind_names[f->kind]);
            return -EINVAL;
        }
    }
    return 0;
}

int message_decode(const char *line, size_t len, struct message *ret, char *why, size_t why_size)
{
    struct message m = {.version = -1, .done = -1, .total = -1, .timeout_ms = -1, .ms = -1, .eta_ms = -1, .slots = -1};
    int r = jsonline_decode(line, len, &m.root, why, why_size);
    if (r < 0)
        return r;
    const char *type = json_string_value(json_object_get(m.root, "type"));
    if (!type) {
        snprintf(why, why_size, "a message needs a \"type\", and it is a string");
        r = -EINVAL;
    } else {
        m.type = proto_type_find(type);
        r = take_fields(&m, why, why_size);
        if (r == 0 && m.unit && strlen(m.unit) > PROTO_MAX_UNIT) {
            snprintf(why, why_size, "%s: \"unit\" is longer than %d bytes", type, PROTO_MAX_UNIT);
            r = -EINVAL;
        }
    }
    if (r < 0)
        message_clear(&m);
    else
        *ret = m;
    return r;
}

void message_clear(struct message *m)
{
    json_decref(m->root);
    m->root = NULL;
}

static bool is_nodes_own(const json_t *message)
{
    const char *cmd = json_string_value(json_object_get(message, "cmd"));
    return cmd && strncmp(cmd, "NODE_", 5) == 0;
}

bool message_is_foreign(const char *line, size_t len)
{
    json_t *root = json_loadb(line, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    if (!root)
        return false;
    const char *type = json_string_value(json_object_get(root, "type"));
    bool foreign = !type || proto_type_find(type) == PROTO_UNKNOWN || is_nodes_own(root);
    json_decref(root);
    return foreign;
}
