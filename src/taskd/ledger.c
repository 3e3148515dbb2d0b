#include "taskd/ledger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* worker -> { unit -> handle of the life that was cut }. jansson's objects are hash tables that keep their order. */
struct ledger {
    json_t *workers;
    size_t count;
};

struct ledger *ledger_new(void)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l && !(l->workers = json_object())) {
        free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    json_decref(l->workers);
    free(l);
}

int ledger_lost(struct ledger *l, const char *worker, const char *unit, const char *handle)
{
    json_t *units = json_object_get(l->workers, worker);
    if (l->count >= LEDGER_MAX && !json_object_get(units, unit)) {
        l->count++;
        return 0;
    }
    if (!units) {
        units = json_object();
        if (json_object_set_new(l->workers, worker, units) < 0)
            return -ENOMEM;
    }
    bool again = json_object_get(units, unit) != NULL;
    if (json_object_set_new(units, unit, json_string(handle)) < 0)
        return -ENOMEM;
    l->count += !again;
    return 0;
}

void ledger_ended(struct ledger *l, const char *worker, const char *unit)
{
    if (l->count && json_object_del(json_object_get(l->workers, worker), unit) == 0)
        l->count--;
}

size_t ledger_count(const struct ledger *l)
{
    return l->count;
}

json_t *ledger_json(const struct ledger *l)
{
    json_t *list = json_array(), *units, *handle;
    const char *worker, *unit;
    json_object_foreach (l->workers, worker, units) {
        json_object_foreach (units, unit, handle) {
            json_t *one = json_pack("{ss ss sO}", "worker", worker, "unit", unit, "handle", handle);
            if (json_array_append_new(list, one) < 0) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}
