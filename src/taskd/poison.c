#include "taskd/poison.h"

#include <errno.h>
#include <stdlib.h>

/* worker -> { unit -> deaths } */
struct poison {
    json_t *workers;
};

struct poison *poison_new(void)
{
    struct poison *p = calloc(1, sizeof *p);
    if (p && !(p->workers = json_object())) {
        free(p);
        return NULL;
    }
    return p;
}

void poison_free(struct poison *p)
{
    if (!p)
        return;
    json_decref(p->workers);
    free(p);
}

int64_t poison_death(struct poison *p, const char *worker, const char *unit)
{
    json_t *units = json_object_get(p->workers, worker);
    if (!units) {
        units = json_object();
        if (json_object_set_new(p->workers, worker, units) < 0)
            return -ENOMEM;
    }
    json_t *deaths = json_object_get(units, unit);
    if (deaths) {
        json_integer_set(deaths, json_integer_value(deaths) + 1);
        return json_integer_value(deaths);
    }
    if (json_object_size(units) >= POISON_MAX)
        return -ENOSPC;
    return json_object_set_new(units, unit, json_integer(1)) < 0 ? -ENOMEM : 1;
}

void poison_cleared(struct poison *p, const char *worker, const char *unit)
{
    json_t *units = json_object_get(p->workers, worker);
    if (units && json_object_del(units, unit) == 0 && json_object_size(units) == 0)
        json_object_del(p->workers, worker);
}

json_t *poison_list(const struct poison *p, const char *worker, int64_t limit)
{
    json_t *units = json_object_get(p->workers, worker), *deaths, *list = NULL;
    const char *unit;
    json_object_foreach (units, unit, deaths) {
        if (json_integer_value(deaths) < limit)
            continue;
        if (!list && !(list = json_array()))
            return NULL;
        json_array_append_new(list, json_string(unit));
    }
    return list;
}
