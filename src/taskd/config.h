/* What the person who runs taskd asked for: daemon settings and worker definitions.
 *
 * One table (config_keys.c) holds every key: type, range, default, help. It drives parsing, errors, `taskd schema`, the
 * options of `taskd run -- CMD` and the key table of taskd.json(5). Calls common/ only; nothing here touches the loop.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

enum channel_kind { CHANNEL_JSON, CHANNEL_NODE_IPC, CHANNEL_SD_NOTIFY, CHANNEL_NONE };
enum dialect { DIALECT_TASKD, DIALECT_PM2 };
enum ready_kind { READY_MESSAGE, READY_FD };
enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };
enum log_to { LOG_TO_INHERIT, LOG_TO_FILE, LOG_TO_JOURNAL, LOG_TO_NULL };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_RAW };
enum log_compress { LOG_COMPRESS_NO, LOG_COMPRESS_GZIP };
enum env_inherit { ENV_INHERIT_ALL, ENV_INHERIT_NONE, ENV_INHERIT_LIST };
enum strategy { STRATEGY_ONE_FOR_ONE, STRATEGY_ONE_FOR_ALL, STRATEGY_REST_FOR_ONE };
enum overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_REPLACE };
enum cgroup_use { CGROUP_AUTO, CGROUP_ON, CGROUP_OFF };
enum on_failed { ON_FAILED_IGNORE, ON_FAILED_STOP, ON_FAILED_EXIT };
enum socket_type { SOCKET_STREAM, SOCKET_DGRAM };
enum on_protocol_error { PROTOCOL_ERROR_IGNORE, PROTOCOL_ERROR_STOP };

/* Which settings were written down, where a default and the same value written down differ in meaning. */
enum config_given {
    GIVEN_STOP_SIGNAL = 1 << 0,
    GIVEN_START_TIMEOUT = 1 << 1,
    GIVEN_MAX_STOP_TIMEOUT = 1 << 2,
    GIVEN_BACKOFF_MAX = 1 << 3,
    GIVEN_LOG_TO = 1 << 4,
    GIVEN_LOG_FILE = 1 << 5,
    GIVEN_TIMEZONE = 1 << 6,
    GIVEN_OVERLAP = 1 << 7,
    GIVEN_DIALECT = 1 << 8,
    GIVEN_READY_FD = 1 << 9,
    GIVEN_BACKLOG = 1 << 10, /* from here on: of a socket */
    GIVEN_MODE = 1 << 11,
};

/* Bounds that hold for a whole configuration. */
enum { CONFIG_FILE_MAX = 4 << 20, CONFIG_DEPTH_MAX = 24, CONFIG_TASKS_MAX = 100000, CONFIG_AFTER_MAX = 256 };
enum { CONFIG_SOCKETS_MAX = 256 /* addresses in all */ };

struct limit_setting {
    int resource; /* RLIMIT_* */
    rlim_t value; /* RLIM_INFINITY for "infinity" */
};

/* One worker's definition. Plain data, read-only once loaded; every string and list is owned by the config. Durations
 * are milliseconds, DURATION_INFINITY where there is none. */
struct worker_config {
    char *name;
    char **command; /* NULL-terminated, at least one entry */
    int64_t replicas;
    int channel; /* enum channel_kind */
    int dialect; /* enum dialect */
    char *cwd;   /* NULL: taskd's own */
    char **env;  /* "K=V", NULL-terminated or NULL; what env_file says is in here, too */
    char *env_file;
    int env_inherit; /* enum env_inherit */
    char **env_inherit_names;
    char *user, *group; /* NULL: unchanged */
    int64_t umask;      /* -1: unchanged */
    struct limit_setting *limits;
    size_t limits_count;
    json_t *input; /* NULL: none */
    int ready;     /* enum ready_kind */
    int64_t ready_fd;
    int64_t start_timeout, stop_timeout, max_stop_timeout, term_timeout, pre_stop, unit_timeout;
    int stop_signal;
    int restart; /* enum restart_policy */
    int64_t backoff_initial, backoff_max, backoff_reset_after;
    double backoff_factor, backoff_jitter;
    int64_t restart_count, restart_interval; /* restart_limit */
    int *success_exit;                       /* exit codes that count as success */
    size_t success_exit_count;
    int64_t watchdog_timeout;
    int64_t max_units; /* 0: no limit */
    double max_units_jitter;
    int64_t max_rss; /* bytes, 0: no limit */
    int64_t max_age, max_runtime;
    char **after;   /* names of workers, NULL: none */
    char *part_of;  /* name of a group of workers, NULL: none */
    char **sockets; /* names of sockets, NULL: none */
    int strategy;   /* enum strategy */
    int64_t every;  /* 0: never */
    char *schedule; /* see cron.h, NULL: never */
    char *timezone; /* NULL: that of taskd */
    int overlap;    /* enum overlap */
    int64_t poison_limit;
    int64_t memory_max, pids_max, cpu_weight; /* of the task's control group, 0: not set */
    int64_t max_message;                      /* bytes in a line of the channel */
    int on_protocol_error;                    /* enum on_protocol_error */
    int log_to;                               /* enum log_to */
    char *log_file;
    int log_format; /* enum log_format */
    int64_t log_max_size, log_keep;
    int log_compress; /* enum log_compress */
    unsigned given;   /* enum config_given */
};

struct daemon_config {
    char *socket;    /* NULL: the default */
    char *state_dir; /* NULL: the default */
    int on_failed;   /* enum on_failed */
    int cgroup;      /* enum cgroup_use */
};

/* What workers listen at: opened by taskd, once, and handed to every life. */
struct socket_config {
    char *name;
    char **listen; /* addresses as address_parse() takes them; NULL: those that taskd was handed under this name */
    int type;      /* enum socket_type */
    int64_t backlog;
    int64_t mode;       /* of the files of UNIX sockets */
    char *user, *group; /* … and whose they are, NULL: taskd's */
    unsigned given;     /* enum config_given */
};

struct config {
    char *path; /* the file, or NULL for a command line */
    struct daemon_config daemon;
    struct socket_config *sockets; /* in the file's order */
    size_t sockets_count;
    struct worker_config *workers; /* the same */
    size_t workers_count;
};

/* Everything that is wrong with a configuration, in the order of the file. */
struct config_errors;
struct config_errors *config_errors_new(void);
void config_errors_free(struct config_errors *);
size_t config_errors_count(const struct config_errors *);
/* One error. Strings are printable, and borrowed from the list. Line and column are 0 where no place is known (a file
 * that cannot be read, an option); `file` is NULL for a command line; `path` may be empty. */
struct config_error {
    const char *file, *path, *message;
    size_t line, column;
};
const struct config_error *config_errors_get(const struct config_errors *, size_t index); /* index < count */
/* One error a line: "taskd.json:12:7: workers.resize.replcas: unknown key (did you mean "replicas"?)". */
void config_errors_print(const struct config_errors *, FILE *);

/* Reads and checks a file ("-": standard input). 0 and *ret, or -errno: -EINVAL when `errors` says what is wrong with
 * its content, another when it could not be read (that is in `errors`, too). *ret is untouched on failure; config_free
 * frees it. */
int config_load(const char *path, struct config **ret, struct config_errors *errors);
/* The same for a text in memory; `name` stands for the file in errors. 0, -EINVAL or -ENOMEM. */
int config_parse(const char *text, size_t len, const char *name, struct config **ret, struct config_errors *errors);
void config_free(struct config *); /* NULL ok */

/* A configuration of one worker that runs `command` (copied); every other key at its default, but for restart, which is
 * "no". NULL when memory is out. */
struct config *config_from_command(const char *name, char *const *command);

/* Adds an address, "NAME=ADDRESS", to the sockets of the one worker of such a configuration. 0; -EINVAL with a sentence
 * in `why`; -ENOMEM. */
int config_add_listen(struct config *, const char *text, char *why, size_t why_size);
/* A socket of that name, made if need be, for the one worker. NULL when memory is out. */
struct socket_config *config_add_socket(struct config *, const char *name);

/* Sets one key from a text as an option has it ("stop-timeout" or "stop_timeout", "30s"); nested keys as "log.file" or
 * "log-file", maps one entry at a time ("env", "K=V"). 0; -ENOENT for a key that cannot be set so; -EINVAL with a
 * sentence in `why`; -ENOMEM. What "env-file" names is read at once; entries of "env" win over it in either order. */
int worker_config_set(struct worker_config *, const char *key, const char *text, char *why, size_t why_size);

/* Checks that span keys (log.file with log.to "file", users that exist …); for a config made by hand. 0 or -EINVAL. */
int config_check(const struct config *, struct config_errors *errors);

/* A worker key as an option of the command line. All of it lives as long as the program. */
struct config_option {
    const char *name, *placeholder, *help; /* "stop-timeout", "DURATION" */
    const char *const *choices;            /* what the value may be, NULL-terminated; NULL: much else */
};
/* Calls `each` for every worker key that worker_config_set takes. */
void config_each_option(void (*each)(void *arg, const struct config_option *), void *arg);

json_t *config_schema(void);      /* JSON Schema (2020-12), new reference; NULL when memory is out */
void config_print_man(FILE *out); /* the key tables of taskd.json(5), in mdoc */

const char *channel_kind_name(int);
bool worker_talks(const struct worker_config *);       /* its channel carries lines, both ways */
bool worker_announces(const struct worker_config *);   /* it says when it is ready, and that is waited for */
bool worker_hears_words(const struct worker_config *); /* a message is enough to stop it, even if it never spoke */
const char *restart_policy_name(int);
const char *log_to_name(int);
const char *log_format_name(int);
