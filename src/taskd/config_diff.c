#include "taskd/config_diff.h"

#include "taskd/config_keys.h"

struct comparison {
    enum key_scope scope;
    const void *a, *b;
    unsigned given; /* what only one of them has written down, where that makes a difference */
};

static bool same(const struct comparison *c, const struct key *k)
{
    return !k->type->equal || (k->type->equal(k, c->a, c->b) && !(c->given & k->given));
}

static bool differs(const struct comparison *c, config_difference *each, void *arg)
{
    bool any = false;

    for (const struct key *k = config_keys; k->name; k++) {
        if (k->scope != c->scope || same(c, k))
            continue;
        any = true;
        if (each)
            each(arg, k->name, k->live);
    }
    return any;
}

bool worker_config_differs(const struct worker_config *a, const struct worker_config *b, config_difference *each,
                           void *arg)
{
    /* The others decide what a default is derived from: that shows in its value. */
    unsigned given = (a->given ^ b->given) & GIVEN_STOP_SIGNAL;
    struct comparison c = {.scope = SCOPE_WORKER, .a = a, .b = b, .given = given};

    return differs(&c, each, arg);
}

bool daemon_config_differs(const struct daemon_config *a, const struct daemon_config *b, config_difference *each,
                           void *arg)
{
    struct comparison c = {.scope = SCOPE_DAEMON, .a = a, .b = b};

    return differs(&c, each, arg);
}
