/* See preflight.h. */
#include "workers/preflight.h"

#include "base/log.h"

#include <string.h>

#define BUILT_IN 2 /* keeper and listener */
#define COMMANDS 1 /* somebody who looks */

static bool is_meant(const char *queue, const char *const *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(queue, queues[i]) == 0)
			return true;
	return count == 0;
}

size_t preflight_connections(const struct config *config, const char *const *queues, size_t count)
{
	size_t connections = BUILT_IN + COMMANDS + (config->broker_url ? 1 : 0);
	for (size_t i = 0; i < config->queue_count; i++)
		if (config->queues[i].type != QUEUE_PROGRAM && /* which opens no store */
			is_meant(config->queues[i].name, queues, count))
			connections += (size_t)config->queues[i].workers_max;
	return connections;
}

void preflight_tell(const struct config *config, const char *const *queues, size_t count)
{
	struct store_warnings warnings = { 0 };
	struct error err;
	store_preflight(
		config->store_url, preflight_connections(config, queues, count), &warnings, &err);
	for (size_t i = 0; i < warnings.count; i++)
		log_line(LOG_WARN, "%s", warnings.lines[i]);
	store_warnings_finish(&warnings);
}
