#include "taskd/term.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"

static const char ellipsis[] = "…";
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static bool caught[sizeof ends / sizeof *ends];
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

/* After the first one all have their usual effect again. */
static void on_interrupt(int signo)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (caught[i])
            signal(ends[i], SIG_DFL);
    interrupted = signo;
}

static void catch_end(size_t i)
{
    struct sigaction sa = {.sa_handler = on_interrupt};

    sigemptyset(&sa.sa_mask);
    caught[i] = true;
    sigaction(ends[i], &sa, NULL);
}

void term_catch_interrupt(void)
{
    catch_end(0);
}

void term_catch_end(void)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction before;

        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            catch_end(i);
    }
}

int term_interrupted(void)
{
    return interrupted;
}

int term_poll(struct pollfd *p)
{
    static int noticed;
    sigset_t all, before;
    int n = -1;

    sigemptyset(&all);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaddset(&all, ends[i]);
    sigprocmask(SIG_BLOCK, &all, &before);
    if (interrupted == noticed)
        n = ppoll(p, 1, NULL, &before);
    noticed = interrupted;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return n;
}
