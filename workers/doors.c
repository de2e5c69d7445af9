/* Doors of queues; see doors.h. */
#include "workers/doors.h"

bool doors_has(const struct config *config, const struct config_queue *queue)
{
	return config->broker_url && queue->format == FORMAT_TASK && queue->type != QUEUE_SYNC &&
	       queue->type != QUEUE_PROGRAM;
}

static bool set(struct store *store, const struct config *config, const char *queue, bool has_door,
	struct error *err)
{
	OWNED(free) const char **names = xcalloc(config->queue_count + 1, sizeof *names);
	size_t count = 0;
	for (size_t i = 0; i < config->queue_count; i++) {
		const struct config_queue *one = &config->queues[i];
		if (doors_has(config, one) == has_door && (!queue || strcmp(queue, one->name) == 0))
			names[count++] = one->name;
	}
	return count == 0 || store->ops->set_door(store, names, count, has_door, err);
}

bool doors_set(
	struct store *store, const struct config *config, const char *queue, struct error *err)
{
	return set(store, config, queue, true, err) && set(store, config, queue, false, err);
}
