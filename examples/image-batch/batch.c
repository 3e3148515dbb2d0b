/* The unit of work: one picture. */
#include "batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "picture.h"

enum { SLICE_MS = 50, STAGES = 4 };

static int slices(const struct batch *b)
{
    return b->slow_ms / SLICE_MS;
}

/* Progress is for people: a supervisor that has gone away must not cost the picture that is under way. */
static void report(const struct batch *b, const char *name, int done, const char *what)
{
    taskd_progress(b->taskd, name, done, STAGES + slices(b), what);
}

/* Stands in for a larger picture, in demonstrations and tests. */
static void dawdle(const struct batch *b, const char *name)
{
    for (int i = 0; i < slices(b); i++) {
        struct timespec left = {.tv_nsec = SLICE_MS * 1000000L};
        while (nanosleep(&left, &left) != 0 && errno == EINTR)
            ;
        report(b, name, 2 + i, "dawdling");
    }
}

static int load(const struct batch *b, const char *name, struct picture **ret)
{
    int fd = openat(b->in->fd, name, O_RDONLY | O_CLOEXEC), rc;
    FILE *from = fd < 0 ? NULL : fdopen(fd, "rb");

    if (!from) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    rc = picture_read(from, name, ret);
    fclose(from);
    return rc;
}

/* The row first, uncommitted, then the name, then the commit: a failure at any step leaves neither. */
static int record(const struct batch *b, const struct source *source, const struct image_row *row,
                  struct output *output)
{
    int rc = results_begin_image(b->results, source, row);

    if (rc < 0)
        return rc;
    rc = output_publish(output);
    if (rc == 0)
        rc = results_commit(b->results);
    if (rc < 0) {
        output_retract(output);
        results_rollback(b->results);
    }
    return rc;
}

static int store(const struct batch *b, const struct source *source, const struct picture *picture)
{
    struct image_row row = {picture_width(picture), picture_height(picture), 0, b->me};
    struct output *output;
    int rc = output_new(b->out, source->name, &output);

    if (rc < 0)
        return rc;
    rc = picture_write(picture, output_stream(output), source->name);
    if (rc == 0)
        rc = output_seal(output, &row.bytes);
    report(b, source->name, STAGES - 1 + slices(b), "recording");
    if (rc == 0)
        rc = record(b, source, &row, output);
    output_free(output);
    if (rc == 0 && b->by_hand)
        printf("%s: %d x %d, %lld bytes\n", source->name, row.width, row.height, (long long)row.bytes);
    return rc;
}

static int resize(const struct batch *b, const struct source *source)
{
    struct picture *picture = NULL;
    int rc;

    report(b, source->name, 0, "reading");
    rc = load(b, source->name, &picture);
    if (rc < 0)
        return rc;
    report(b, source->name, 1, "scaling");
    rc = picture_fit_width(picture, b->width);
    dawdle(b, source->name);
    if (rc == 0)
        rc = store(b, source, picture);
    picture_free(picture);
    return rc;
}

/* A picture that cannot be read is this picture's failure; everything else (a full disk, no memory) would fail the next
 * one too. */
static bool is_about_the_picture(int rc)
{
    return rc == -EBADMSG || rc == -ENOENT || rc == -EACCES;
}

static int give_up(struct batch *b, const struct source *source, int rc)
{
    bool settled = is_about_the_picture(rc);
    const char *why = rc == -EBADMSG ? "not a whole picture" : strerror(-rc);
    int recorded = settled ? results_record_failure(b->results, source, why) : 0;

    b->failed++;
    fprintf(stderr, "image-batch: %s: %s\n", source->name, why);
    taskd_fail(b->taskd, source->name, settled ? "picture" : "system", why, !settled);
    return settled ? recorded : rc;
}

static int do_unit(struct batch *b, const struct source *source)
{
    int rc = taskd_begin(b->taskd, source->name);

    if (rc < 0)
        return rc;
    rc = resize(b, source);
    if (rc < 0)
        return give_up(b, source, rc);
    b->done++;
    taskd_end(b->taskd, source->name);
    return 0;
}

int batch_do(struct batch *b, const struct source *source)
{
    int64_t claim = 0;
    int rc = results_settled(b->results, source);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = claims_take(b->claims, source->name, &claim);
    if (rc != 1)
        return rc;
    /* Once more: whoever held the claim until now may have settled it since the first look. */
    rc = results_settled(b->results, source);
    if (rc == 0)
        rc = do_unit(b, source);
    claims_release(b->claims, claim);
    return rc < 0 ? rc : 0;
}
