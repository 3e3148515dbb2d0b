#include "taskd/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "taskd/errout.h"

enum { LOG_LINE = 2048, EXIT_TASKD = 125 };

static enum log_level log_max = LOG_L_INFO;
static bool log_priorities;
static void (*log_sink)(void *arg, const char *line);
static void *log_sink_arg;

/* JOURNAL_STREAM is inherited by everything below a service: only when our own standard error is that very socket does
 * somebody read the priorities. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(stream, ours) == 0;
}

void log_init(enum log_level max)
{
    log_max = max;
    log_priorities = stderr_is_journal();
    errout_init();
}

void log_set_sink(void (*sink)(void *arg, const char *line), void *arg)
{
    log_sink = sink;
    log_sink_arg = arg;
}

/* One write(2), so that lines of several processes on one terminal or pipe stay whole. */
static void write_line(enum log_level level, const char *line)
{
    char out[LOG_LINE + 8];
    int len = log_priorities ? snprintf(out, sizeof out, "<%d>%s\n", (int)level, line)
                             : snprintf(out, sizeof out, "%s\n", line);

    errout_write(out, (size_t)len);
}

/* What is printed may hold names and words of strangers: they are escaped here, once, whoever logs. */
static void emit(enum log_level level, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void emit(enum log_level level, const char *fmt, va_list ap)
{
    char raw[LOG_LINE], line[LOG_LINE];
    int saved = errno;
    size_t prefix;

    if (level > log_max)
        return;
    prefix = (size_t)snprintf(raw, sizeof raw, "taskd: ");
    vsnprintf(raw + prefix, sizeof raw - prefix, fmt, ap);
    text_printable(raw, strlen(raw), line, sizeof line);
    if (log_sink)
        log_sink(log_sink_arg, line);
    else
        write_line(level, line);
    errno = saved;
}

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_L_ERROR, fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_L_WARN, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_L_INFO, fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_L_DEBUG, fmt, ap);
    va_end(ap);
}

_Noreturn void fatal(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_L_ERROR, fmt, ap);
    va_end(ap);
    exit(EXIT_TASKD);
}
