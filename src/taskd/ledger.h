/* PURE: the units that were cut, until somebody does them again. "Nothing lost" means that this list is empty.
 *
 * Units are named by their worker, not by the task: any replica may finish what another one left. */
#pragma once
#include <jansson.h>
#include <stddef.h>

struct ledger;

struct ledger *ledger_new(void); /* NULL when memory is out */
void ledger_free(struct ledger *);

/* Past LEDGER_MAX they are only counted, and stay counted. */
enum { LEDGER_MAX = 10000 };

int ledger_lost(struct ledger *, const char *worker, const char *unit, const char *handle); /* 0 or -ENOMEM */
void ledger_ended(struct ledger *, const char *worker, const char *unit);
size_t ledger_count(const struct ledger *);
json_t *ledger_json(const struct ledger *); /* [{"worker","unit","handle"}], new reference; NULL when memory is out */
