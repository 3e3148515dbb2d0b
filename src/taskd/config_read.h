/* From a parsed document to a configuration: walks sections, workers and keys, and reports whatever is wrong.
 *
 * Owner: config. Calls config_keys, config_value, config_worker, config_env. */
#pragma once
#include "taskd/config.h"
#include "taskd/config_value.h"

struct documents;

/* Fills a zeroed config as far as the documents make sense; what does not is in their errors. An included one holds
 * workers alone; the main document's defaults hold for them, too. `whole`: all files that it names are there, so who
 * names a worker that is in none of them is wrong. */
void config_read(struct config *, const struct value *document, const struct documents *included, bool whole);
