/* One picture at a time: claimed, resized, recorded. This is where the batch talks to taskd.
 *
 * What holds at every moment between two units, and after any orderly stop: a picture has its image exactly if it has
 * its row. A process killed in the middle of a unit may leave an image whose row was never committed; its picture
 * counts as not done, and whoever does it next replaces the image. Under its name a file is always whole. Owner:
 * main.c. Calls claims, output, picture and results. */
#pragma once
#include <stdbool.h>

#include "claims.h"
#include "folder.h"
#include "libtaskd/taskd.h"
#include "results.h"

struct batch {
    taskd *taskd;
    bool by_hand; /* nobody watches over taskd: say what is done on standard output */
    const struct folder *in;
    int out; /* the output folder */
    struct results *results;
    struct claims *claims;
    const char *me;
    int width, slow_ms;
    int done, failed; /* by this process */
};

/* Does a picture unless it is settled or another process is at it. 0, also for a picture that cannot be read: that is
 * recorded and counted; -ECANCELED when a stop came first and the picture was not begun; -errno when the batch cannot
 * go on. */
int batch_do(struct batch *, const struct source *);
