/* config_describe: the effective configuration and where each value came from. */
#include "config/keys.h"
#include "config/reading.h"

/* The object that holds the last part of "retries.max", made on the way. */
static json_t *reach(json_t *object, const char *name, const char **last)
{
	const char *dot = strchr(name, '.');
	if (!dot) {
		*last = name;
		return object;
	}
	OWNED(free) char *group = xstrndup(name, (size_t)(dot - name));
	json_t *inner = json_object_get(object, group);
	if (!inner) {
		inner = json_object();
		json_object_set_new(object, group, inner);
	}
	return reach(inner, dot + 1, last);
}

static json_t *describe_value(
	const struct key *key, const void *base, const struct config_origin *origin)
{
	json_t *row = json_object();
	json_object_set_new(row, "value",
		origin->shown ? json_deep_copy(origin->shown) : key->kind->show(key, base));
	json_object_set_new(row, "from", reading_json(origin->from ? origin->from : "default"));
	return row;
}

static json_t *describe(
	const struct key_table *table, const void *base, const struct config_origin *origins)
{
	json_t *object = json_object();
	for (size_t i = 0; i < table->count; i++) {
		const struct key *key = &table->rows[i];
		const char *last = NULL;
		if (!key->kind->show)
			continue;
		json_t *holder = reach(object, key->name, &last);
		json_object_set_new(holder, last, describe_value(key, base, &origins[i]));
	}
	return object;
}

json_t *config_describe(const struct config *config)
{
	json_t *object = describe(&keys_global, config, config->origins);
	json_t *queues = json_object();
	for (size_t i = 0; i < config->queue_count; i++)
		json_object_set_new(queues, config->queues[i].name,
			describe(&keys_queue, &config->queues[i], config->queues[i].origins));
	json_object_set_new(object, "queues", queues);
	json_t *schedules = json_object();
	for (size_t i = 0; i < config->schedule_count; i++)
		json_object_set_new(schedules, config->schedules[i].name,
			describe(&keys_schedule, &config->schedules[i],
				config->schedules[i].origins));
	json_object_set_new(object, "schedules", schedules);
	return object;
}
