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
	OWNED(free) const char **names = NULL;
	size_t count = 0, room = 0;
	struct config_served served = { 0 };
	while (config_next_served(config, &served)) {
		names = xgrow(names, count, &room, sizeof *names);
		if (doors_has(config, served.queue) == has_door &&
			(!queue || strcmp(queue, served.name) == 0))
			names[count++] = served.name;
	}
	return count == 0 || store->ops->set_door(store, names, count, has_door, err);
}

bool doors_set(
	struct store *store, const struct config *config, const char *queue, struct error *err)
{
	return set(store, config, queue, true, err) && set(store, config, queue, false, err);
}
