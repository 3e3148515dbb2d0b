/* From a parsed document to a configuration: walks sections, workers and keys, and reports whatever is wrong.
 *
 * Owner: config. Calls config_keys, config_value, config_worker, config_env. */
#pragma once
#include "taskd/config.h"
#include "taskd/config_value.h"

/* Fills a zeroed config as far as the document makes sense; what does not is in the document's errors. */
void config_read(struct config *, const struct value *document);
