/* Processes: who has exited, and what a life has left behind. */
#include <errno.h>
#include <event2/event.h>
#include <search.h>
#include <string.h>
#include <time.h>

#include "taskd/log.h"
#include "taskd/supervisor_impl.h"
#include "taskd/sys.h"
#include "taskd/tree.h"

/* Processes that a dead life left behind are looked for a little later, so that a thousand ends read /proc once. */
enum { SWEEP_AFTER_MS = 50, LAST_SWEEPS = 250 };

/* --- pid -> task ------------------------------------------------------------------------------------------------ */

static int by_pid(const void *a, const void *b)
{
    pid_t x = task_life(a)->pid, y = task_life(b)->pid;
    return (x > y) - (x < y);
}

struct pid_key {
    pid_t pid;
};

static int pid_against_task(const void *key, const void *task)
{
    pid_t x = ((const struct pid_key *)key)->pid, y = task_life(task)->pid;
    return (x > y) - (x < y);
}

static struct task *task_by_pid(const struct supervisor *s, pid_t pid)
{
    struct pid_key key = {pid};
    void *node = tfind(&key, &s->by_pid, pid_against_task);
    return node ? *(struct task **)node : NULL;
}

/* --- strays: what a life leaves behind ------------------------------------------------------------------------------
 */

static bool is_leader(void *arg, pid_t pid)
{
    return task_by_pid(arg, pid) != NULL;
}

static struct task *owner_of(struct supervisor *s, const char *handle)
{
    size_t len = strcspn(handle, "#");
    size_t n;
    struct task *const *tasks = crew_tasks(s, &n);
    for (size_t i = 0; i < n; i++) {
        const char *id = task_id(tasks[i]);
        if (strncmp(id, handle, len) == 0 && id[len] == '\0')
            return tasks[i];
    }
    return NULL;
}

/* Also a life that is being killed: what has left its group is to die with it. A handle of nobody's is a stranger. */
static bool is_dead(void *arg, const char *handle)
{
    struct task *t = owner_of(arg, handle);
    if (!t)
        return false;
    const struct life *l = task_life(t);
    return l->pid <= 0 || strcmp(l->handle, handle) != 0 || task_state(t) == TASK_KILLING;
}

static void on_stray(void *arg, const char *handle, pid_t pid)
{
    struct supervisor *s = arg;
    struct task *t = owner_of(s, handle);
    if (t && task_life(t)->pid > 0 && strcmp(task_life(t)->handle, handle) == 0)
        task_count_stray(t);
    else
        log_warn("%s: left process %d behind: killed", handle, (int)pid);
}

static size_t sweep(struct supervisor *s)
{
    struct tree_sweep how = {.is_leader = is_leader, .is_dead = is_dead, .on_stray = on_stray, .arg = s};
    return tree_sweep(s->tree, &how);
}

void reap_sweep_later(struct supervisor *s)
{
    struct timeval tv = {.tv_usec = SWEEP_AFTER_MS * 1000};
    if (!event_pending(s->sweep_timer, EV_TIMEOUT, NULL))
        event_add(s->sweep_timer, &tv);
}

/* Once for all tasks that are killed in this turn of the loop, and before any of them is reaped. */
void reap_sweep_soon(struct supervisor *s)
{
    event_active(s->sweep_timer, EV_TIMEOUT, 0);
}

void on_reap_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    if (sweep(arg) > 0)
        reap_sweep_later(arg); /* what was killed may have left children of its own */
}

void reap_remember(struct supervisor *s, struct task *t)
{
    if (!tsearch(t, &s->by_pid, by_pid))
        log_error("%s: no memory to remember process %d by", task_id(t), (int)task_life(t)->pid);
}

/* --- reaping ---------------------------------------------------------------------------------------------------------
 */

static bool reap_one(struct supervisor *s, bool *ret_leader)
{
    struct sys_exit ignored;
    pid_t pid = sys->next_exit();
    if (pid <= 0)
        return false;
    struct task *t = task_by_pid(s, pid);
    *ret_leader = t != NULL;
    if (!t)
        return sys->reap(pid, &ignored) == 0;
    tdelete(t, &s->by_pid, by_pid);
    task_on_exit(t);
    return true;
}

/* A thousand exits may come as one SIGCHLD: goes on until nobody is left. */
void supervisor_reap(struct supervisor *s)
{
    bool leader = false, any_leader = false;
    while (reap_one(s, &leader))
        any_leader = any_leader || leader;
    if (any_leader && s->state != SUP_ENDED)
        reap_sweep_later(s);
}

static void reap_strangers(struct supervisor *s)
{
    bool leader;
    while (reap_one(s, &leader))
        ;
}

void reap_leftovers(struct supervisor *s)
{
    /* What was killed takes a moment to die, and its children a moment to become ours. */
    const struct timespec moment = {.tv_nsec = 2 * 1000 * 1000};
    for (int i = 0; i < LAST_SWEEPS; i++) {
        tree_forget(s->tree);
        if (sweep(s) == 0)
            break;
        nanosleep(&moment, NULL);
        reap_strangers(s);
    }
    reap_strangers(s);
}
