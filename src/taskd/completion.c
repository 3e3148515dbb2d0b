#include "taskd/completion.h"

#include <string.h>

struct walk {
    struct completion c;
    const struct option_spec *owed; /* an option whose value is the next word */
    bool operands_only;             /* "--" has been seen */
};

static bool takes_command_line(const struct command *c)
{
    return c->operands == OPERANDS_COMMAND || c->operands == OPERANDS_WORKERS;
}

static void take_value(struct walk *w, const struct option_spec *s, const char *value)
{
    if (strcmp(s->name, "socket") == 0)
        w->c.socket = value;
}

static void pass_long(struct walk *w, const char *name)
{
    const char *equals = strchr(name, '=');
    const struct option_spec *s = option_find(w->c.command, name, equals ? (size_t)(equals - name) : strlen(name), 0);

    if (!s || !s->value)
        return;
    if (equals)
        take_value(w, s, equals + 1);
    else
        w->owed = s;
}

/* "-n", "-n5", or a cluster of switches of which the last may want a value. */
static void pass_letters(struct walk *w, const char *letters)
{
    for (; *letters; letters++) {
        const struct option_spec *s = option_find(w->c.command, NULL, 0, *letters);

        if (s && s->value) {
            w->owed = letters[1] ? NULL : s;
            return;
        }
    }
}

/* A word in front of the cursor. False: what follows is another command line. */
static bool pass(struct walk *w, const char *word)
{
    if (w->owed) {
        take_value(w, w->owed, word);
        w->owed = NULL;
    } else if (w->operands_only || word[0] != '-' || !word[1]) {
        const struct command *c = w->c.command == &command_taskd ? command_find(word) : w->c.command;

        w->c.command = c;
        return c != NULL;
    } else if (strcmp(word, "--") == 0) {
        w->operands_only = true;
        return !takes_command_line(w->c.command);
    } else if (word[1] == '-')
        pass_long(w, word + 2);
    else
        pass_letters(w, word + 1);
    return true;
}

static void find_value(struct walk *w, const struct option_spec *s, const char *lead, size_t lead_len, const char *text)
{
    w->c.kind = s && s->value ? COMPLETE_VALUE : COMPLETE_NOTHING;
    w->c.option = s;
    w->c.lead = lead;
    w->c.lead_len = (int)lead_len;
    w->c.text = text;
}

static void find_last(struct walk *w, const char *word)
{
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;

    w->c.lead = "";
    w->c.text = word;
    if (w->owed)
        find_value(w, w->owed, "", 0, word);
    else if (w->operands_only)
        w->c.kind = COMPLETE_OPERAND;
    else if (equals)
        find_value(w, option_find(w->c.command, word + 2, (size_t)(equals - word - 2), 0), word,
                   (size_t)(equals + 1 - word), equals + 1);
    else if (word[0] == '-')
        w->c.kind = COMPLETE_OPTION;
    else
        w->c.kind = w->c.command == &command_taskd ? COMPLETE_COMMAND : COMPLETE_OPERAND;
}

struct completion completion_find(const char *const *words, int count)
{
    struct walk w = {.c = {.kind = COMPLETE_NOTHING, .command = &command_taskd, .lead = "", .text = words[count - 1]}};

    for (int i = 0; i < count - 1; i++)
        if (!pass(&w, words[i])) {
            w.c.kind = w.c.command ? COMPLETE_OTHER : COMPLETE_NOTHING;
            w.c.from = i + 1;
            return w.c;
        }
    find_last(&w, words[count - 1]);
    return w.c;
}
