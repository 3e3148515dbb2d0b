/* What a daemon needs of the file system: the socket it listens at, and the journal of its records.
 *
 * A daemon without them is none, so what is wrong is fatal(), both at once. One command does without what it did not
 * ask for: in a container nothing may be writable. */
#pragma once

struct daemon_request;
struct journal;
struct listener;

enum { PLACES_PATH_SIZE = 4096 };

struct places {
    char socket[PLACES_PATH_SIZE], state_dir[PLACES_PATH_SIZE];
    struct listener *listener; /* NULL: there is none */
    struct journal *journal;   /* in memory where there is none */
};

void places_open(struct places *, const struct daemon_request *);
