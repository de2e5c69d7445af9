/* Kinds that have to do with calendars: time zones, cron expressions. */
#include "config/kinds.h"
#include "config/reading.h"

static const struct zone *find_zone(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->zone_count; i++)
		if (strcmp(zone_name(config->zones[i]), name) == 0)
			return config->zones[i];
	return NULL;
}

static const struct zone *open_zone(struct config *config, const char *name, struct error *err)
{
	const struct zone *known = find_zone(config, name);
	struct zone *zone;
	if (known || !zone_open(name, &zone, err))
		return known;
	config->zones =
		xgrow(config->zones, config->zone_count, &config->zone_room, sizeof(struct zone *));
	config->zones[config->zone_count++] = zone;
	return zone;
}

static bool read_zone(struct reading *reading)
{
	struct filled filled;
	struct error err;
	if (!reading_own_text(reading, &filled))
		return false;
	const struct zone *zone = open_zone(reading->loading->config, filled.text, &err);
	if (!zone && filled.is_filled)
		return reading_unexpected(reading, &reading->at, reading->node);
	if (!zone)
		return reading_fault(reading, "%s", err.text);
	memcpy(reading_field(reading->key, reading->base), &zone, sizeof zone);
	return true;
}

static const struct zone *get_zone(const struct key *key, const void *base)
{
	const struct zone *zone;
	memcpy(&zone, reading_field_of(key, base), sizeof zone);
	return zone;
}

static bool equal_zone(const struct key *key, const void *base, const void *other)
{
	const struct zone *a = get_zone(key, base), *b = get_zone(key, other);
	return a && b ? strcmp(zone_name(a), zone_name(b)) == 0 : a == b;
}

static json_t *show_zone(const struct key *key, const void *base)
{
	const struct zone *zone = get_zone(key, base);
	return zone ? json_string(zone_name(zone)) : json_null();
}

static bool read_cron(struct reading *reading)
{
	struct filled filled;
	struct error err;
	struct cron cron;
	struct config_schedule *schedule = reading->base;
	if (!reading_own_text(reading, &filled))
		return false;
	if (!cron_parse(filled.text, &cron, &err))
		return filled.is_filled ? reading_fault(reading, "no cron expression")
					: reading_fault(reading, "%s", err.text);
	schedule->cron = cron;
	free(schedule->cron_text);
	schedule->cron_text = xstrdup(filled.text);
	return true;
}

static bool equal_cron(const struct key *key, const void *base, const void *other)
{
	(void)key;
	const struct config_schedule *a = base, *b = other;
	return strcmp(a->cron_text, b->cron_text) == 0;
}

static json_t *show_cron(const struct key *key, const void *base)
{
	(void)key;
	return reading_json(((const struct config_schedule *)base)->cron_text);
}

static void drop_cron(const struct key *key, void *base)
{
	(void)key;
	free(((struct config_schedule *)base)->cron_text);
}

const struct kind kind_zone = {
	.noun = "a time zone such as Europe/Madrid",
	.read = read_zone,
	.equal = equal_zone,
	.show = show_zone,
};
const struct kind kind_cron = {
	.noun = "a cron expression such as \"0 3 * * *\"",
	.read = read_cron,
	.equal = equal_cron,
	.show = show_cron,
	.drop = drop_cron,
};
