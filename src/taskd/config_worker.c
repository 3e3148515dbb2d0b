#include "taskd/config_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoconf.h"
#include "common/jsonline.h"
#include "common/proto.h"
#include "common/quantity.h"
#include "taskd/config_account.h"
#include "taskd/config_keys.h"
#include "taskd/config_list.h"
#include "taskd/cron.h"

#ifdef HAVE_ZLIB
enum { CONFIG_GZIP = true };
#else
enum { CONFIG_GZIP = false };
#endif

enum { ANNOUNCED_START_MS = 90 * 1000 };
enum { WHY = 512, ENVELOPE = 1024 /* what a message holds beside the input */ };

int worker_init(struct worker_config *w)
{
    int r = config_keys_init(SCOPE_WORKER, w, sizeof *w);

    w->umask = -1;
    return r;
}

void worker_clear(struct worker_config *w)
{
    config_keys_clear(SCOPE_WORKER, w);
    free(w->name);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void worker_derive(struct worker_config *w, const struct worker_config *defaults)
{
    if (!(w->given & GIVEN_MAX_STOP_TIMEOUT))
        w->max_stop_timeout = larger(defaults->max_stop_timeout, w->stop_timeout);
    if (!(w->given & GIVEN_BACKOFF_MAX))
        w->backoff_max = larger(defaults->backoff_max, w->backoff_initial);
    if ((w->given & GIVEN_LOG_FILE) && !(w->given & GIVEN_LOG_TO))
        w->log_to = LOG_TO_FILE;
    if (!(w->given & GIVEN_START_TIMEOUT) && worker_announces(w))
        w->start_timeout = ANNOUNCED_START_MS;
}

static bool stop_cap_too_short(const struct worker_config *w, char *why, size_t size)
{
    char cap[48], stop[48];

    snprintf(why, size, "%s is shorter than stop_timeout, which is %s",
             duration_format(w->max_stop_timeout, cap, sizeof cap),
             duration_format(w->stop_timeout, stop, sizeof stop));
    return w->max_stop_timeout < w->stop_timeout;
}

static bool backoff_cap_too_short(const struct worker_config *w, char *why, size_t size)
{
    char cap[48], initial[48];

    snprintf(why, size, "%s is shorter than backoff.initial, which is %s",
             duration_format(w->backoff_max, cap, sizeof cap),
             duration_format(w->backoff_initial, initial, sizeof initial));
    return w->backoff_max < w->backoff_initial;
}

static bool log_file_missing(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "\"file\" needs log.file to name one");
    return w->log_to == LOG_TO_FILE && !w->log_file;
}

static bool gzip_missing(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "\"gzip\" is not to be had: this taskd was built without zlib");
    return w->log_compress == LOG_COMPRESS_GZIP && !CONFIG_GZIP;
}

static bool cwd_wrong(const struct worker_config *w, char *why, size_t size)
{
    struct stat st;

    if (!w->cwd)
        return false;
    if (stat(w->cwd, &st) < 0) {
        snprintf(why, size, "\"%s\": %s", w->cwd, strerror(errno));
        return true;
    }
    snprintf(why, size, "\"%s\" is not a directory", w->cwd);
    return !S_ISDIR(st.st_mode);
}

static bool user_wrong(const struct worker_config *w, char *why, size_t size)
{
    uid_t uid;

    if (!w->user)
        return false;
    if (!account_user(w->user, &uid)) {
        snprintf(why, size, "there is no user \"%s\"", w->user);
        return true;
    }
    snprintf(why, size, "only a taskd that runs as root can run workers as another user");
    return geteuid() != 0;
}

static bool group_wrong(const struct worker_config *w, char *why, size_t size)
{
    gid_t gid;

    if (!w->group)
        return false;
    if (!account_group(w->group, &gid)) {
        snprintf(why, size, "there is no group \"%s\"", w->group);
        return true;
    }
    snprintf(why, size, "only a taskd that runs as root can run workers as another group");
    return geteuid() != 0;
}

static bool input_too_large(const struct worker_config *w, char *why, size_t size)
{
    size_t bytes = w->input ? json_dumpb(w->input, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) : 0;

    snprintf(why, size, "its %zu bytes do not fit in one message: max_message is %lld", bytes,
             (long long)w->max_message);
    return bytes + ENVELOPE > (size_t)w->max_message;
}

static bool input_too_deep(const struct worker_config *w, char *why, size_t size)
{
    char *text = w->input ? json_dumps(w->input, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    /* One level is the message's own. */
    bool deep = text && !jsonline_depth_ok(text, strlen(text), JSONLINE_DEPTH - 1);

    free(text);
    snprintf(why, size, "it is nested more than %d deep, which no message may be", JSONLINE_DEPTH - 1);
    return deep;
}

static bool input_without_channel(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "cannot be handed over: channel is \"%s\"", channel_kind_name(w->channel));
    return w->input && !worker_talks(w);
}

static bool dialect_alone(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "means nothing without \"channel\": \"node-ipc\"");
    return (w->given & GIVEN_DIALECT) && w->channel != CHANNEL_NODE_IPC;
}

static bool ready_fd_alone(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "means nothing without \"ready\": \"fd\"");
    return (w->given & GIVEN_READY_FD) && w->ready != READY_FD;
}

static bool ready_fd_taken(const struct worker_config *w, char *why, size_t size)
{
    int64_t channel = PROTO_FD + (int64_t)list_count(w->sockets), next = channel + worker_talks(w);

    snprintf(why, size, "%lld is the %s", (long long)w->ready_fd,
             w->ready_fd == channel ? "channel's" : "descriptor of a socket");
    return w->ready == READY_FD && w->ready_fd < next;
}

static bool schedule_wrong(const struct worker_config *w, char *why, size_t size)
{
    struct cron cron;

    return w->schedule && cron_parse(w->schedule, &cron, why, size) < 0;
}

static bool timezone_wrong(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "the time zone database has no \"%s\"", w->timezone ? w->timezone : "");
    return w->timezone && !cron_zone_ok(w->timezone);
}

static bool two_timetables(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "there is \"every\" as well: it is one or the other");
    return w->schedule && w->every > 0;
}

static bool endless_run(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "\"always\" leaves no time between the runs of \"every\" or \"schedule\"");
    return w->restart == RESTART_ALWAYS && (w->schedule || w->every > 0);
}

static bool strategy_alone(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "means something only within a group: name it with \"part_of\"");
    return w->strategy != STRATEGY_ONE_FOR_ONE && !w->part_of;
}

static bool timezone_alone(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "means nothing without \"schedule\"");
    return (w->given & GIVEN_TIMEZONE) && !w->schedule;
}

static bool overlap_alone(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "means nothing without \"every\" or \"schedule\"");
    return (w->given & GIVEN_OVERLAP) && !w->schedule && !w->every;
}

static bool watchdog_without_channel(const struct worker_config *w, char *why, size_t size)
{
    snprintf(why, size, "needs a channel to hear signs of life on: channel is \"none\"");
    return w->watchdog_timeout != DURATION_INFINITY && w->channel == CHANNEL_NONE;
}

static const struct check {
    const char *key;
    bool alone;
    bool (*wrong)(const struct worker_config *, char *why, size_t size);
} checks[] = {
    {"max_stop_timeout", false, stop_cap_too_short},
    {"backoff.max", false, backoff_cap_too_short},
    {"log.to", false, log_file_missing},
    {"log.compress", false, gzip_missing},
    {"cwd", true, cwd_wrong},
    {"user", true, user_wrong},
    {"group", true, group_wrong},
    {"schedule", true, schedule_wrong},
    {"timezone", true, timezone_wrong},
    {"schedule", false, two_timetables},
    {"restart", false, endless_run},
    {"timezone", false, timezone_alone},
    {"overlap", false, overlap_alone},
    {"watchdog_timeout", false, watchdog_without_channel},
    {"strategy", false, strategy_alone},
    {"input", false, input_too_large},
    {"input", false, input_too_deep},
    {"input", false, input_without_channel},
    {"dialect", false, dialect_alone},
    {"ready_fd", false, ready_fd_alone},
    {"ready_fd", false, ready_fd_taken},
};

void worker_check(const struct worker_config *w, worker_report *report, void *arg)
{
    char why[WHY];

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].wrong(w, why, sizeof why))
            report(arg, checks[i].key, checks[i].alone, why);
}
