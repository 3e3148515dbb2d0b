/* The ladder: how a task's process is asked to leave, and made to. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "taskd/cgroup.h"
#include "taskd/channel.h"
#include "taskd/log.h"
#include "taskd/task_impl.h"
#include "taskd/tree.h"

/* When a tree that is killed again and again counts as unkillable: it sleeps in the kernel. */
enum { UNKILLABLE_TRIES = 5 };

/* To the process that it has named as its main one, while that lives; SIGKILL is for the tree, and begins at the top.
 */
static int kill_main(const struct life *l, int sig)
{
    if (l->main_pidfd >= 0 && sig != SIGKILL && sys->kill_leader(l->main_pidfd, sig) == 0)
        return 0;
    return sys->kill_leader(l->pidfd, sig);
}

static void signal_leader(struct task *t, int sig, enum sent_kind kind)
{
    if (t->life.pid <= 0)
        return;
    int r = kill_main(&t->life, sig);
    if (r < 0 && r != -ESRCH)
        log_error("%s: send signal %d to process %d: %s", t->id, sig, (int)t->life.pid, strerror(-r));
    if (r == 0)
        t->life.sent[kind] = sig;
}

void ladder_send_stop(struct task *t)
{
    struct life *l = &t->life;
    /* Whether it has ever spoken decides between a word and a signal, so what it has said so far is read first. */
    talk_poll(t);
    bool heard = talk_send_stop(t);
    bool trusted = l->spoken || worker_hears_words(t->config);
    l->early = !l->spoken;
    if (!trusted || (t->config->given & GIVEN_STOP_SIGNAL))
        signal_leader(t, t->config->stop_signal, SENT_STOP_SIGNAL);
    else if (!heard)
        ladder_stop_deaf(t);
    /* A suspended worker could neither hear nor finish. */
    sys->kill_group(l->pid, SIGCONT);
    if (l->main_pidfd >= 0)
        kill_main(l, SIGCONT);
}

/* A worker that has closed its channel can only be told by a signal; one that has given its result is on its way out.
 */
void ladder_stop_deaf(struct task *t)
{
    if (t->life.has_result || t->life.sent[SENT_STOP_SIGNAL])
        return;
    t->life.deaf = true;
    signal_leader(t, t->config->stop_signal, SENT_STOP_SIGNAL);
}

void ladder_send_term(struct task *t)
{
    signal_leader(t, SIGTERM, SENT_TERM);
}

/* Only the leader: SIGABRT is to show where it hangs. */
void ladder_dump(struct task *t)
{
    log_warn("%s: %s: SIGABRT", t->id, cause_name(t->life.cause));
    signal_leader(t, SIGABRT, SENT_DUMP);
    kill_main(&t->life, SIGCONT);
}

static void kill_everything(struct task *t)
{
    if (t->cgroup) { /* nobody has left it */
        task_count_killed(t, cgroup_kill(t->cgroup, t->life.pid));
        return;
    }
    t->life.tree_killed += tree_kill(t->shared->tree, t->life.pid);
    sys->kill_group(t->life.pid, SIGKILL);
    t->shared->hooks.on_kill(t->shared->hooks.arg, t);
}

static void kill_tree(struct task *t, enum sent_kind kind)
{
    t->kill_tries = 0;
    if (t->cgroup) {
        signal_leader(t, SIGKILL, kind);
        kill_everything(t);
        return;
    }
    /* The leader goes first, so that it cannot answer its children's death; whose they are is looked up before. */
    tree_look(t->shared->tree);
    signal_leader(t, SIGKILL, kind);
    kill_everything(t);
}

void ladder_kill_grace(struct task *t)
{
    const struct unit *u = units_oldest(&t->life.units);
    char shown[200] = "no unit in flight";
    if (u)
        text_printable(u->id, strlen(u->id), shown, sizeof shown);
    log_warn("%s: still running at its deadline (%s): killed", t->id, shown);
    kill_tree(t, SENT_KILL);
}

void ladder_kill_fault(struct task *t)
{
    log_warn("%s: killed: %s", t->id, cause_name(t->life.cause));
    kill_tree(t, SENT_FAULT);
}

void ladder_kill_abort(struct task *t)
{
    kill_tree(t, SENT_ABORT);
}

void ladder_kill_again(struct task *t)
{
    if (++t->kill_tries == UNKILLABLE_TRIES)
        log_error("%s: process %d does not die of SIGKILL (it hangs in the kernel): still waiting", t->id,
                  (int)t->life.pid);
    sys->kill_leader(t->life.pidfd, SIGKILL);
    kill_everything(t);
}
