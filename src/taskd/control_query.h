/* What the query of a request says, read by a table: one row a key. Owner: control*.c. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "taskd/events.h"

struct control_call;

enum { QUERY_SCOPE_MAX = 4096 };

struct query_key {
    const char *key, *values; /* values: what it must be, for people */
    bool (*take)(void *wish, const char *text);
};

/* `keys` ends with a NULL key. What is absent stays as it is. False: answered already. */
bool control_take_query(struct control_call *, const struct query_key *keys, void *wish);

/* Does somebody here have each of these names, with commas between them? Lives of the past are asked for by their
 * handles: of such a one only the task must be there. False: answered already. */
bool control_names_known(struct control_call *, const char *scope);

struct events_whose control_whose(const json_t *task); /* of a task in status; borrowed from it */

bool query_whole(const char *text, long long *ret); /* a whole number, from 0 */
bool query_flag(const char *text, bool *ret);       /* 0 or 1 */
