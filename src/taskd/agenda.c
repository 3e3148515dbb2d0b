#include "taskd/agenda.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/fd.h"
#include "taskd/log.h"

enum { EVERY, CRON, KINDS };

struct entry {
    struct entry *next; /* of the same timer */
    void *who;
    bool due;        /* its time had come when the timer was read last */
    int64_t next_ms; /* AGENDA_NEVER: could not be told */

    int64_t period_ms;

    struct cron cron;
    char *timezone;
    int64_t past_ms; /* every time up to this one has been run, or is not to be run */
};

struct timer {
    struct agenda *agenda;
    int kind, fd;
    struct event *readable;
    struct entry *entries; /* in the order in which they were set */
};

struct agenda {
    struct timer timers[KINDS];
    struct entry *upcoming; /* the entry to be looked at after the one whose on_due is being called */
    agenda_cb *on_due;
    void *arg;
};

/* --- the kernel's clocks --- */

static int64_t kernel_now_ms(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int kernel_open(clockid_t clock)
{
    int fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int kernel_arm(int fd, int64_t at_ms)
{
    bool never = at_ms == AGENDA_NEVER;
    struct itimerspec when = {0};
    if (!never)
        when.it_value = (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    /* CLOCK_BOOTTIME is never set, and does not mind the flag. */
    int flags = never ? 0 : TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    return timerfd_settime(fd, flags, &when, NULL) < 0 ? -errno : 0;
}

const struct agenda_clock_ops agenda_kernel = {.now_ms = kernel_now_ms, .open = kernel_open, .arm = kernel_arm};
const struct agenda_clock_ops *agenda_clocks = &agenda_kernel;

/* --- entries: has its time come? --- */

static bool every_came(struct entry *e, int64_t now_ms)
{
    if (now_ms < e->next_ms)
        return false;
    e->next_ms += ((now_ms - e->next_ms) / e->period_ms + 1) * e->period_ms;
    return true;
}

static int cron_plan(struct entry *e)
{
    time_t next;
    int r = cron_next(&e->cron, e->timezone, e->past_ms / 1000, &next);
    e->next_ms = r < 0 ? AGENDA_NEVER : next * 1000;
    return r;
}

static void cron_plan_after(struct entry *e, int64_t past_ms)
{
    e->past_ms = past_ms;
    int r = cron_plan(e);
    if (r < 0)
        log_error("agenda: next time in zone %s: %s, asked for again in %d s", e->timezone ? e->timezone : "of taskd",
                  strerror(-r), AGENDA_RETRY_MS / 1000);
}

static bool cron_came(struct entry *e, int64_t now_ms)
{
    int64_t repeat_ms = e->cron.periodic ? AGENDA_REPEAT_PERIODIC_MS : AGENDA_REPEAT_FIXED_MS;
    if (e->past_ms - now_ms > repeat_ms)
        cron_plan_after(e, now_ms);
    else if (e->next_ms == AGENDA_NEVER)
        cron_plan_after(e, e->past_ms);
    if (now_ms < e->next_ms)
        return false;
    cron_plan_after(e, now_ms);
    return true;
}

static const struct {
    clockid_t clock;
    bool (*came)(struct entry *, int64_t now_ms);
} kinds[KINDS] = {[EVERY] = {CLOCK_BOOTTIME, every_came}, [CRON] = {CLOCK_REALTIME, cron_came}};

static void entry_free(struct entry *e)
{
    free(e->timezone);
    free(e);
}

/* --- timers --- */

static struct entry *timer_find(const struct timer *t, const void *who)
{
    struct entry *e = t->entries;
    while (e && e->who != who)
        e = e->next;
    return e;
}

static void timer_append(struct timer *t, struct entry *e)
{
    struct entry **at = &t->entries;
    while (*at)
        at = &(*at)->next;
    *at = e;
}

static void timer_take_out(struct timer *t, const struct entry *e)
{
    struct entry **at = &t->entries;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
}

static int64_t now_ms(const struct timer *t)
{
    return agenda_clocks->now_ms(kinds[t->kind].clock);
}

static int64_t first_ms(struct timer *t)
{
    int64_t first = AGENDA_NEVER;
    for (struct entry *e = t->entries; e; e = e->next) {
        int64_t at = e->next_ms == AGENDA_NEVER ? now_ms(t) + AGENDA_RETRY_MS : e->next_ms;
        if (at < first)
            first = at;
    }
    return first;
}

static void timer_arm(struct timer *t)
{
    int r = agenda_clocks->arm(t->fd, first_ms(t));
    /* The kernel tells of a clock that was set only once, and here it just did. */
    if (r == -ECANCELED)
        event_active(t->readable, EV_READ, 0);
    else if (r < 0)
        log_error("agenda: timer: %s", strerror(-r));
}

static void call_due(struct timer *t)
{
    struct agenda *a = t->agenda;
    for (struct entry *e = t->entries; e; e = a->upcoming) {
        a->upcoming = e->next;
        if (e->due)
            a->on_due(a->arg, e->who);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct timer *t = arg;
    uint64_t times;
    /* Read only so that the kernel does not tell of the same setting of the clock again: what is due, the entries know.
     */
    (void)!read(fd, &times, sizeof times);
    int64_t now = now_ms(t);
    for (struct entry *e = t->entries; e; e = e->next)
        e->due = kinds[t->kind].came(e, now);
    timer_arm(t);
    call_due(t);
}

static int timer_init(struct timer *t, struct event_base *base)
{
    t->fd = agenda_clocks->open(kinds[t->kind].clock);
    if (t->fd < 0)
        return t->fd;
    t->readable = event_new(base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
    return t->readable && event_add(t->readable, NULL) == 0 ? 0 : -ENOMEM;
}

static void timer_clear(struct timer *t)
{
    struct entry *e;
    while ((e = t->entries)) {
        t->entries = e->next;
        entry_free(e);
    }
    if (t->readable)
        event_free(t->readable);
    fd_close(&t->fd);
}

/* --- the agenda --- */

int agenda_new(struct event_base *base, agenda_cb *on_due, void *arg, struct agenda **ret)
{
    struct agenda *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->on_due = on_due;
    a->arg = arg;
    for (int kind = 0; kind < KINDS; kind++)
        a->timers[kind] = (struct timer){.agenda = a, .kind = kind, .fd = -1};
    int r = 0;
    for (int kind = 0; r == 0 && kind < KINDS; kind++)
        r = timer_init(&a->timers[kind], base);
    if (r < 0)
        agenda_free(a);
    else
        *ret = a;
    return r;
}

void agenda_free(struct agenda *a)
{
    for (int kind = 0; a && kind < KINDS; kind++)
        timer_clear(&a->timers[kind]);
    free(a);
}

void agenda_remove(struct agenda *a, void *who)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct timer *t = &a->timers[kind];
        struct entry *e = timer_find(t, who);
        if (!e)
            continue;
        if (a->upcoming == e)
            a->upcoming = e->next;
        timer_take_out(t, e);
        entry_free(e);
        timer_arm(t);
    }
}

static void replace(struct agenda *a, int kind, struct entry *e)
{
    agenda_remove(a, e->who);
    timer_append(&a->timers[kind], e);
    timer_arm(&a->timers[kind]);
}

int agenda_set_every(struct agenda *a, void *who, int64_t period_ms)
{
    if (period_ms < 1 || period_ms > AGENDA_PERIOD_MAX_MS)
        return -EINVAL;
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->who = who;
    e->period_ms = period_ms;
    e->next_ms = now_ms(&a->timers[EVERY]) + period_ms;
    replace(a, EVERY, e);
    return 0;
}

int agenda_set_cron(struct agenda *a, void *who, const struct cron *cron, const char *zone)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->who = who;
    e->cron = *cron;
    e->past_ms = now_ms(&a->timers[CRON]);
    int r = zone && !(e->timezone = strdup(zone)) ? -ENOMEM : cron_plan(e);
    if (r < 0)
        entry_free(e);
    else
        replace(a, CRON, e);
    return r;
}

int64_t agenda_next_unix_ms(const struct agenda *a, const void *who)
{
    const struct entry *e = timer_find(&a->timers[CRON], who);
    if (e)
        return e->next_ms == AGENDA_NEVER ? -1 : e->next_ms;
    if (!(e = timer_find(&a->timers[EVERY], who)))
        return -1;
    return e->next_ms - now_ms(&a->timers[EVERY]) + agenda_clocks->now_ms(CLOCK_REALTIME);
}
