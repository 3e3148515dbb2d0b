/* The table of keys: the only place that knows what a configuration may say. See config_keys.h. */
#include "taskd/config_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/proto.h"
#include "common/quantity.h"
#include "taskd/config.h"
#include "taskd/config_value.h"

#define DAEMON(field) .scope = SCOPE_DAEMON, .offset = offsetof(struct daemon_config, field)
#define SOCKET(field) .scope = SCOPE_SOCKET, .offset = offsetof(struct socket_config, field)
#define WORKER(field) .scope = SCOPE_WORKER, .offset = offsetof(struct worker_config, field)
#define GROUP         .scope = SCOPE_WORKER, .type = &type_group

enum { SOCKET_PATH_MAX = 107, FILE_PATH_MAX = 4095, DAY_MS = 24 * 3600 * 1000, READY_FD_MAX = 255 };

static const char *const channels[] = {[CHANNEL_JSON] = "json",
                                       [CHANNEL_NODE_IPC] = "node-ipc",
                                       [CHANNEL_SD_NOTIFY] = "sd_notify",
                                       [CHANNEL_NONE] = "none",
                                       NULL};
static const char *const dialects[] = {[DIALECT_TASKD] = "taskd", [DIALECT_PM2] = "pm2", NULL};
static const char *const ready_kinds[] = {[READY_MESSAGE] = "message", [READY_FD] = "fd", NULL};
static const char *const restarts[] = {
    [RESTART_NO] = "no", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always", NULL};
static const char *const strategies[] = {[STRATEGY_ONE_FOR_ONE] = "one_for_one",
                                         [STRATEGY_ONE_FOR_ALL] = "one_for_all",
                                         [STRATEGY_REST_FOR_ONE] = "rest_for_one",
                                         NULL};
static const char *const overlaps[] = {
    [OVERLAP_SKIP] = "skip", [OVERLAP_QUEUE] = "queue", [OVERLAP_REPLACE] = "replace", NULL};
static const char *const on_faileds[] = {
    [ON_FAILED_IGNORE] = "ignore", [ON_FAILED_STOP] = "stop", [ON_FAILED_EXIT] = "exit", NULL};
static const char *const socket_types[] = {[SOCKET_STREAM] = "stream", [SOCKET_DGRAM] = "dgram", NULL};
static const char *const cgroup_uses[] = {[CGROUP_AUTO] = "auto", [CGROUP_ON] = "on", [CGROUP_OFF] = "off", NULL};
static const char *const protocol_errors[] = {[PROTOCOL_ERROR_IGNORE] = "ignore", [PROTOCOL_ERROR_STOP] = "stop", NULL};
static const char *const log_targets[] = {
    [LOG_TO_INHERIT] = "inherit", [LOG_TO_FILE] = "file", [LOG_TO_JOURNAL] = "journal", [LOG_TO_NULL] = "null", NULL};
static const char *const log_formats[] = {
    [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", [LOG_FORMAT_RAW] = "raw", NULL};
static const char *const log_compressions[] = {[LOG_COMPRESS_NO] = "no", [LOG_COMPRESS_GZIP] = "gzip", NULL};

/* clang-format off: a row reads best as one block of short lines. */
const struct key config_keys[] = {
    {DAEMON(socket), .topic = "The daemon", .name = "socket", .type = &type_string, .max = SOCKET_PATH_MAX,
     .otherwise = "/run/taskd/taskd.sock for root, $XDG_RUNTIME_DIR/taskd/taskd.sock for others",
     .help = "Path of the control socket. The option --socket and TASKD_SOCKET come first."},
    {DAEMON(state_dir), .name = "state_dir", .type = &type_string, .max = FILE_PATH_MAX,
     .otherwise = "$STATE_DIRECTORY, else /var/lib/taskd for root, $XDG_STATE_HOME/taskd for others",
     .help =
         "Directory where the records of ended lives are kept. The option --state-dir and TASKD_STATE_DIR come first."},
    {DAEMON(on_failed), .name = "on_failed", .type = &type_choice, .names = on_faileds, .def = "ignore", .live = true,
     .help = "What happens when a task has failed for good. \"ignore\": the others go on. \"stop\": all of them are "
             "stopped, after their units, and taskd stays. \"exit\": the same, and taskd ends with status 1."},
    {DAEMON(cgroup), .name = "cgroup", .type = &type_choice, .names = cgroup_uses, .def = "auto",
     .help = "Whether each task gets a control group (version 2) of its own. \"auto\": where systemd has delegated one "
             "(Delegate=yes). \"on\": in the group that taskd runs in; it does not start where that is impossible. "
             "\"off\": "
             "no."},

    {SOCKET(listen), .topic = "Sockets", .name = "listen", .type = &type_addresses, .required = true,
     .help = "Where to listen: an address, or a list of them. \"127.0.0.1:8080\" and \"[::1]:8080\" are addresses of "
             "this machine, \":8080\" is the port on all of them, \"/run/web.sock\" or \"unix:web.sock\" the path of a "
             "UNIX socket. Names are not looked up."},
    {SOCKET(type), .name = "type", .type = &type_choice, .names = socket_types, .def = "stream",
     .help = "\"stream\": connections are accepted. \"dgram\": datagrams, UDP where the address is no path."},
    {SOCKET(backlog), .name = "backlog", .live = true, .type = &type_integer, .min = 1, .max = 65535, .def = "4096",
     .given = GIVEN_BACKLOG,
     .help = "How many connections may wait to be accepted, as while a worker is replaced. "
             "The kernel holds it to net.core.somaxconn."},
    {SOCKET(mode), .name = "mode", .live = true, .type = &type_mode, .def = "0660", .given = GIVEN_MODE,
     .help = "File mode of a UNIX socket in octal digits: who may write to it may connect."},
    {SOCKET(user), .name = "user", .live = true, .type = &type_account, .max = 255, .otherwise = "that of taskd",
     .help = "Owner of the file of a UNIX socket. Needs taskd to run as root."},
    {SOCKET(group), .name = "group", .live = true, .type = &type_account, .max = 255, .otherwise = "that of taskd",
     .help = "Group of the file of a UNIX socket. Needs taskd to run as root, or to be in that group."},

    {WORKER(command), .topic = "The program", .name = "command", .type = &type_command, .own = true, .required = true,
     .help = "Program and arguments. No shell is involved. A program without a slash is looked for in PATH."},
    {WORKER(replicas), .name = "replicas", .live = true, .type = &type_integer, .min = 1, .max = 10000, .def = "1",
     .help = "How many tasks run this command."},
    {WORKER(channel), .name = "channel", .type = &type_choice, .names = channels, .def = "json",
     .help = "How taskd and the worker talk. \"json\": lines of JSON on the descriptor that TASKD_FD names; "
             "a program that knows nothing of it runs as well. \"node-ipc\": the same lines, where a Node program has "
             "process.send() and process.on('message'). \"sd_notify\": what the worker sends to NOTIFY_SOCKET, as "
             "below systemd; it is stopped by stop_signal. \"none\": signals only."},
    {WORKER(dialect), .name = "dialect", .type = &type_choice, .names = dialects, .def = "taskd",
     .given = GIVEN_DIALECT,
     .help = "What is said on the channel \"node-ipc\". \"taskd\": the messages of taskd. \"pm2\": those of PM2: the "
             "string ready, and shutdown as the stop; a worker that was written for SIGINT needs stop_signal, too."},
    {WORKER(sockets), .name = "sockets", .type = &type_names, .own = true, .otherwise = "none",
     .help = "Names of the sockets that each life gets, as descriptors 3 and up in this order, with LISTEN_FDS, "
             "LISTEN_PID and LISTEN_FDNAMES set as sd_listen_fds(3) reads them."},
    {WORKER(cwd), .name = "cwd", .type = &type_string, .max = FILE_PATH_MAX, .otherwise = "that of taskd",
     .help = "Working directory."},
    {WORKER(input), .name = "input", .type = &type_json, .otherwise = "none",
     .help = "Any JSON, handed to the worker in the first message of its channel."},

    {WORKER(env), .topic = "Environment and rights", .name = "env", .type = &type_env, .otherwise = "nothing is added",
     .help = "Variables to set. They win over env_file and over what is inherited; "
             "those of defaults are added unless the worker sets them, too."},
    {WORKER(env_file), .name = "env_file", .live = true, .type = &type_env_file, .max = FILE_PATH_MAX,
     .otherwise = "none",
     .help = "File of lines NAME=VALUE, read when the configuration is read. "
             "Empty lines and lines that begin with # or ; are skipped. A value may stand in quotes."},
    {WORKER(env_inherit), .name = "env_inherit", .type = &type_env_inherit, .def = "true",
     .help = "What the worker has of the environment of taskd: all of it (true), nothing (false), or the variables of "
             "a list. "
             "The variables of a service manager are never handed on."},
    {WORKER(user), .name = "user", .type = &type_account, .max = 255, .otherwise = "that of taskd",
     .help = "User to run as. Needs taskd to run as root."},
    {WORKER(group), .name = "group", .type = &type_account, .max = 255, .otherwise = "that of the user",
     .help = "Group to run as. Needs taskd to run as root."},
    {WORKER(umask), .name = "umask", .type = &type_umask, .otherwise = "that of taskd",
     .help = "File mode creation mask in octal digits, as in \"022\"."},
    {WORKER(limits), .name = "limits", .type = &type_limits, .otherwise = "those of taskd",
     .help =
         "Resource limits, soft and hard alike, by name: as, core, cpu, data, fsize, memlock, msgqueue, nice, nofile, "
         "nproc, "
         "rss, rtprio, sigpending, stack. Each is a whole number, a size such as \"64M\" where bytes are counted, or "
         "\"infinity\"."},

    {WORKER(start_timeout), .topic = "Start and stop", .name = "start_timeout", .type = &type_duration, .min = 1,
     .max = DURATION_INFINITY, .def = "infinity", .given = GIVEN_START_TIMEOUT,
     .help = "Set it to say that this worker announces its readiness: "
             "it counts as started when it says ready, and is ended if it has not done so in this time. "
             "With the channel \"sd_notify\" and with ready \"fd\" it announces that anyhow, and has 90 seconds unless "
             "this is set."},
    {WORKER(ready), .name = "ready", .type = &type_choice, .names = ready_kinds, .def = "message",
     .help = "How a worker says that it is ready. \"message\": on its channel. \"fd\": by a line feed on the "
             "descriptor ready_fd, with any channel and with none; a message does as well."},
    {WORKER(ready_fd), .name = "ready_fd", .type = &type_integer, .min = 3, .max = READY_FD_MAX, .def = "4",
     .given = GIVEN_READY_FD,
     .help = "The descriptor for ready \"fd\": the end of a pipe that is written to. It is also in TASKD_READY_FD."},
    {WORKER(stop_timeout), .name = "stop_timeout", .type = &type_duration, .max = DURATION_INFINITY, .def = "30s",
     .help =
         "Grace: how long a worker that was asked to stop may take to finish its unit. A replacement (restart, reload, "
         "max_units and the like) interrupts no unit: there the grace begins when the unit is over."},
    {WORKER(max_stop_timeout), .name = "max_stop_timeout", .live = true, .type = &type_duration,
     .max = DURATION_INFINITY, .def = "5min", .given = GIVEN_MAX_STOP_TIMEOUT,
     .help = "How far the worker itself can extend its grace, from the moment it was asked to stop. "
             "At least stop_timeout: it follows a longer one when it is not set."},
    {WORKER(stop_signal), .name = "stop_signal", .type = &type_signal, .def = "TERM", .given = GIVEN_STOP_SIGNAL,
     .help = "Signal that asks to stop, for a worker that has no channel or has not spoken on it yet. "
             "When it is set, a worker that talks gets it together with the message."},
    {WORKER(term_timeout), .name = "term_timeout", .live = true, .type = &type_duration, .max = DURATION_INFINITY,
     .def = "0s",
     .help = "When the grace is over, send SIGTERM and wait this long before SIGKILL. \"0s\": SIGKILL at once."},
    {WORKER(pre_stop), .name = "pre_stop", .live = true, .type = &type_duration, .max = DAY_MS, .def = "0s",
     .help = "How long to wait before the worker is asked to stop, so that others can learn that it is going."},

    {WORKER(restart), .topic = "Restarts", .name = "restart", .live = true, .type = &type_choice, .names = restarts,
     .def = "on-failure",
     .help = "Whether a life that has ended is followed by another: \"no\", \"on-failure\" (not after success) or "
             "\"always\". A command that is run without a configuration file has \"no\" unless this is set."},
    {WORKER(success_exit), .name = "success_exit", .live = true, .type = &type_codes, .otherwise = "0 alone",
     .help = "Exit codes that count as success, besides 0."},
    {GROUP, .name = "backoff",
     .help = "Waiting between restarts. The delay grows with each life that fails soon. "
             "A life that finished a unit of work is followed by the next one at once."},
    {WORKER(backoff_initial), .name = "backoff.initial", .live = true, .type = &type_duration, .max = DAY_MS,
     .def = "200ms", .help = "Delay before the first restart."},
    {WORKER(backoff_max), .name = "backoff.max", .live = true, .type = &type_duration, .max = DAY_MS, .def = "30s",
     .given = GIVEN_BACKOFF_MAX,
     .help = "Longest delay. At least backoff.initial: it follows a longer one when it is not set."},
    {WORKER(backoff_factor), .name = "backoff.factor", .live = true, .type = &type_real, .min = 1, .max = 100,
     .def = "2", .help = "By how much the delay grows each time."},
    {WORKER(backoff_jitter), .name = "backoff.jitter", .live = true, .type = &type_real, .max = 1, .def = "0.1",
     .help = "Share of the delay by which it varies at random, either way, so that many do not restart at once."},
    {WORKER(backoff_reset_after), .name = "backoff.reset_after", .live = true, .type = &type_duration,
     .max = DURATION_INFINITY, .def = "10s",
     .help = "A life at least this long makes the next failure the first of a new series."},
    {GROUP, .name = "restart_limit",
     .help = "When to give up: a worker that restarts too often is left down, as failed."},
    {WORKER(restart_count), .name = "restart_limit.count", .live = true, .type = &type_integer, .min = 1,
     .max = 1000000, .def = "5", .help = "Restarts that are possible in one interval."},
    {WORKER(restart_interval), .name = "restart_limit.interval", .live = true, .type = &type_duration,
     .max = DURATION_INFINITY, .def = "1min", .help = "Length of the interval. \"0s\": no limit."},

    {WORKER(max_units), .topic = "Replacement and limits", .name = "max_units", .live = true, .type = &type_integer,
     .min = 1, .max = INT64_C(1000000000000), .otherwise = "no limit",
     .help = "A life that has ended so many units is replaced by a new one. Of a worker with several replicas only one "
             "is replaced at a time, here and below."},
    {WORKER(max_units_jitter), .name = "max_units_jitter", .live = true, .type = &type_real, .max = 1, .def = "0",
     .help = "Share of max_units by which it is less, at random, so that replicas do not end together."},
    {WORKER(max_rss), .name = "max_rss", .live = true, .type = &type_size, .min = 1, .max = INT64_MAX,
     .otherwise = "no limit",
     .help = "A life whose process holds more memory is replaced after its unit. "
             "It is looked at after units and every five seconds."},
    {WORKER(max_age), .name = "max_age", .live = true, .type = &type_duration, .min = 1, .max = DURATION_INFINITY,
     .def = "infinity", .help = "A life that is older is replaced after its unit."},
    {WORKER(max_runtime), .name = "max_runtime", .live = true, .type = &type_duration, .min = 1,
     .max = DURATION_INFINITY, .def = "infinity",
     .help = "A life may take this long in all; then it is stopped, and its restart policy says whether another "
             "follows."},
    {WORKER(watchdog_timeout), .name = "watchdog_timeout", .type = &type_duration, .min = 1, .max = DURATION_INFINITY,
     .def = "infinity",
     .help = "A worker that says nothing on its channel for this long is wedged: it gets SIGABRT, so that it leaves a "
             "core, then SIGKILL, and its restart policy follows. Any message is a sign of life, with the channel "
             "\"sd_notify\" only WATCHDOG=1."},

    {WORKER(memory_max), .name = "memory_max", .type = &type_size, .min = 1, .max = INT64_MAX, .otherwise = "no limit",
     .help = "What all processes of a task may hold in memory together; the kernel ends one of them above it. "
             "This key and the next two need a control group with that controller: see daemon.cgroup."},
    {WORKER(pids_max), .name = "pids_max", .type = &type_integer, .min = 1, .max = 1000000, .otherwise = "no limit",
     .help = "How many processes and threads a task may have."},
    {WORKER(cpu_weight), .name = "cpu_weight", .type = &type_integer, .min = 1, .max = 10000, .otherwise = "100",
     .help = "Its share of the processors where there are not enough of them."},

    {WORKER(after), .topic = "Order and groups", .name = "after", .live = true, .type = &type_names, .own = true,
     .otherwise = "nobody",
     .help = "Workers that are to be ready before this one starts; it is stopped before they are."},
    {WORKER(part_of), .name = "part_of", .live = true, .type = &type_name, .own = true, .otherwise = "no group",
     .help = "Name of a group of workers, which can be started, stopped, drained and restarted as one. "
             "The key \"group\" is another thing: the UNIX group."},
    {WORKER(strategy), .name = "strategy", .live = true, .type = &type_choice, .names = strategies,
     .def = "one_for_one", .own = true,
     .help = "What the death of a task of this worker means for its group: \"one_for_one\": nothing; "
             "\"one_for_all\": all begin anew, after their units; \"rest_for_one\": those that stand after it in the "
             "configuration do."},

    {WORKER(every), .topic = "Times", .name = "every", .live = true, .type = &type_duration, .min = 100,
     .max = (int64_t)1000 * DAY_MS, .otherwise = "the worker runs all the time",
     .help = "Runs on this period, for the first time at once. A run that was missed, as during a suspend, is made up "
             "for once."},
    {WORKER(schedule), .name = "schedule", .live = true, .type = &type_string, .max = 256,
     .otherwise = "the worker runs all the time",
     .help = "Runs at these times: minute, hour, day of the month, month and day of the week as in crontab(5), "
             "or @hourly, @daily, @weekly, @monthly, @yearly."},
    {WORKER(timezone), .name = "timezone", .live = true, .type = &type_string, .max = 128, .given = GIVEN_TIMEZONE,
     .otherwise = "that of taskd", .help = "Time zone of the schedule, as in \"Europe/Berlin\"."},
    {WORKER(overlap), .name = "overlap", .live = true, .type = &type_choice, .names = overlaps, .def = "skip",
     .given = GIVEN_OVERLAP,
     .help = "What happens when its time comes while it still runs: \"skip\" this run, \"queue\" it until the one "
             "before has ended, \"replace\" that one, after its unit."},

    {WORKER(unit_timeout), .topic = "Units and messages", .name = "unit_timeout", .type = &type_duration, .min = 1,
     .max = DURATION_INFINITY, .def = "infinity",
     .help = "How long one unit of work may take. A worker that needs longer is ended, and the unit named."},
    {WORKER(poison_limit), .name = "poison_limit", .live = true, .type = &type_integer, .min = 1, .max = 1000,
     .def = "3",
     .help = "A unit that was in flight at so many deaths of the worker is named in the log and in status, "
             "and handed to further lives as one to avoid. The counts last as long as taskd runs."},
    {WORKER(max_message), .name = "max_message", .type = &type_size, .min = PROTO_MAX_MESSAGE,
     .max = PROTO_MAX_MESSAGE_CAP, .def = "64K", .help = "Longest line on the channel, in bytes."},
    {WORKER(on_protocol_error), .name = "on_protocol_error", .type = &type_choice, .names = protocol_errors,
     .def = "ignore",
     .help = "What happens to a worker that keeps sending lines that are no messages: \"ignore\" counts them, "
             "\"stop\" asks the worker to stop."},

    {GROUP, .topic = "Output", .name = "log", .help = "Where standard output and standard error go."},
    {WORKER(log_to), .name = "log.to", .type = &type_choice, .names = log_targets, .def = "inherit",
     .given = GIVEN_LOG_TO,
     .help = "\"inherit\": where those of taskd go. \"file\": to log.file. \"journal\": to the journal of systemd, "
             "with the fields TASKD_TASK, TASKD_HANDLE and TASKD_UNIT. \"null\": nowhere. What is written to a file or "
             "the journal goes through taskd; should taskd be killed, the worker may go on to write 64 KiB, and is not "
             "cut."},
    {WORKER(log_file), .name = "log.file", .type = &type_string, .max = FILE_PATH_MAX, .given = GIVEN_LOG_FILE,
     .otherwise = "none",
     .help = "File to append to, made if it is missing. Setting it implies \"file\" for log.to. Several workers may "
             "share one. SIGUSR1 makes taskd open it anew."},
    {WORKER(log_format), .name = "log.format", .type = &type_choice, .names = log_formats, .def = "text",
     .help = "\"text\": each line behind its time, task and unit. \"json\": an object a line. \"raw\": what the worker "
             "writes, byte by byte, without being looked at, so that taskd logs cannot show it."},
    {WORKER(log_max_size), .name = "log.max_size", .live = true, .type = &type_size, .min = 4096, .max = SIZE_INFINITY,
     .def = "10M", .help = "When the file would grow beyond this it becomes FILE.1, FILE.1 becomes FILE.2, and so on."},
    {WORKER(log_keep), .name = "log.keep", .live = true, .type = &type_integer, .min = 0, .max = 1000, .def = "5",
     .help = "How many of these older files are kept."},
    {WORKER(log_compress), .name = "log.compress", .live = true, .type = &type_choice, .names = log_compressions,
     .def = "no", .help = "Whether older files are compressed: \"gzip\" makes FILE.1.gz."},
    {.name = NULL},
};
/* clang-format on */

const struct key *config_key_find(enum key_scope scope, const char *name)
{
    for (const struct key *k = config_keys; k->name; k++)
        if (k->scope == scope && strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

const char *config_key_below(const struct key *k, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(k->name, prefix, len) != 0 || strchr(k->name + len, '.'))
        return NULL;
    return k->name + len;
}

void config_key_read(const struct key *k, void *object, const struct value *v)
{
    char why[KEY_WHY];

    if (k->type->from_json)
        k->type->from_json(k, object, v);
    else if (json_is_string(v->json))
        value_report(v, k->type->from_text(k, object, json_string_value(v->json), why, sizeof why), why);
    else
        value_error(v, "must be %s, not %s", k->type->what, value_kind(v));
}

int config_keys_init(enum key_scope scope, void *object, size_t size)
{
    char why[KEY_WHY];

    memset(object, 0, size);
    for (const struct key *k = config_keys; k->name; k++) {
        int r = k->scope == scope && k->def ? k->type->from_text(k, object, k->def, why, sizeof why) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

void config_keys_clear(enum key_scope scope, void *object)
{
    for (const struct key *k = config_keys; k->name; k++)
        if (k->scope == scope && k->type->clear)
            k->type->clear(k, object);
}

const char *channel_kind_name(int kind)
{
    return channels[kind];
}

const char *log_to_name(int to)
{
    return log_targets[to];
}

const char *log_format_name(int format)
{
    return log_formats[format];
}

bool worker_talks(const struct worker_config *w)
{
    return w->channel == CHANNEL_JSON || w->channel == CHANNEL_NODE_IPC;
}

bool worker_announces(const struct worker_config *w)
{
    return w->start_timeout != DURATION_INFINITY || w->channel == CHANNEL_SD_NOTIFY || w->ready == READY_FD;
}

bool worker_hears_words(const struct worker_config *w)
{
    return w->channel == CHANNEL_NODE_IPC && w->dialect == DIALECT_PM2;
}

const char *restart_policy_name(int policy)
{
    return restarts[policy];
}
