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

void config_destroy(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->queue_count; i++)
		drop_queue(&config->queues[i]);
	free(config->queues);
	if (config->origins)
		keys_drop(&keys_global, config, config->origins);
	for (char **name = config->secret_variables; name && *name; name++)
		free(*name);
	free(config->secret_variables);
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
