#include "taskd/view.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/errout.h"
#include "taskd/log.h"
#include "taskd/supervisor.h"
#include "taskd/sys.h"
#include "taskd/task.h"
#include "taskd/term.h"

enum { REDRAW_MS = 100, AGE_MS = 1000, REMIND_MS = 5000, LINES_MAX = 10, NAMES_MAX = 5, TEXT = 512 };

struct view {
    const struct supervisor *sup;
    bool live, stopping;
    struct term_block block;
    struct event *timer;
};

/* snprintf that goes on where the last one stopped. */
__attribute__((format(printf, 4, 5))) static void add(char *out, size_t size, size_t *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out + *at, size - *at, fmt, ap);
    va_end(ap);
    if (n > 0)
        *at = *at + (size_t)n < size ? *at + (size_t)n : size - 1;
}

static void add_unit(char *out, size_t size, size_t *at, const struct unit *u, int64_t now)
{
    char shown[200], age[48];
    add(out, size, at, "%s", text_printable(u->id, strlen(u->id), shown, sizeof shown));
    if (u->done >= 0 && u->total > 0)
        add(out, size, at, ", %" PRId64 " %%", u->done * 100 / u->total);
    add(out, size, at, ", %s", duration_brief(now - u->began_ms, age, sizeof age));
    if (u->msg)
        add(out, size, at, ", %s", text_printable(u->msg, strlen(u->msg), shown, sizeof shown));
}

static void add_stop(char *out, size_t size, size_t *at, const struct task *t, int64_t now)
{
    char left[48];
    const struct life *l = task_life(t);
    if (task_state(t) == TASK_KILLING)
        add(out, size, at, "; being killed");
    else if (l->deadline_ms == DURATION_INFINITY)
        add(out, size, at, "; no deadline");
    else if (l->stop_pending)
        add(out, size, at, "; killed in %s",
            duration_brief(l->deadline_ms > now ? l->deadline_ms - now : 0, left, sizeof left));
    /* In a unit it is not expected to look. */
    if (l->spoken && l->stop_pending && !l->acked && !units_oldest(&l->units))
        add(out, size, at, "; has not answered yet");
}

void view_describe(const struct task *t, char *out, size_t out_size)
{
    const struct life *l = task_life(t);
    const struct unit *u = l->pid > 0 ? units_oldest(&l->units) : NULL;
    int64_t now = sys->now_ms();
    size_t at = 0;
    add(out, out_size, &at, "%s: ", task_id(t));
    if (u)
        add_unit(out, out_size, &at, u, now);
    else
        add(out, out_size, &at, "%s", task_state_name(task_state(t)));
    if (fsm_ending(task_state(t)))
        add_stop(out, out_size, &at, t, now);
}

static void describe_running(const struct task *t, char *out, size_t out_size)
{
    const struct life *l = task_life(t);
    char shown[200];
    view_describe(t, out, out_size);
    size_t at = strlen(out);
    if (l->units.done + l->units.failed > 0)
        add(out, out_size, &at, "  (%" PRIu64 " done, %.1f/s)", l->units.done, units_per_s(&l->units, sys->now_ms()));
    if (l->text)
        add(out, out_size, &at, "  %s", text_printable(l->text, strlen(l->text), shown, sizeof shown));
}

static size_t count_alive(const struct view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < supervisor_task_count(v->sup); i++)
        n += fsm_alive(task_state(supervisor_task(v->sup, i)));
    return n;
}

/* Something on the screen grows older: a unit in flight, a deadline. */
static bool ages(const struct view *v)
{
    for (size_t i = 0; i < supervisor_task_count(v->sup); i++) {
        const struct task *t = supervisor_task(v->sup, i);
        if (fsm_ending(task_state(t)) || (task_life(t)->pid > 0 && units_oldest(&task_life(t)->units)))
            return true;
    }
    return false;
}

static void draw(struct view *v)
{
    char line[TEXT];
    if (!errout_ready())
        return;
    size_t shown = 0, alive = count_alive(v);
    term_block_begin(&v->block);
    if (v->stopping && alive > 0) {
        snprintf(line, sizeof line, "stopping: %zu still at work; ^C again aborts", alive);
        term_block_line(&v->block, line);
    }
    for (size_t i = 0; i < supervisor_task_count(v->sup) && shown < LINES_MAX; i++) {
        const struct task *t = supervisor_task(v->sup, i);
        if (!fsm_alive(task_state(t)))
            continue;
        describe_running(t, line, sizeof line);
        term_block_line(&v->block, line);
        shown++;
    }
    if (alive > shown) {
        snprintf(line, sizeof line, "… and %zu more: see `taskd status`", alive - shown);
        term_block_line(&v->block, line);
    }
    fflush(v->block.out);
}

static void arm(struct view *v, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(v->timer, &tv);
}

static void say_waiting(struct view *v)
{
    char line[TEXT];
    size_t at = 0, shown = 0, alive = count_alive(v);
    if (alive == 0)
        return;
    line[0] = '\0';
    for (size_t i = 0; i < supervisor_task_count(v->sup) && shown < NAMES_MAX; i++) {
        const struct task *t = supervisor_task(v->sup, i);
        char one[TEXT];
        if (!fsm_alive(task_state(t)))
            continue;
        view_describe(t, one, sizeof one);
        add(line, sizeof line, &at, "%s%s", shown++ ? " · " : "", one);
    }
    log_info("waiting for %zu: %s%s", alive, line, alive > shown ? " …" : "");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct view *v = arg;
    if (v->live) {
        draw(v);
        if (ages(v))
            arm(v, AGE_MS);
    } else if (v->stopping) {
        say_waiting(v);
        arm(v, REMIND_MS);
    }
}

/* Log lines and output go above the live lines. */
static void print_above(struct view *v, const char *line)
{
    if (v->live)
        term_block_clear(&v->block);
    fprintf(v->block.out, "%s\n", line);
    if (v->live)
        draw(v);
    fflush(v->block.out);
}

static void on_log(void *arg, const char *line)
{
    print_above(arg, line);
}

struct view *view_new(struct event_base *base, const struct supervisor *sup, bool live)
{
    struct view *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    *v = (struct view){.sup = sup, .live = live, .block = {.out = errout_stream()}};
    v->timer = evtimer_new(base, on_timer, v);
    if (!v->timer) {
        free(v);
        return NULL;
    }
    if (live)
        log_set_sink(on_log, v);
    return v;
}

void view_free(struct view *v)
{
    if (!v)
        return;
    if (v->live) {
        term_block_clear(&v->block);
        log_set_sink(NULL, NULL);
    }
    event_free(v->timer);
    free(v);
}

void view_change(struct view *v)
{
    struct timeval left, now;
    if (!v->live)
        return;
    /* Drawn soon, together with what else changes until then. */
    if (event_pending(v->timer, EV_TIMEOUT, &left)) {
        event_base_gettimeofday_cached(event_get_base(v->timer), &now);
        timersub(&left, &now, &left);
        if (left.tv_sec == 0 && left.tv_usec <= REDRAW_MS * 1000)
            return;
    }
    arm(v, REDRAW_MS);
}

void view_output(struct view *v, const struct task *t, const char *line, size_t len)
{
    char *shown = malloc(4 * len + 1);
    if (!shown)
        return;
    if (v->live)
        term_block_clear(&v->block);
    fprintf(v->block.out, "%s │ %s\n", task_id(t), text_printable(line, len, shown, 4 * len + 1));
    free(shown);
    fflush(v->block.out);
    if (v->live)
        view_change(v);
}

void view_stopping(struct view *v, const char *why)
{
    v->stopping = true;
    size_t alive = count_alive(v);
    if (alive)
        log_info("%s: asking %zu worker%s to finish the current unit and leave", why, alive, alive == 1 ? "" : "s");
    if (!v->live)
        say_waiting(v);
    arm(v, v->live ? REDRAW_MS : REMIND_MS);
}

static void name_losses(const json_t *lost)
{
    size_t i;
    json_t *one;
    json_array_foreach (lost, i, one) {
        char unit[300];
        const char *id = json_string_value(json_object_get(one, "unit"));
        log_warn("cut in the middle: %s (%s)", text_printable(id, strlen(id), unit, sizeof unit),
                 json_string_value(json_object_get(one, "handle")));
    }
}

void view_end(struct view *v)
{
    struct supervisor_totals totals;
    if (v->live) {
        term_block_clear(&v->block);
        v->live = false;
        log_set_sink(NULL, NULL);
    }
    supervisor_totals(v->sup, &totals);
    size_t lost = json_array_size(totals.lost);
    name_losses(totals.lost);
    const char *plural = totals.units_done == 1 ? "" : "s";
    if (totals.spoken && lost == 0)
        log_info("%" PRIu64 " unit%s done, %" PRIu64 " failed, nothing lost", totals.units_done, plural,
                 totals.units_failed);
    else if (totals.spoken)
        log_warn("%" PRIu64 " unit%s done, %" PRIu64 " failed, %zu lost", totals.units_done, plural,
                 totals.units_failed, lost);
    else if (totals.killed)
        log_warn("%" PRIu64 " had to be killed; their units are not known to taskd", totals.killed);
    json_decref(totals.lost);
}
