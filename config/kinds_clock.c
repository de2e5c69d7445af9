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

static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
#define ALL_DAYS 0x7f

static bool add_day(const struct reading *reading, const struct where *at, const struct node *node,
	uint8_t *days)
{
	struct filled filled = { 0 };
	if (node->kind == NODE_SCALAR && !reading_text(reading, at, node, &filled))
		return false;
	if (filled.text && strcasecmp(filled.text, "all") == 0) {
		*days = ALL_DAYS;
		return true;
	}
	for (size_t i = 0; filled.text && i < ARRAY_SIZE(day_names); i++)
		if (strcasecmp(filled.text, day_names[i]) == 0) {
			*days |= (uint8_t)(1 << i);
			return true;
		}
	return reading_unexpected(reading, at, node);
}

static bool read_days(struct reading *reading)
{
	const struct node *node = reading->node;
	uint8_t days = 0;
	bool is_whole = true;
	if (node->kind != NODE_LIST)
		is_whole = add_day(reading, &reading->at, node, &days);
	for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
		struct where at =
			faults_inside(&reading->loading->arena, &reading->at, &node->entries[i]);
		is_whole &= add_day(reading, &at, node->entries[i].value, &days);
	}
	if (is_whole && days == 0)
		return reading_unexpected(reading, &reading->at, node);
	if (is_whole)
		*(uint8_t *)reading_field(reading->key, reading->base) = days;
	return is_whole;
}

static uint8_t get_days(const struct key *key, const void *base)
{
	return *(const uint8_t *)reading_field_of(key, base);
}

static bool equal_days(const struct key *key, const void *base, const void *other)
{
	return get_days(key, base) == get_days(key, other);
}

static json_t *show_days(const struct key *key, const void *base)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(day_names); i++)
		if (get_days(key, base) >> i & 1)
			json_array_append_new(list, json_string(day_names[i]));
	return list;
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
const struct kind kind_days = {
	.noun = "a list of mon, tue, wed, thu, fri, sat, sun",
	.read = read_days,
	.equal = equal_days,
	.show = show_days,
};
const struct kind kind_cron = {
	.noun = "a cron expression such as \"0 3 * * *\"",
	.read = read_cron,
	.equal = equal_cron,
	.show = show_cron,
	.drop = drop_cron,
};
