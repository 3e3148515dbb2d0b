#include "taskd/places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "taskd/config.h"
#include "taskd/daemon.h"
#include "taskd/journal.h"
#include "taskd/listener.h"
#include "taskd/log.h"
#include "taskd/paths.h"

static const char *why(int error)
{
    return error == -EADDRINUSE ? "another taskd listens there" : strerror(-error);
}

/* --- the socket ------------------------------------------------------------------------------------------------------
 */

static bool socket_chosen(const struct daemon_request *req)
{
    const char *env = getenv("TASKD_SOCKET");
    return req->socket || (env && *env) || req->config->daemon.socket;
}

/* "…/taskd.sock" -> "…/taskd-PID.sock". */
static int own_socket(struct places *p)
{
    char *slash = strrchr(p->socket, '/');
    size_t room = slash ? sizeof p->socket - (size_t)(slash - p->socket) : 0;
    if (!slash || (size_t)snprintf(slash, room, "/taskd-%d.sock", (int)getpid()) >= room)
        return -ENAMETOOLONG;
    return listener_open(p->socket, &p->listener);
}

static int open_socket(struct places *p, const struct daemon_request *req)
{
    int r = paths_socket(req->socket, req->config->daemon.socket, p->socket, sizeof p->socket);
    if (r == 0)
        r = listener_open(p->socket, &p->listener);
    if (r != -EADDRINUSE || !req->one_shot || socket_chosen(req))
        return r;
    r = own_socket(p);
    if (r == 0)
        log_info("the default socket belongs to another taskd: listening at %s", p->socket);
    return r;
}

/* --- the journal -----------------------------------------------------------------------------------------------------
 */

static bool state_dir_chosen(const struct daemon_request *req)
{
    const char *env = getenv("TASKD_STATE_DIR");
    return req->state_dir || (env && *env) || req->config->daemon.state_dir;
}

static int open_journal(struct places *p, const struct daemon_request *req)
{
    int r = paths_state_dir(req->state_dir, req->config->daemon.state_dir, p->state_dir, sizeof p->state_dir);
    return r < 0 ? r : journal_open(p->state_dir, &p->journal);
}

/* --- both ------------------------------------------------------------------------------------------------------------
 */

/* The socket would stay behind as one that nobody answers at. */
static _Noreturn void give_up(struct places *p, int socket, int state_dir)
{
    listener_free(p->listener);
    journal_free(p->journal);
    if (socket < 0)
        log_error("cannot listen at %s: %s: give another path with --socket", p->socket, why(socket));
    if (state_dir < 0)
        log_error("cannot open the state directory %s: %s: give another with --state-dir", p->state_dir,
                  why(state_dir));
    exit(125);
}

static void tell_missing(const struct places *p, int socket, int state_dir)
{
    if (socket < 0 && state_dir < 0)
        log_warn("running without a control socket (%s: %s) and without records (%s: %s)", p->socket, why(socket),
                 p->state_dir, why(state_dir));
    else if (socket < 0)
        log_warn("running without a control socket (%s: %s)", p->socket, why(socket));
    else if (state_dir < 0)
        log_warn("running without records (%s: %s)", p->state_dir, why(state_dir));
}

void places_open(struct places *p, const struct daemon_request *req)
{
    int socket = open_socket(p, req), state_dir = open_journal(p, req);
    bool must_listen = !req->one_shot || socket_chosen(req);
    bool must_record = !req->one_shot || state_dir_chosen(req);
    if ((socket < 0 && must_listen) || (state_dir < 0 && must_record))
        give_up(p, socket, state_dir);
    tell_missing(p, socket, state_dir);
    if (!p->journal)
        p->journal = journal_open_memory();
    if (!p->journal)
        fatal("no memory");
}
