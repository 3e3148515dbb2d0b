/* A configuration from anybody: parsed, checked, its errors printed. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "taskd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct config *config = NULL;
    struct config_errors *errors = config_errors_new();
    if (!nowhere)
        nowhere = fopen("/dev/null", "we");
    if (config_parse((const char *)data, size, "fuzz.json", &config, errors) < 0)
        config_errors_print(errors, nowhere);
    config_errors_free(errors);
    config_free(config);
    return 0;
}
