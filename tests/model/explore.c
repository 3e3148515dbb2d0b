/* Every order in which things can happen to two tasks, up to a depth: the supervisor's real code over the kernel of
 * kernel.c.
 *
 *   explore DEPTH [PROPERTY]
 *
 * Breadth first; a state is reached again by doing the steps of its path once more, and is expanded once. Each new
 * state is also played on fairly (what was sent is delivered, timers fire, the workers do nothing more) to see that
 * stops end and ends are told. Properties: S1 a task has one process at most      S2 no signal reaches what is not ours
 * (any more) S3 no unit begins after the acknowledgement was reported, and nobody acknowledges for the worker S4 what
 * is wanted down is not started  S5 a life has one record L1 a stop ends within grace + term     L2 an exit is told: it
 * is reaped, and has its record P1 no event comes in a state that cannot take it   P2 a timer runs only in states that
 * have one Exit status 0: none is broken; or PROPERTY was named, and is. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explore.h"
#include "kernel.h"
#include "taskd/supervisor.h"
#include "view.h"

enum { PRELUDE_MAX = 8, PATH_MAX_STEPS = 64, STATES_MAX = 4000000, PLAY_ON = 400, EPSILON_MS = 1100, TERM_MS = 1000 };

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

static struct supervisor *sup;

static const char *name_of(int task)
{
    static const char *const names[TASKS] = {"w@1", "w@2"};
    return names[task];
}

static bool always(int task)
{
    (void)task;
    return true;
}
static void do_start(int task)
{
    supervisor_start(sup, name_of(task));
}
static void do_stop(int task)
{
    supervisor_stop(sup, name_of(task), &(struct stop_request){.reason = STOP_CLI, .grace_ms = -1});
}
static void do_stop_sooner(int task)
{
    supervisor_stop(sup, name_of(task), &(struct stop_request){.reason = STOP_CLI, .grace_ms = 500});
}
static void do_abort(int task)
{
    supervisor_abort(sup, name_of(task));
}
static void do_restart(int task)
{
    supervisor_restart(sup, name_of(task), 1);
}

static bool alive(int task)
{
    return kernel_process(task) != NULL;
}
static bool may_greet(int task)
{
    return alive(task) && !kernel_process(task)->greeted;
}
static void do_greet(int task)
{
    kernel_process(task)->greeted = true;
    kernel_say(kernel_process(task), LINE_HELLO);
}
static bool may_begin(int task)
{
    const struct process *p = kernel_process(task);
    return p && p->greeted && !p->begun && !p->acknowledged;
}
static void do_begin(int task)
{
    struct process *p = kernel_process(task);
    p->begun = p->in_unit = true;
    kernel_say(p, LINE_BEGIN);
}
static bool may_end(int task)
{
    return alive(task) && kernel_process(task)->in_unit;
}
static void do_end(int task)
{
    kernel_process(task)->in_unit = false;
    kernel_say(kernel_process(task), LINE_END);
}
static bool may_acknowledge(int task)
{
    const struct process *p = kernel_process(task);
    const struct channel_view *c = kernel_channel(task);
    return p && p->greeted && !p->acknowledged && c && c->stop_sent;
}
static void do_acknowledge(int task)
{
    kernel_process(task)->acknowledged = true;
    kernel_say(kernel_process(task), LINE_STOPPING);
}
static void do_exit_well(int task)
{
    kernel_exit(kernel_process(task), 0, 0);
}
static void do_crash(int task)
{
    kernel_exit(kernel_process(task), 0, SIGSEGV);
}

static const int signals[] = {SIGTERM, SIGABRT, SIGKILL};

static int sent(int task, bool ignorable)
{
    const struct process *p = kernel_process(task);
    for (size_t i = 0; p && i < sizeof signals / sizeof *signals; i++)
        if (p->pending & 1u << signals[i] && !(ignorable && signals[i] == SIGKILL))
            return signals[i];
    return 0;
}
static bool was_sent(int task)
{
    return sent(task, false) != 0;
}
static void do_die_of_it(int task)
{
    kernel_take_signal(kernel_process(task), sent(task, false), false);
}
static bool may_ignore(int task)
{
    return sent(task, true) != 0;
}
static void do_ignore(int task)
{
    kernel_take_signal(kernel_process(task), sent(task, true), true);
}

static bool has_lines(int task)
{
    const struct channel_view *c = kernel_channel(task);
    return c && c->count > 0;
}

static bool first(int task)
{
    return task == 0;
}
static bool may_reap(int task)
{
    return first(task) && kernel.sigchld;
}
static void do_reap(int task)
{
    (void)task;
    kernel.sigchld = false;
    supervisor_reap(sup);
}
static bool may_fire(int task)
{
    return first(task) && kernel_next_timer() != INT64_MAX;
}
static void do_fire(int task)
{
    (void)task;
    kernel_fire_timer();
}
static bool may_settle(int task)
{
    return first(task) && kernel_has_active();
}
static void do_settle(int task)
{
    (void)task;
    kernel_run_active();
}

static struct process *slot(enum owner owner)
{
    for (int i = 0; i < PIDS; i++)
        if (kernel.processes[i].owner == owner)
            return &kernel.processes[i];
    return NULL;
}
static int count(enum owner owner)
{
    int n = 0;
    for (int i = 0; i < PIDS; i++)
        n += kernel.processes[i].owner == owner;
    return n;
}
static bool may_stranger(int task)
{
    return first(task) && count(STRANGER) == 0 && slot(NOBODY);
}
static void do_stranger(int task)
{
    struct process *p = slot(NOBODY);
    (void)task;
    if (p)
        p->owner = STRANGER;
}
static bool is_stranger(int task)
{
    return first(task) && count(STRANGER) > 0;
}
static void do_stranger_leaves(int task)
{
    struct process *p = slot(STRANGER);
    (void)task;
    if (p)
        *p = (struct process){0};
}

static const struct step {
    const char *name;
    bool (*enabled)(int task);
    void (*run)(int task);
} steps[] = {
    {"start", always, do_start},
    {"stop", always, do_stop},
    {"stop sooner", always, do_stop_sooner},
    {"abort", always, do_abort},
    {"restart", always, do_restart},
    {"says hello", may_greet, do_greet},
    {"says begin", may_begin, do_begin},
    {"says end", may_end, do_end},
    {"says stopping", may_acknowledge, do_acknowledge},
    {"exits", alive, do_exit_well},
    {"crashes", alive, do_crash},
    {"dies of the signal", was_sent, do_die_of_it},
    {"ignores the signal", may_ignore, do_ignore},
    {"is read", has_lines, kernel_read},
    {"SIGCHLD", may_reap, do_reap},
    {"next timer", may_fire, do_fire},
    {"loop turns", may_settle, do_settle},
    {"a stranger comes", may_stranger, do_stranger},
    {"the stranger leaves", is_stranger, do_stranger_leaves},
};

enum { STEPS = sizeof steps / sizeof *steps, MOVES = STEPS * TASKS };

/* A move is a step of a task. */
static bool enabled(int move)
{
    return steps[move / TASKS].enabled(move % TASKS);
}

static void make_move(int move)
{
    steps[move / TASKS].run(move % TASKS);
    view_check();
}

/* --- paths ---------------------------------------------------------------------------------------------------------
 */

struct node {
    uint32_t parent;
    uint16_t depth;
    uint8_t move;
};

static struct node *nodes;
static uint32_t nodes_count;
static uint64_t *seen; /* open addressing; 0: free */
static const uint32_t seen_size = 1u << 22;

static bool is_new(uint64_t hash)
{
    uint64_t h = hash ? hash : 1;
    uint32_t at = (uint32_t)(h % seen_size);
    while (seen[at] && seen[at] != h)
        at = (at + 1) % seen_size;
    if (seen[at])
        return false;
    seen[at] = h;
    return true;
}

static int path_to(uint32_t node, uint8_t *moves)
{
    int n = nodes[node].depth;
    for (int i = n; i-- > 0; node = nodes[node].parent)
        moves[i] = nodes[node].move;
    return n;
}

/* Where a search begins: what leads there is not counted as depth. */
static const struct beginning {
    const char *name;
    const char *moves[PRELUDE_MAX]; /* of both tasks, in turn; NULL ends it */
} beginnings[] = {
    {"nothing runs", {NULL}},
    {"both in a unit", {"start", "says hello", "says begin", "is read", NULL}},
    {"both asked to stop in a unit", {"start", "says hello", "says begin", "is read", "stop", NULL}},
    {"both dead and not reaped", {"start", "says hello", "says begin", "is read", "crashes", NULL}},
    {"both overdue", {"start", "says hello", "says begin", "is read", "next timer", NULL}},
};

static const struct beginning *beginning;

static int find_step(const char *name)
{
    int i = 0;
    while (strcmp(steps[i].name, name) != 0)
        i++;
    return i;
}

static void begin_world(const uint8_t *moves, int n)
{
    kernel_reset();
    sup = view_begin();
    for (int i = 0; beginning->moves[i]; i++)
        for (int task = 0; task < TASKS; task++)
            make_move(find_step(beginning->moves[i]) * TASKS + task);
    for (int i = 0; i < n; i++)
        make_move(moves[i]);
}

/* --- playing on ----------------------------------------------------------------------------------------------------
 */

static bool deliver_one(void)
{
    static const char *const fair[] = {"is read", "SIGCHLD", "loop turns"};
    for (int i = 0; i < TASKS; i++)
        if (sent(i, false) == SIGKILL || (was_sent(i) && kernel_process(i)->pending & 1u << SIGKILL)) {
            kernel_take_signal(kernel_process(i), SIGKILL, false);
            return true;
        }
    for (size_t f = 0; f < sizeof fair / sizeof *fair; f++)
        for (int move = 0; move < MOVES; move++)
            if (strcmp(steps[move / TASKS].name, fair[f]) == 0 && enabled(move)) {
                make_move(move);
                return true;
            }
    return false;
}

static bool all_told(void)
{
    for (int s = 0; s < kernel.lives; s++)
        if (kernel_life_over(s) && kernel_records(s) == 0)
            return false;
    return slot(CHILD) == NULL || !kernel.sigchld;
}

static bool stops_pending(const int64_t *until)
{
    for (int i = 0; i < TASKS; i++)
        if (until[i] && !view_wanted(i) && !view_over(i))
            return true;
    return false;
}

/* The workers ignore whatever they can: what ends them is what taskd does by itself. */
static void play_on(void)
{
    int64_t until[TASKS] = {0}, deadline;
    for (int i = 0; i < TASKS; i++)
        if (view_stop_pending(i, &deadline) && !view_wanted(i))
            until[i] = (deadline > kernel.now_ms ? deadline : kernel.now_ms) + TERM_MS + EPSILON_MS;
    for (int n = 0; n < PLAY_ON && (stops_pending(until) || !all_told()) && !kernel.violation; n++) {
        if (deliver_one())
            continue;
        if (kernel_next_timer() == INT64_MAX)
            break;
        kernel_fire_timer();
        for (int i = 0; i < TASKS; i++)
            if (until[i] && kernel.now_ms > until[i] && !view_wanted(i) && !view_over(i))
                kernel_violation("L1", "the stop of task %d outlives its grace: it is %s", i + 1, view_state(i));
    }
    for (int n = 0; n < PLAY_ON && deliver_one(); n++)
        ;
    if (stops_pending(until))
        kernel_violation("L1", "a stop never ends");
    if (!all_told())
        kernel_violation("L2", "an exit is never told");
}

/* --- the search ----------------------------------------------------------------------------------------------------
 */

static void print_path(const uint8_t *moves, int n)
{
    for (int i = 0; i < n; i++)
        fprintf(stderr, "  %2d. %s: %s\n", i + 1, name_of(moves[i] % TASKS), steps[moves[i] / TASKS].name);
}

static uint64_t transitions;

/* true: a property is broken. */
static bool try_move(uint32_t from, const uint8_t *path, int n, int move, int depth_max)
{
    uint8_t moves[PATH_MAX_STEPS];
    memcpy(moves, path, (size_t)n);
    moves[n] = (uint8_t)move;
    begin_world(moves, n + 1);
    transitions++;
    if (!kernel.violation && is_new(view_hash())) {
        if (n + 1 < depth_max && nodes_count < STATES_MAX)
            nodes[nodes_count++] = (struct node){.parent = from, .depth = (uint16_t)(n + 1), .move = (uint8_t)move};
        play_on();
    }
    view_end();
    if (!kernel.violation)
        return false;
    print_path(moves, n + 1);
    return true;
}

static bool expand(uint32_t node, int depth_max)
{
    uint8_t path[PATH_MAX_STEPS];
    bool possible[MOVES];
    int n = path_to(node, path);
    begin_world(path, n);
    for (int move = 0; move < MOVES; move++)
        possible[move] = enabled(move);
    view_end();
    for (int move = 0; move < MOVES; move++)
        if (possible[move] && try_move(node, path, n, move, depth_max))
            return true;
    return false;
}

static uint32_t count_seen(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < seen_size; i++)
        n += seen[i] != 0;
    return n;
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One search; true when a property is broken. */
static bool search(int depth)
{
    double began = seconds();
    bool broken = false;
    memset(seen, 0, seen_size * sizeof *seen);
    transitions = 0;
    nodes[0] = (struct node){0};
    nodes_count = 1;
    for (uint32_t i = 0; i < nodes_count && !broken; i++)
        broken = expand(i, depth);
    printf("%s: %u states, %llu transitions, depth %d, %.1f s\n", beginning->name, count_seen(),
           (unsigned long long)transitions, depth, seconds() - began);
    if (broken)
        printf("broken: %s: %s\n", kernel.violation, kernel.detail);
    return broken;
}

int explore(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : 5;
    const char *expected = argc > 2 ? argv[2] : NULL;
    bool broken = false;
    nodes = calloc(STATES_MAX, sizeof *nodes);
    seen = calloc(seen_size, sizeof *seen);
    if (depth < 1 || depth >= PATH_MAX_STEPS || !nodes || !seen)
        return 2;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && !broken; i++) {
        beginning = &beginnings[i];
        broken = search(depth);
    }
    free(nodes);
    free(seen);
    if (expected)
        return broken && strcmp(kernel.violation, expected) == 0 ? 0 : 1;
    return broken;
}
