/* What every unit test program needs: one suite of one program, run and counted by check. */
#pragma once
#include <check.h>
#include <stdlib.h>

static inline int suite_run(const char *name, void (*const tests[])(TCase *))
{
    Suite *suite = suite_create(name);
    for (; *tests; tests++) {
        TCase *tc = tcase_create("all");
        (*tests)(tc);
        suite_add_tcase(suite, tc);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
