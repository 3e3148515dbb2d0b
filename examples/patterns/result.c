/* A worker whose end is a value that someone waits for.
 *
 *     taskd run --result - -- examples/patterns/result 2 3 7
 *
 * prints the outcome record, with {"sum":12} as its "value", and exits with 0. Give it a word that is no number: the
 * outcome is "failed", and the exit status is the worker's own, 3. */
#include <stdio.h>
#include <stdlib.h>

#include "libtaskd/taskd.h"

enum { EXIT_NOT_A_NUMBER = 3 };

static int add(taskd *t, const char *word, long *sum)
{
    char *end;
    long value = strtol(word, &end, 10);

    if (taskd_begin(t, word) < 0)
        return -1;
    if (end == word || *end) {
        taskd_fail(t, word, "input", "not a number", false);
        return -1;
    }
    *sum += value;
    return taskd_end(t, word);
}

int main(int argc, char **argv)
{
    taskd *t;
    long sum = 0;
    char value[48];
    int failed = 0;

    if (taskd_open(&t) < 0)
        return EXIT_FAILURE;
    taskd_ready(t);
    for (int i = 1; i < argc && !taskd_should_stop(t) && !failed; i++)
        failed = add(t, argv[i], &sum) < 0;
    snprintf(value, sizeof value, "{\"sum\":%ld}", sum);
    if (!failed)
        taskd_result(t, value, !taskd_should_stop(t));
    taskd_close(t);
    return failed ? EXIT_NOT_A_NUMBER : EXIT_SUCCESS;
}
