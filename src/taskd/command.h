/* The table of commands: one row and one file (cmd_NAME.c) each. It drives dispatch, help, "did you mean", and what a
 * shell offers at Tab. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An option. `value` NULL: a switch. The same row prints the help. */
struct option_spec {
    const char *name;  /* "timeout" for --timeout */
    char letter;       /* 't' for -t, 0 for none */
    const char *value; /* placeholder: "DURATION" */
    const char *help;
    const char *const *choices; /* what the value may be, NULL-terminated; NULL: much else */
};

/* What stands behind a command: what a shell offers there. */
enum operands {
    OPERANDS_NONE,
    OPERANDS_SCOPES,  /* workers and tasks */
    OPERANDS_LIVES,   /* and handles */
    OPERANDS_WORKERS, /* workers, or behind "--" a command line of its own */
    OPERANDS_COUNTS,  /* NAME=N */
    OPERANDS_COMMAND, /* behind "--" a command line of its own */
    OPERANDS_FILES,
    OPERANDS_COMMANDS, /* those of this table */
};

struct command {
    const char *name, *alias;
    const char *usage;                               /* after the name: "[options] [NAME…]" */
    const char *help;                                /* one line */
    const struct option_spec *options;               /* ends with a NULL name */
    const struct option_spec *(*more_options)(void); /* further ones, out of another table; NULL ok */
    const char *details;                             /* exit status, examples; NULL ok */
    /* argv is what follows the command's name, options included. Returns the exit status. */
    int (*run)(const struct command *, int argc, char **argv);
    enum operands operands;
    bool hidden; /* for other programs, not for people */
};

extern const struct command *const commands[]; /* NULL-terminated */
extern const struct command command_taskd;     /* what may stand in front of a command: a row without a name */

/* The row of a name or an alias; NULL. */
const struct command *command_find(const char *name);

/* The options that every command has: --help, --socket, --state-dir, set by main or by options_next. */
struct global_options {
    const char *socket, *state_dir;
};
extern struct global_options global_options;

/* Walks argv. Returns the next option's name (its value in *ret_value, NULL for a switch), or NULL when the operands
 * begin (at argv[*index]; after "--" too). Unknown options, missing values: prints an error with the nearest name,
 * exits 125.
 * --help prints and exits 0. GNU style: --name VALUE, --name=VALUE, -n VALUE, options and operands may mix unless
 * `stop_at_operand`. */
struct options {
    const struct command *command;
    int argc, index;
    char **argv;
    bool stop_at_operand;
    int operands_count; /* after the walk: argv[0..operands_count) are the operands */
    bool saw_dashdash;
    int before_dashdash; /* how many of the operands stood before the "--" */
    const char *cluster; /* what is left of "-abc"; private to options.c */
};
const char *options_next(struct options *, const char **ret_value);

/* Values of options. One that is wrong is fatal, and named: "stop: --timeout x is not a duration like 30s or 5min". */
int64_t options_duration(const struct options *, const char *name, const char *text); /* milliseconds */
int64_t options_count(const struct options *, const char *name, const char *text, int64_t min, int64_t max);
/* A whole number, digits alone. */
bool options_number(const char *text, int64_t min, int64_t max, int64_t *ret);

/* The row of an option that the command takes, out of any of its tables: by its name, of `len` bytes, or where that is
 * NULL by its letter. NULL: there is none. */
const struct option_spec *option_find(const struct command *, const char *name, size_t len, char letter);
/* Calls `each` for every option that the command takes. */
void option_each(const struct command *, void (*each)(void *arg, const struct option_spec *), void *arg);

void command_help(const struct command *);
