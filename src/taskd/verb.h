/* A request for each of several names, and the wait for all of the answers: who is doing what is shown meanwhile, and
 * ^C leaves.
 *
 * Owner: cmd_stop.c, lifecycle.c. Calls client, task_watch, term. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskd/task_watch.h"

struct verb;

/* `watch` (taken, NULL: none) shows who is doing what while answers are awaited. Memory that runs out is fatal. */
struct verb *verb_new(const char *socket, struct task_watch *watch);
void verb_free(struct verb *); /* NULL ok */

/* POSTs `body` (borrowed) to /v1/workers/NAME/ACTION, or to a path for everything. Complains when it cannot be sent.
 * The descriptor of the answer, borrowed; -1 when there will be none. */
int verb_ask(struct verb *, const char *name, const char *action, json_t *body);
int verb_ask_all(struct verb *, const char *path, json_t *body);

enum verb_end { VERB_ANSWERED, VERB_LEFT, VERB_TIMEOUT };
/* Until every answer is there, the person has had enough, or timeout_ms (-1: never) has passed. What the daemon refuses
 * is said at once. */
enum verb_end verb_await(struct verb *, int64_t timeout_ms);

json_t *verb_answers(const struct verb *); /* bodies of those that succeeded, as they came; borrowed */
bool verb_failed(const struct verb *);     /* some did not */
/* Says which tasks have not got where `action` was to bring them, since something else was asked of them or what they
 * come after is down. True: there are such. */
bool verb_complain(const struct verb *, const char *action);
bool verb_complain_of(const json_t *answer, const char *action); /* the same for one answer */
