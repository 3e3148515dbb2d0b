/* What can stand where the cursor is: a command line that is still being written, held against the table of commands.
 *
 * Owner: cmd_complete.c. Calls options. No I/O. */
#pragma once
#include "taskd/command.h"

enum completion_kind {
    COMPLETE_NOTHING,
    COMPLETE_COMMAND, /* the name of a command */
    COMPLETE_OPTION,  /* one of `command` */
    COMPLETE_VALUE,   /* of `option` */
    COMPLETE_OPERAND, /* of `command` */
    COMPLETE_OTHER,   /* another command line, which begins at word `from` */
};

struct completion {
    enum completion_kind kind;
    const struct command *command;
    const struct option_spec *option;
    const char *lead; /* "--level=", which the word begins with before its value; "" for a value that is a word */
    int lead_len;
    const char *text; /* the value or the operand, as far as it is written */
    int from;
    const char *socket; /* of --socket in front of it; NULL */
};

/* `words` are what follows "taskd", the last one up to the cursor; count > 0. What is returned points into them. */
struct completion completion_find(const char *const *words, int count);
