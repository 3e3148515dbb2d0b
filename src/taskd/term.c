#include "taskd/term.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"

static const char ellipsis[] = "…";
static volatile sig_atomic_t interrupted;

bool term_is_terminal(FILE *f)
{
    return isatty(fileno(f)) == 1;
}

bool term_colours(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return term_is_terminal(f) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

int term_columns(FILE *f)
{
    struct winsize w;

    return ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

int term_rows(FILE *f)
{
    struct winsize w;

    return ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_row > 0 ? w.ws_row : 24;
}

/* Takes the last character off: its continuation bytes, then its first byte. */
static void drop_last(char *s)
{
    size_t len = strlen(s);

    while (len > 0 && ((unsigned char)s[len - 1] & 0xC0) == 0x80)
        len--;
    s[len > 0 ? len - 1 : 0] = '\0';
}

void term_cut(char *s, size_t size, int columns)
{
    size_t width = columns > 0 ? (size_t)columns : 0;

    if (text_width(s) <= width)
        return;
    while (*s && (text_width(s) + 1 > width || strlen(s) + sizeof ellipsis > size))
        drop_last(s);
    if (width > 0)
        memcpy(s + strlen(s), ellipsis, sizeof ellipsis);
}

/* Up to where the block began and clear from there: drawing over it needs no knowledge of what it was. */
void term_block_begin(struct term_block *b)
{
    if (b->lines > 0)
        fprintf(b->out, "\r\033[%dA\033[J", b->lines);
    b->lines = 0;
}

void term_block_line(struct term_block *b, const char *line)
{
    char text[1024];

    /* The last row stays free, else the terminal scrolls and the way up is wrong. */
    if (b->lines >= term_rows(b->out) - 1)
        return;
    snprintf(text, sizeof text - sizeof ellipsis, "%s", line);
    term_cut(text, sizeof text, term_columns(b->out) - 1);
    fprintf(b->out, "%s\n", text);
    b->lines++;
}

void term_block_clear(struct term_block *b)
{
    term_block_begin(b);
    fflush(b->out);
}

static void on_interrupt(int signo)
{
    (void)signo;
    interrupted = 1;
}

void term_catch_interrupt(void)
{
    struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
}

bool term_interrupted(void)
{
    return interrupted;
}
