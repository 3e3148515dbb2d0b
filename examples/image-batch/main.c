/* image-batch: makes small copies of a folder of pictures, and keeps a record of each in a database.
 *
 *     image-batch --db results.db --out small --width 320 photos/
 *
 * By hand, or under taskd, in as many processes at once as there are cores. See README.md in this folder. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch.h"

enum { EXIT_USAGE = 2, DEFAULT_WIDTH = 320, WIDTH_MAX = 20000, SLOW_MAX = 3600 * 1000 };

struct settings {
    const char *in, *out, *db;
    int width, slow_ms;
    bool report;
};

static const char usage[] =
    "usage: image-batch [--width PIXELS] --db FILE --out FOLDER FOLDER\n"
    "       image-batch --report --db FILE --out FOLDER FOLDER\n"
    "\n"
    "Makes a small copy of every JPEG and PNG picture in a folder, and records each in an SQLite database.\n"
    "Run it again and it goes on where it stopped; run it several times at once and they share the work.\n"
    "\n"
    "  --db FILE       the database; is created where it is missing\n"
    "  --out FOLDER    where the copies go; is created where it is missing\n"
    "  --width PIXELS  how wide they are (320)\n"
    "  --slow MS       spend at least this long on each picture (for demonstrations)\n"
    "  --report        do nothing but say how far the batch is\n"
    "  --help          this text\n";

static volatile sig_atomic_t told_to_stop;

static void on_signal(int number)
{
    (void)number;
    told_to_stop = 1;
}

/* ^C by hand is a request, as a stop is under taskd: the picture under way is finished. A second one ends it at once.
 */
static void heed_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int fail(const char *what, int rc)
{
    fprintf(stderr, "image-batch: %s: %s\n", what, strerror(-rc));
    return rc;
}

static int parse_number(const char *text, int max)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > max) {
        fprintf(stderr, "image-batch: \"%s\" is not a number from 1 to %d\n", text, max);
        exit(EXIT_USAGE);
    }
    return (int)value;
}

static void parse_settings(int argc, char **argv, struct settings *s)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"out", required_argument, NULL, 'o'},
        {"width", required_argument, NULL, 'w'},
        {"slow", required_argument, NULL, 's'},
        {"report", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            s->db = optarg;
            break;
        case 'o':
            s->out = optarg;
            break;
        case 'w':
            s->width = parse_number(optarg, WIDTH_MAX);
            break;
        case 's':
            s->slow_ms = parse_number(optarg, SLOW_MAX);
            break;
        case 'r':
            s->report = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            exit(EXIT_USAGE);
        }
    }
    if (!s->db || !s->out || optind != argc - 1) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    s->in = argv[optind];
}

static int open_folders(const struct settings *s, struct folder *ret_in, struct folder *ret_out)
{
    struct stat in, out;
    int rc = folder_open(s->in, ret_in);

    if (rc < 0)
        return fail(s->in, rc);
    if (mkdir(s->out, 0777) != 0 && errno != EEXIST)
        rc = -errno;
    if (rc == 0)
        rc = folder_open(s->out, ret_out);
    if (rc < 0) {
        folder_close(ret_in);
        return fail(s->out, rc);
    }
    if (fstat(ret_in->fd, &in) == 0 && fstat(ret_out->fd, &out) == 0 && in.st_dev == out.st_dev &&
        in.st_ino == out.st_ino) {
        folder_close(ret_in);
        folder_close(ret_out);
        return fail("the pictures and their copies need a folder each", -EINVAL);
    }
    return 0;
}

static void show_total(struct batch *b)
{
    int64_t images = 0, failures = 0;
    char text[64];

    if (results_count(b->results, &images, &failures) < 0)
        return;
    snprintf(text, sizeof text, "%lld/%zu", (long long)images + failures, b->in->count);
    taskd_status(b->taskd, text);
}

/* Returns 0 at the end of the list, -ECANCELED when a stop came first, or what went wrong. */
static int do_all(struct batch *b)
{
    for (size_t i = 0; i < b->in->count; i++) {
        int rc = told_to_stop || taskd_should_stop(b->taskd) ? -ECANCELED : batch_do(b, &b->in->pictures[i]);
        if (rc < 0)
            return rc;
        show_total(b);
    }
    return 0;
}

static int work(struct batch *b)
{
    char value[64];
    int rc = taskd_open(&b->taskd);

    if (rc < 0)
        return fail("taskd", rc);
    b->by_hand = rc == 0;
    taskd_ready(b->taskd);
    rc = do_all(b);
    snprintf(value, sizeof value, "{\"done\":%d,\"failed\":%d}", b->done, b->failed);
    if (rc == 0 || rc == -ECANCELED)
        taskd_result(b->taskd, value, rc == 0);
    else
        fail("giving up", rc);
    if (b->by_hand)
        printf("%d done, %d failed%s\n", b->done, b->failed,
               rc == -ECANCELED ? "; stopped, run it again to go on" : "");
    taskd_close(b->taskd);
    return rc == -ECANCELED ? 0 : rc;
}

static int report(const struct settings *s, struct batch *b, size_t copies)
{
    int64_t images = 0, failures = 0;
    size_t left = 0;
    int rc = results_count(b->results, &images, &failures);

    for (size_t i = 0; i < b->in->count && rc >= 0; i++) {
        rc = results_settled(b->results, &b->in->pictures[i]);
        left += rc == 0;
    }
    if (rc < 0)
        return fail(s->db, rc);
    printf("%zu pictures, %zu images, %lld rows, %lld failures, %zu left\n", b->in->count, copies, (long long)images,
           (long long)failures, left);
    return (size_t)images == copies ? 0 : -EUCLEAN;
}

static int run(const struct settings *s, struct folder *in, struct folder *out)
{
    const char *id = getenv("TASKD_ID");
    struct batch b = {.in = in, .out = out->fd, .me = id ? id : "hand", .width = s->width, .slow_ms = s->slow_ms};
    int rc = results_open(s->db, &b.results);

    if (rc == 0)
        rc = claims_open(s->db, &b.claims);
    if (rc < 0)
        fail(s->db, rc);
    else
        rc = s->report ? report(s, &b, out->count) : work(&b);
    claims_free(b.claims);
    results_free(b.results);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings = {.width = DEFAULT_WIDTH};
    struct folder in = {.fd = -1}, out = {.fd = -1};
    int rc;

    parse_settings(argc, argv, &settings);
    heed_signals();
    if (open_folders(&settings, &in, &out) < 0)
        return EXIT_FAILURE;
    rc = run(&settings, &in, &out);
    folder_close(&in);
    folder_close(&out);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
