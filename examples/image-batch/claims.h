/* Who works on which picture, among processes that share a database.
 *
 * A claim is a lock on one byte of a file beside the database; which byte follows from the picture's name. The kernel
 * drops the lock when its holder dies, however it dies, so no claim is ever stale and there is none to time out. Two
 * names that fall on the same byte merely wait for each other. Owner: main.c. Calls nothing of this program. */
#pragma once
#include <stdint.h>

struct claims;

/* Opens (and creates) the lock file that belongs to a database. 0 and *ret, or -errno. */
int claims_open(const char *db_path, struct claims **ret);

/* 1 and *ret_claim when the picture is ours until claims_release or death; 0 when another process holds it; -errno. */
int claims_take(struct claims *, const char *name, int64_t *ret_claim);
void claims_release(struct claims *, int64_t claim);

void claims_free(struct claims *); /* NULL ok; releases all */
