/* The worker of the tests: a program on libtaskd whose behaviour is its command line, one word a step.
 *
 *   worker ready unit:a:300 unit:b:0 result:{"n":2} exit:0
 *
 * Steps: ready · unit:ID:MS (begin, work, end) · begin:ID · end:ID · fail:ID · progress:ID:DONE:TOTAL · work:MS (deaf
 * to the stop) · loop:MS (units 1, 2, 3 … of MS each until a stop) · idle (wait for a stop on the descriptor) ·
 * extend:MS · result:JSON · partial:JSON (a result that is not complete) · status:TEXT · child (a child in the same
 * group that ignores everything) · daemon (a grandchild in a session of its own) · ignore (SIGTERM and SIGINT) ·
 * echo:TEXT · env · input · heartbeats:MS:N (N of them, MS apart) · within:ID:MS (begin, with a time of its own) ·
 * avoid:ID (prints whether it is one to avoid) · resume (prints the checkpoint) · checkpoint:JSON · hog:MB ·
 * alone:DIR (a second life of the same task at the same time is written down in DIR/violations) · diary:FILE (the
 * loop's beginnings, ends and the acknowledgement are written down from here on) · raise:N · exit:N · touch:FILE ·
 * await:FILE (until it is there) ·
 * raw:TEXT (a line as it is on the channel) · close. Without exit it ends with 0, after taskd_close(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libtaskd/taskd.h"

static taskd *t;
static char *channel_copy; /* the descriptor's number before the library took it */

static void work(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* The part of "a:b:c" at `index`, the last one with all its colons; static buffers. */
static const char *part(const char *arg, int index, bool rest)
{
    static char parts[4][8192];
    while (index-- > 0 && arg)
        arg = strchr(arg, ':') ? strchr(arg, ':') + 1 : NULL;
    static int next;
    char *out = parts[next++ % 4];
    snprintf(out, sizeof parts[0], "%s", arg ? arg : "");
    if (!rest)
        out[strcspn(out, ":")] = '\0';
    return out;
}

static long number(const char *arg, int index)
{
    return strtol(part(arg, index, false), NULL, 10);
}

static void do_unit(const char *arg)
{
    const char *id = part(arg, 0, false);
    if (taskd_begin(t, id) < 0)
        return;
    work(number(arg, 1));
    taskd_end(t, id);
}

static int diary = -1;

static void write_down(const char *what)
{
    const char *handle = getenv("TASKD_HANDLE");
    if (diary >= 0 && dprintf(diary, "%s %s\n", handle ? handle : "?", what) < 0)
        exit(92);
}

static void do_diary(const char *arg)
{
    diary = open(arg, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void do_alone(const char *arg)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", arg, getenv("TASKD_ID"));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return; /* held for as long as this process lives */
    snprintf(path, sizeof path, "%s/violations", arg);
    do_diary(path);
    write_down("is not alone");
}

static void do_loop(const char *arg)
{
    char id[32];
    for (int i = 1; !taskd_should_stop(t); i++) {
        snprintf(id, sizeof id, "%d", i);
        if (taskd_begin(t, id) < 0)
            break;
        write_down("begin");
        work(number(arg, 0));
        write_down("end");
        taskd_end(t, id);
    }
    write_down("acknowledged");
}

static void do_idle(const char *arg)
{
    (void)arg;
    while (!taskd_should_stop(t)) {
        struct pollfd p = {.fd = taskd_fd(t), .events = POLLIN};
        if (p.fd < 0)
            pause();
        poll(&p, 1, -1);
    }
}

static void linger(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;)
        pause();
}

static void do_child(const char *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        linger();
    printf("child %d\n", (int)pid);
    fflush(stdout);
}

static void do_daemon(const char *arg)
{
    (void)arg;
    pid_t between = fork();
    if (between > 0) {
        waitpid(between, NULL, 0);
        return;
    }
    setsid();
    pid_t pid = fork();
    if (pid == 0)
        linger();
    printf("daemon %d\n", (int)pid);
    fflush(stdout);
    _exit(0);
}

static void do_ignore(const char *arg)
{
    (void)arg;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}

static void do_env(const char *arg)
{
    (void)arg;
    extern char **environ;
    for (char **e = environ; *e; e++)
        puts(*e);
    fflush(stdout);
}

static void do_touch(const char *arg)
{
    FILE *f = fopen(arg, "w");
    if (f)
        fclose(f);
}

static void do_raw(const char *arg)
{
    if (dprintf(channel_copy ? atoi(channel_copy) : 3, "%s\n", arg) < 0)
        exit(99);
}

static void do_ready(const char *arg)
{
    (void)arg;
    taskd_ready(t);
}
static void do_begin(const char *arg)
{
    if (taskd_begin(t, arg) < 0)
        exit(98);
}
static void do_end(const char *arg)
{
    taskd_end(t, arg);
}
static void do_fail(const char *arg)
{
    taskd_fail(t, arg, "test", "as asked", false);
}
static void do_progress(const char *arg)
{
    taskd_progress(t, part(arg, 0, false), number(arg, 1), number(arg, 2), NULL);
}
static void do_work(const char *arg)
{
    work(number(arg, 0));
}
static void do_extend(const char *arg)
{
    taskd_extend(t, number(arg, 0));
}
static void do_result(const char *arg)
{
    if (taskd_result(t, arg, true) < 0)
        exit(97);
}
static void do_partial(const char *arg)
{
    if (taskd_result(t, arg, false) < 0)
        exit(97);
}
static void do_status(const char *arg)
{
    taskd_status(t, arg);
}
static void do_echo(const char *arg)
{
    puts(arg);
    fflush(stdout);
}
static void do_await(const char *arg)
{
    while (access(arg, F_OK) < 0)
        usleep(2000);
}
static void do_input(const char *arg)
{
    (void)arg;
    puts(taskd_input(t) ? taskd_input(t) : "none");
    fflush(stdout);
}
static void do_heartbeats(const char *arg)
{
    for (long i = number(arg, 1); i > 0; i--) {
        work(number(arg, 0));
        taskd_heartbeat(t);
    }
}
static void do_within(const char *arg)
{
    if (taskd_begin_within(t, part(arg, 0, false), number(arg, 1)) < 0)
        exit(98);
}
static void do_avoid(const char *arg)
{
    printf("%s %s\n", arg, taskd_avoids(t, arg) ? "avoided" : "welcome");
    fflush(stdout);
}
static void do_resume(const char *arg)
{
    (void)arg;
    puts(taskd_resume(t) ? taskd_resume(t) : "none");
    fflush(stdout);
}
static void do_checkpoint(const char *arg)
{
    taskd_checkpoint(t, "c", arg);
}
static void do_hog(const char *arg)
{
    size_t size = (size_t)number(arg, 0) << 20;
    static char *volatile kept;
    kept = malloc(size);
    if (!kept)
        exit(93);
    memset(kept, 1, size);
}
static void do_next(const char *arg)
{
    struct taskd_unit unit;
    (void)arg;
    if (taskd_next(t, &unit) != 0)
        exit(94);
}

static void do_raise(const char *arg)
{
    raise((int)number(arg, 0));
}
static void do_exit(const char *arg)
{
    _exit((int)number(arg, 0));
}
static void do_close(const char *arg)
{
    (void)arg;
    taskd_close(t);
    t = NULL;
}

static const struct {
    const char *name;
    void (*run)(const char *arg);
} steps[] = {
    {"ready", do_ready},   {"unit", do_unit},     {"begin", do_begin},       {"end", do_end},
    {"fail", do_fail},     {"work", do_work},     {"progress", do_progress}, {"loop", do_loop},
    {"idle", do_idle},     {"extend", do_extend}, {"result", do_result},     {"partial", do_partial},
    {"child", do_child},   {"daemon", do_daemon}, {"ignore", do_ignore},     {"next", do_next},
    {"status", do_status}, {"echo", do_echo},     {"env", do_env},           {"input", do_input},
    {"raise", do_raise},   {"exit", do_exit},     {"touch", do_touch},       {"raw", do_raw},
    {"close", do_close},   {"alone", do_alone},   {"diary", do_diary},       {"heartbeats", do_heartbeats},
    {"within", do_within}, {"avoid", do_avoid},   {"resume", do_resume},     {"checkpoint", do_checkpoint},
    {"hog", do_hog},       {"await", do_await},
};

static void step(const char *word)
{
    size_t len = strcspn(word, ":");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strlen(steps[i].name) == len && strncmp(steps[i].name, word, len) == 0) {
            steps[i].run(word[len] ? word + len + 1 : "");
            return;
        }
    }
    fprintf(stderr, "worker: no such step: %s\n", word);
    exit(96);
}

int main(int argc, char **argv)
{
    const char *fd = getenv("TASKD_FD");
    channel_copy = fd ? strdup(fd) : NULL;
    if (taskd_open(&t) < 0)
        return 95;
    for (int i = 1; i < argc; i++)
        step(argv[i]);
    taskd_close(t);
    free(channel_copy);
    return 0;
}
