/* The table of keys as the manual page has it: mdoc, a heading for each group of keys and an item for each key. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "taskd/config.h"
#include "taskd/config_keys.h"

enum { LINE_WIDTH = 76, SENTENCE = 256 };

/* A backslash begins an escape in roff. */
static void print_word(FILE *out, const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '\\')
            fputs("\\e", out);
        else
            fputc(word[i], out);
    }
}

static bool ends_sentence(const char *word, size_t len)
{
    return len > 1 && strchr(".?!", word[len - 1]);
}

/* Filled lines, and each sentence on a line of its own, as mdoc wants it. */
static void print_text(FILE *out, const char *text)
{
    size_t column = 0;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column > 0)
            fputc(' ', out);
        print_word(out, text, len);
        column += len + 1;
        if (ends_sentence(text, len)) {
            fputc('\n', out);
            column = 0;
        }
        text += len;
    }
    if (column > 0)
        fputc('\n', out);
}

static void print_default(FILE *out, const struct key *k)
{
    char sentence[SENTENCE];
    bool quoted = k->def && !k->type->plain;

    snprintf(sentence, sizeof sentence, "Default: %s%s%s.", quoted ? "\"" : "", k->def ? k->def : k->otherwise,
             quoted ? "\"" : "");
    print_text(out, k->required ? "Required." : sentence);
}

static void print_key(FILE *out, const struct key *k)
{
    fprintf(out, ".It Cm %s : Ar %s\n", k->name, k->type->kind);
    print_text(out, k->help);
    if (k->required || k->def || k->otherwise)
        print_default(out, k);
}

static void print_topic(FILE *out, const struct key *k)
{
    fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", k->topic);
}

void config_print_man(FILE *out)
{
    for (const struct key *k = config_keys; k->name; k++) {
        if (k->topic && k != config_keys)
            fputs(".El\n", out);
        if (k->topic)
            print_topic(out, k);
        print_key(out, k);
    }
    fputs(".El\n", out);
}
