/* The state directory: the record of every life (results.ndjson) and the number of the last one (lives).
 *
 * A record is one line, written by one write(2), so a kill -9 of taskd leaves whole lines only; a torn last line (a
 * full disk, a power cut) is cut off when the journal is next opened. Several taskds may share a state directory:
 * appends and numbers are taken under flock(2). Errors are returned, and the supervisor goes on without the record. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct journal;

/* Makes the directory (0700, parents as needed), opens both files, repairs a torn tail. 0 or -errno. */
int journal_open(const char *dir, struct journal **ret);
/* Where no directory can be written: numbers are counted in memory and records go nowhere. NULL when memory is out. */
struct journal *journal_open_memory(void);
void journal_free(struct journal *);             /* NULL ok */
const char *journal_dir(const struct journal *); /* NULL: in memory */

/* A number never given before in this directory. *ret is always set: on failure (-errno) it goes on from the last one
 * given here, and the directory learns of it with the next number that can be written. */
int journal_next_life(struct journal *, uint64_t *ret);
int journal_append(struct journal *, const json_t *record);

/* Reads a journal without opening it for writing: each whole record in order, until `each` returns false. Records that
 * do not parse are skipped and counted in *ret_bad (NULL ok). 0 or -errno (-ENOENT: no journal yet). */
typedef bool journal_each_cb(void *arg, json_t *record);
int journal_read(const char *dir, journal_each_cb *each, void *arg, size_t *ret_bad);

/* The record of one handle ("resize@2#17"), new reference. 0, -ENOENT or -errno. */
int journal_find(const char *dir, const char *handle, json_t **ret);
