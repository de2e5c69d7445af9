/* The configuration as others see it: search, names, clean-up; see config.h. */
#include "config/config.h"

#include "config/keys.h"

#include <unistd.h>

#define QUEUE_NAME_MAX 80

static void drop_queue(struct config_queue *queue)
{
	keys_drop(&keys_queue, queue, queue->origins);
	free(queue->name);
	free(queue->place);
}

static void drop_schedule(struct config_schedule *schedule)
{
	keys_drop(&keys_schedule, schedule, schedule->origins);
	free(schedule->name);
	free(schedule->place);
}

static void drop_zones(struct config *config)
{
	for (size_t i = 0; i < config->zone_count; i++)
		zone_close(config->zones[i]);
	free(config->zones);
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->schedule_count; i++)
		drop_schedule(&config->schedules[i]);
	free(config->schedules);
	for (size_t i = 0; i < config->queue_count; i++)
		drop_queue(&config->queues[i]);
	free(config->queues);
	if (config->origins)
		keys_drop(&keys_global, config, config->origins);
	for (char **name = config->secret_variables; name && *name; name++)
		free(*name);
	free(config->secret_variables);
	drop_zones(config);
	free(config->path);
	free(config);
}

const struct config_queue *config_find_queue(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->queue_count; i++)
		if (strcmp(config->queues[i].name, name) == 0)
			return &config->queues[i];
	return NULL;
}

size_t config_pull_count(const struct config_queue *pool)
{
	return pool->pull.names ? pool->pull.count : 1;
}

const char *config_pull_name(const struct config_queue *pool, size_t i)
{
	return pool->pull.names ? pool->pull.names[i] : pool->name;
}

bool config_pulls(const struct config_queue *pool, const char *queue)
{
	for (size_t i = 0; i < config_pull_count(pool); i++)
		if (strcmp(config_pull_name(pool, i), queue) == 0)
			return true;
	return false;
}

static const struct config_queue *find_puller(
	const struct config *config, const char *name, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (config_pulls(&config->queues[i], name))
			return &config->queues[i];
	return NULL;
}

const struct config_queue *config_find_served(const struct config *config, const char *name)
{
	const struct config_queue *own = config_find_queue(config, name);
	const struct config_queue *puller = find_puller(config, name, config->queue_count);
	return puller && own ? own : puller;
}

bool config_next_served(const struct config *config, struct config_served *at)
{
	for (; at->pool < config->queue_count; at->pool++, at->place = 0) {
		const struct config_queue *pool = &config->queues[at->pool];
		while (at->place < config_pull_count(pool)) {
			at->name = config_pull_name(pool, at->place++);
			if (find_puller(config, at->name, at->pool))
				continue;
			at->queue = config_find_served(config, at->name);
			return true;
		}
	}
	return false;
}

bool config_is_open(const struct config_queue *queue, int64_t at_s, int64_t *until_s)
{
	*until_s = ZONE_NEVER;
	return !queue->hours.has_from ||
	       hours_are_open(&queue->hours.window, queue->hours.zone, at_s, until_s);
}

bool config_scales(const struct config_queue *queue)
{
	return queue->workers_min < queue->workers_max && queue->scale.strategy != SCALE_FIXED;
}

const char *config_default_path(void)
{
	static const char *const places[] = { "reeve.yaml", "/etc/reeve/reeve.yaml" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return NULL;
}

bool config_is_queue_name(const char *name)
{
	size_t length =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
	return length > 0 && length <= QUEUE_NAME_MAX &&
	       (name[length] == '\0' || strcmp(name + length, ".fifo") == 0);
}

bool config_has_remote_store(const struct config *config)
{
	static const char *const local[] = { "memory:", "sqlite:" };
	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		if (strncmp(config->store_url, local[i], strlen(local[i])) == 0)
			return false;
	return true;
}
