/* The database of an image batch. */
#include "results.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

enum { BUSY_TIMEOUT_MS = 60000 };

enum statement { SETTLED, BEGIN, INSERT_IMAGE, FORGET_FAILURE, COMMIT, ROLLBACK, INSERT_FAILURE, COUNT, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    [SETTLED] = "SELECT EXISTS (SELECT 1 FROM images WHERE path = ?1 AND mtime_ns = ?2)"
                "    OR EXISTS (SELECT 1 FROM failures WHERE path = ?1 AND mtime_ns = ?2)",
    /* At once a writer: a transaction that becomes one later can find that it must start over. */
    [BEGIN] = "BEGIN IMMEDIATE",
    [INSERT_IMAGE] = "INSERT OR REPLACE INTO images (path, mtime_ns, width, height, bytes, done_by)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [FORGET_FAILURE] = "DELETE FROM failures WHERE path = ?1",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [INSERT_FAILURE] = "INSERT OR REPLACE INTO failures (path, mtime_ns, reason) VALUES (?1, ?2, ?3)",
    [COUNT] = "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM failures)",
};

static const char schema[] = "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             "CREATE TABLE IF NOT EXISTS images (path TEXT PRIMARY KEY, mtime_ns INTEGER NOT NULL,"
                             " width INTEGER NOT NULL, height INTEGER NOT NULL, bytes INTEGER NOT NULL,"
                             " done_by TEXT NOT NULL, done_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')));"
                             "CREATE TABLE IF NOT EXISTS failures (path TEXT PRIMARY KEY, mtime_ns INTEGER NOT NULL,"
                             " reason TEXT NOT NULL);";

struct results {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

static const struct {
    int sqlite, error;
} errors[] = {
    {SQLITE_NOMEM, ENOMEM}, {SQLITE_BUSY, EBUSY},      {SQLITE_FULL, ENOSPC},    {SQLITE_READONLY, EROFS},
    {SQLITE_PERM, EACCES},  {SQLITE_CANTOPEN, EACCES}, {SQLITE_NOTADB, EBADMSG}, {SQLITE_CORRUPT, EBADMSG},
};

static int to_errno(int rc)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].sqlite == (rc & 0xff))
            return -errors[i].error;
    return -EIO;
}

static int prepare_all(struct results *r)
{
    for (int i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v2(r->db, sql[i], -1, &r->statements[i], NULL);
        if (rc != SQLITE_OK)
            return to_errno(rc);
    }
    return 0;
}

/* The switch to WAL answers "busy" at once while another process is making the same switch: asking again is all it
 * takes. */
static int create_schema(sqlite3 *db)
{
    int rc = SQLITE_BUSY;

    for (int waited = 0; rc == SQLITE_BUSY && waited < BUSY_TIMEOUT_MS; waited += 10) {
        rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
        if (rc == SQLITE_BUSY)
            sqlite3_sleep(10);
    }
    return rc == SQLITE_OK ? 0 : to_errno(rc);
}

int results_open(const char *path, struct results **ret)
{
    struct results *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return -ENOMEM;
    rc = sqlite3_open(path, &r->db);
    rc = rc == SQLITE_OK ? 0 : to_errno(rc);
    if (rc == 0) {
        sqlite3_busy_timeout(r->db, BUSY_TIMEOUT_MS);
        rc = create_schema(r->db);
    }
    if (rc == 0)
        rc = prepare_all(r);
    if (rc < 0)
        results_free(r);
    else
        *ret = r;
    return rc;
}

static sqlite3_stmt *bind_source(struct results *r, enum statement which, const struct source *source)
{
    sqlite3_stmt *s = r->statements[which];

    sqlite3_bind_text(s, 1, source->name, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(s) > 1)
        sqlite3_bind_int64(s, 2, source->mtime_ns);
    return s;
}

/* Runs a statement that yields no row. */
static int run(struct results *r, enum statement which)
{
    sqlite3_stmt *s = r->statements[which];
    int rc = sqlite3_step(s);

    sqlite3_reset(s);
    return rc == SQLITE_DONE ? 0 : to_errno(rc);
}

int results_settled(struct results *r, const struct source *source)
{
    sqlite3_stmt *s = bind_source(r, SETTLED, source);
    int step = sqlite3_step(s), rc = step == SQLITE_ROW ? sqlite3_column_int(s, 0) : to_errno(step);

    sqlite3_reset(s);
    return rc;
}

static int insert_image(struct results *r, const struct source *source, const struct image_row *row)
{
    sqlite3_stmt *s = bind_source(r, INSERT_IMAGE, source);
    int rc;

    sqlite3_bind_int(s, 3, row->width);
    sqlite3_bind_int(s, 4, row->height);
    sqlite3_bind_int64(s, 5, row->bytes);
    sqlite3_bind_text(s, 6, row->done_by, -1, SQLITE_STATIC);
    rc = run(r, INSERT_IMAGE);
    if (rc < 0)
        return rc;
    bind_source(r, FORGET_FAILURE, source);
    return run(r, FORGET_FAILURE);
}

int results_begin_image(struct results *r, const struct source *source, const struct image_row *row)
{
    int rc = run(r, BEGIN);

    if (rc < 0)
        return rc;
    rc = insert_image(r, source, row);
    if (rc < 0)
        results_rollback(r);
    return rc;
}

int results_commit(struct results *r)
{
    int rc = run(r, COMMIT);

    if (rc < 0)
        results_rollback(r);
    return rc;
}

void results_rollback(struct results *r)
{
    if (!sqlite3_get_autocommit(r->db))
        run(r, ROLLBACK);
}

int results_record_failure(struct results *r, const struct source *source, const char *reason)
{
    sqlite3_stmt *s = bind_source(r, INSERT_FAILURE, source);

    sqlite3_bind_text(s, 3, reason, -1, SQLITE_STATIC);
    return run(r, INSERT_FAILURE);
}

int results_count(struct results *r, int64_t *ret_images, int64_t *ret_failures)
{
    sqlite3_stmt *s = r->statements[COUNT];
    int step = sqlite3_step(s), rc = step == SQLITE_ROW ? 0 : to_errno(step);

    if (rc == 0) {
        *ret_images = sqlite3_column_int64(s, 0);
        *ret_failures = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    return rc;
}

void results_free(struct results *r)
{
    if (!r)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(r->statements[i]);
    sqlite3_close(r->db);
    free(r);
}
