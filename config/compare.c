/* What a reload has to do: the reload class of what changed, from the table of keys. */
#include "config/keys.h"

static enum reload_class compare(
	const struct key_table *table, const void *before, const void *after)
{
	enum reload_class most = RELOAD_NOTHING;
	for (size_t i = 0; i < table->count; i++) {
		const struct key *key = &table->rows[i];
		if (key->reload > most && !key->kind->equal(key, before, after))
			most = key->reload;
	}
	return most;
}

enum reload_class config_compare_queue(
	const struct config_queue *before, const struct config_queue *after)
{
	return compare(&keys_queue, before, after);
}

static bool has_name(char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* Handlers lose these variables, so a change reaches them only with a new worker. */
static bool have_same_names(char *const *before, char *const *after)
{
	for (char *const *name = before; *name; name++)
		if (!has_name(after, *name))
			return false;
	for (char *const *name = after; *name; name++)
		if (!has_name(before, *name))
			return false;
	return true;
}

bool config_compare_globals(const struct config *before, const struct config *after)
{
	return compare(&keys_global, before, after) == RELOAD_ROLL ||
	       !have_same_names(before->secret_variables, after->secret_variables);
}

bool config_compare_schedules(const struct config *before, const struct config *after)
{
	bool is_changed = before->schedule_count != after->schedule_count;
	for (size_t i = 0; !is_changed && i < before->schedule_count; i++) {
		const struct config_schedule *a = &before->schedules[i], *b = &after->schedules[i];
		is_changed = strcmp(a->name, b->name) != 0 ||
			     compare(&keys_schedule, a, b) != RELOAD_NOTHING;
	}
	return is_changed;
}
