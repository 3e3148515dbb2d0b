#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/text.h"
#include "taskd/command.h"
#include "taskd/log.h"

enum { HELP_COLUMN = 28, NEAREST_MAX = 96 };

struct global_options global_options;

static const struct option_spec common_options[] = {
    {"socket", 0, "PATH", "the control socket of the daemon that is meant (else TASKD_SOCKET)"},
    {"state-dir", 0, "DIR", "where the records of ended lives are kept (else TASKD_STATE_DIR)"},
    {"help", 'h', NULL, "print this help"},
    {NULL},
};

static const struct option_spec *find_in(const struct option_spec *specs, const char *name, size_t len, char letter)
{
    for (const struct option_spec *s = specs; s && s->name; s++)
        if (name ? strlen(s->name) == len && strncmp(s->name, name, len) == 0 : s->letter == letter)
            return s;
    return NULL;
}

static const struct option_spec *more_options(const struct command *command)
{
    return command->more_options ? command->more_options() : NULL;
}

const struct option_spec *option_find(const struct command *command, const char *name, size_t len, char letter)
{
    const struct option_spec *s = find_in(command->options, name, len, letter);

    if (!s)
        s = find_in(more_options(command), name, len, letter);
    return s ? s : find_in(common_options, name, len, letter);
}

void option_each(const struct command *command, void (*each)(void *arg, const struct option_spec *), void *arg)
{
    const struct option_spec *const tables[] = {command->options, more_options(command), common_options};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct option_spec *s = tables[i]; s && s->name; s++)
            each(arg, s);
}

struct names {
    const char *list[NEAREST_MAX];
    size_t count;
};

static void add_name(void *arg, const struct option_spec *s)
{
    struct names *names = arg;

    if (names->count < NEAREST_MAX - 1)
        names->list[names->count++] = s->name;
}

static _Noreturn void usage_error(const struct options *o, const char *what, const char *name, int name_len,
                                  const char *hint)
{
    const char *command = o->command->name;

    log_error("%s%s%s %.*s%s%s%s", command ? command : "", command ? ": " : "", what, name_len, name,
              hint ? " (did you mean --" : "", hint ? hint : "", hint ? "?)" : "");
    fatal("see `taskd%s%s --help`", command ? " " : "", command ? command : "");
}

static _Noreturn void unknown_long(const struct options *o, const char *arg, size_t len)
{
    struct names names = {.count = 0};
    char name[64];

    option_each(o->command, add_name, &names);
    snprintf(name, sizeof name, "%.*s", (int)len, arg);
    usage_error(o, "unknown option", arg - 2, (int)len + 2, text_nearest(name, names.list));
}

/* Options that every command has are dealt with here, so that no command can forget one. */
static bool take_common(const struct options *o, const struct option_spec *s, const char *value)
{
    if (s == &common_options[0])
        global_options.socket = value;
    else if (s == &common_options[1])
        global_options.state_dir = value;
    else if (s == &common_options[2]) {
        command_help(o->command);
        exit(fflush(stdout) == 0 ? 0 : 125);
    } else
        return false;
    return true;
}

static const char *next_argument(struct options *o, const char *option, int len)
{
    if (o->index >= o->argc)
        usage_error(o, "a value is missing after", option, len, NULL);
    return o->argv[o->index++];
}

/* "--name", "--name=VALUE" or "--name VALUE"; o->index is past it. */
static const struct option_spec *take_long(struct options *o, const char *arg, const char **ret_value)
{
    const char *name = arg + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_spec *s = option_find(o->command, name, len, 0);

    *ret_value = NULL;
    if (!s)
        unknown_long(o, name, len);
    if (!s->value && equals)
        usage_error(o, "no value can be given to", arg, (int)len + 2, NULL);
    if (s->value)
        *ret_value = equals ? equals + 1 : next_argument(o, arg, (int)len + 2);
    return s;
}

/* "-n VALUE", "-nVALUE", or a cluster of switches "-ab": what is left of it waits in o->cluster. */
static const struct option_spec *take_letter(struct options *o, const char *at, const char **ret_value)
{
    char text[3] = {'-', *at, '\0'};
    const struct option_spec *s = option_find(o->command, NULL, 0, *at);

    *ret_value = NULL;
    o->cluster = NULL;
    if (!s)
        usage_error(o, "unknown option", text, 2, NULL);
    if (s->value)
        *ret_value = at[1] ? at + 1 : next_argument(o, text, 2);
    else if (at[1])
        o->cluster = at + 1;
    return s;
}

/* Operands gather at the front of argv, in order; the slots there have been read already. */
static void take_operands(struct options *o, int count)
{
    while (count-- > 0)
        o->argv[o->operands_count++] = o->argv[o->index++];
}

/* The next option's text at *ret_arg; false when there is none left. */
static bool seek_option(struct options *o, const char **ret_arg)
{
    while (o->index < o->argc) {
        const char *arg = o->argv[o->index];

        if (strcmp(arg, "--") == 0) {
            o->saw_dashdash = true;
            o->before_dashdash = o->operands_count;
            o->index++;
            take_operands(o, o->argc - o->index);
            return false;
        }
        if (arg[0] == '-' && arg[1]) {
            o->index++;
            *ret_arg = arg;
            return true;
        }
        take_operands(o, o->stop_at_operand ? o->argc - o->index : 1);
    }
    return false;
}

const char *options_next(struct options *o, const char **ret_value)
{
    const struct option_spec *s;
    const char *arg;

    for (;;) {
        if (o->cluster)
            s = take_letter(o, o->cluster, ret_value);
        else if (!seek_option(o, &arg))
            return NULL;
        else
            s = arg[1] == '-' ? take_long(o, arg, ret_value) : take_letter(o, arg + 1, ret_value);
        if (!take_common(o, s, *ret_value))
            return s->name;
    }
}

int64_t options_duration(const struct options *o, const char *name, const char *text)
{
    int64_t ms;

    if (duration_parse(text, &ms) < 0)
        fatal("%s: --%s %s is not a duration like 30s or 5min", o->command->name, name, text);
    return ms;
}

bool options_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < min || n > max)
        return false;
    *ret = n;
    return true;
}

int64_t options_count(const struct options *o, const char *name, const char *text, int64_t min, int64_t max)
{
    int64_t n = 0;

    if (!options_number(text, min, max, &n))
        fatal("%s: --%s %s is not a number from %lld to %lld", o->command->name, name, text, (long long)min,
              (long long)max);
    return n;
}

static void print_option(void *arg, const struct option_spec *s)
{
    char left[64];
    size_t width;

    (void)arg;
    snprintf(left, sizeof left, "%s%c%s --%s%s%s", s->letter ? "-" : " ", s->letter ? s->letter : ' ',
             s->letter ? "," : " ", s->name, s->value ? " " : "", s->value ? s->value : "");
    width = text_width(left);
    printf("  %s%*s %s\n", left, width < HELP_COLUMN ? (int)(HELP_COLUMN - width) : 0, "", s->help);
}

void command_help(const struct command *command)
{
    printf("usage: taskd %s%s%s\n\n%s\n", command->name ? command->name : "", command->name ? " " : "", command->usage,
           command->help);
    if (command->alias)
        printf("The same as taskd %s.\n", command->alias);
    printf("\nOptions:\n");
    option_each(command, print_option, NULL);
    if (command->details)
        printf("\n%s\n", command->details);
}
