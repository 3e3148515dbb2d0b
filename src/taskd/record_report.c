#include "taskd/record_report.h"

#include <stdio.h>

#include "taskd/record_status.h"

int record_print(const json_t *record)
{
    json_dumpf(record, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    return record_exit_status(record);
}

int record_print_all(const json_t *answer)
{
    json_t *record;
    int worst = 0;
    size_t i;

    json_array_foreach (json_object_get(answer, "results"), i, record) {
        int status = record_print(record);

        worst = status > worst ? status : worst;
    }
    return worst;
}
