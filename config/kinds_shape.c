/* Kinds for numbers of workers that accept more than one shape: workers, a share of them. */
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

static bool keep_pool(struct reading *reading, int64_t min, int64_t max)
{
	struct config_queue *queue = reading->base;
	queue->workers_min = (int)min;
	queue->workers_max = (int)max;
	return true;
}

static bool read_bound(const struct reading *reading, const struct entry *entry, int64_t *out)
{
	struct filled filled;
	struct arena *arena = &reading->loading->arena;
	const struct key *key = reading->key;
	struct where at = faults_inside(arena, &reading->at, entry);
	int64_t number = 0;
	if (entry->value->kind == NODE_SCALAR && !reading_text(reading, &at, entry->value, &filled))
		return false;
	if (entry->value->kind != NODE_SCALAR || !units_parse_integer(filled.text, 10, &number) ||
		number < key->low || number > key->high)
		return faults_add(&reading->loading->faults, &at,
			"expected a count from %d to %d, got %s", (int)key->low, (int)key->high,
			faults_found(arena, entry->value));
	*out = number;
	return true;
}

static bool read_pool(struct reading *reading)
{
	static const char *const known[] = { "min", "max" };
	int64_t bounds[] = { 0, -1 };
	bool is_whole = true;
	for (size_t i = 0; i < reading->node->count; i++) {
		const struct entry *entry = &reading->node->entries[i];
		size_t which = 0;
		while (which < ARRAY_SIZE(known) && strcmp(entry->key, known[which]) != 0)
			which++;
		is_whole &= which < ARRAY_SIZE(known)
				    ? read_bound(reading, entry, &bounds[which])
				    : reading_unknown(reading, entry, known, ARRAY_SIZE(known));
	}
	if (!is_whole)
		return false;
	if (bounds[1] < 0)
		return reading->is_partial || reading_fault(reading, "max is missing");
	if (bounds[0] > bounds[1])
		return reading_fault(
			reading, "min (%d) is more than max (%d)", (int)bounds[0], (int)bounds[1]);
	return keep_pool(reading, bounds[0], bounds[1]);
}

static bool read_workers(struct reading *reading)
{
	struct filled filled;
	const struct key *key = reading->key;
	int64_t count = 0;
	if (reading->node->kind == NODE_MAP)
		return read_pool(reading);
	if (!reading_own_text(reading, &filled))
		return false;
	if (!units_parse_integer(filled.text, 10, &count))
		return reading_unexpected(reading, &reading->at, reading->node);
	if (count < key->low || count > key->high)
		return reading_fault(reading, "expected a count from %d to %d, got %s",
			(int)key->low, (int)key->high,
			faults_found(&reading->loading->arena, reading->node));
	return keep_pool(reading, count, count);
}

static bool equal_workers(const struct key *key, const void *base, const void *other)
{
	(void)key;
	const struct config_queue *a = base, *b = other;
	return a->workers_min == b->workers_min && a->workers_max == b->workers_max;
}

static json_t *show_workers(const struct key *key, const void *base)
{
	(void)key;
	const struct config_queue *queue = base;
	return queue->workers_min == queue->workers_max
		       ? json_integer(queue->workers_max)
		       : json_pack("{s:i, s:i}", "min", queue->workers_min, "max",
				 queue->workers_max);
}

/* "3" or "25%". */
static bool read_share(struct reading *reading)
{
	struct filled filled;
	struct config_queue *queue = reading->base;
	const struct key *key = reading->key;
	int64_t number = 0;
	if (!reading_own_text(reading, &filled))
		return false;
	size_t length = strlen(filled.text);
	bool is_percent = filled.text[length - 1] == '%';
	const char *digits = arena_copy(&reading->loading->arena, filled.text, length - is_percent);
	int64_t high = is_percent ? 100 : key->high;
	if (!units_parse_integer(digits, 10, &number) || number < key->low || number > high)
		return reading_unexpected(reading, &reading->at, reading->node);
	queue->max_unavailable = is_percent ? 0 : (int)number;
	queue->max_unavailable_percent = is_percent ? (int)number : 0;
	return true;
}

static bool equal_share(const struct key *key, const void *base, const void *other)
{
	(void)key;
	const struct config_queue *a = base, *b = other;
	return a->max_unavailable == b->max_unavailable &&
	       a->max_unavailable_percent == b->max_unavailable_percent;
}

static json_t *show_share(const struct key *key, const void *base)
{
	(void)key;
	const struct config_queue *queue = base;
	return queue->max_unavailable ? json_integer(queue->max_unavailable)
				      : json_sprintf("%d%%", queue->max_unavailable_percent);
}

const struct kind kind_workers = {
	.noun = "a count or {min, max}",
	.read = read_workers,
	.equal = equal_workers,
	.show = show_workers,
};
const struct kind kind_share = {
	.noun = "a count from 1 or a percentage from 1% to 100%",
	.read = read_share,
	.equal = equal_share,
	.show = show_share,
};
