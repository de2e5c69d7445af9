/* The difference of two configurations; see plan.h. */
#include "supervisor/plan.h"

#include "base/memory.h"

#include <string.h>

const char *const change_names[CHANGE_KINDS] = {
	[CHANGE_NONE] = "none",
	[CHANGE_LIVE] = "live",
	[CHANGE_ROLL] = "roll",
	[CHANGE_ADD] = "add",
	[CHANGE_REMOVE] = "remove",
};

static const enum change_kind kind_of_class[] = {
	[RELOAD_NOTHING] = CHANGE_NONE,
	[RELOAD_LIVE] = CHANGE_LIVE,
	[RELOAD_ROLL] = CHANGE_ROLL,
};

struct known {
	const struct config_queue *queue;
	bool is_kept;
};

static int by_name(const void *left, const void *right)
{
	const struct known *a = left, *b = right;
	return strcmp(a->queue->name, b->queue->name);
}

/* The old queues sorted by name, so that the whole difference costs n log n. */
static struct known *sort_queues(const struct config *config)
{
	struct known *list = xcalloc(config->queue_count, sizeof *list);
	for (size_t i = 0; i < config->queue_count; i++)
		list[i].queue = &config->queues[i];
	qsort(list, config->queue_count, sizeof *list, by_name);
	return list;
}

bool plan_names(const char *const *only, size_t only_count, const char *name)
{
	for (size_t i = 0; i < only_count; i++)
		if (strcmp(only[i], name) == 0)
			return true;
	return only_count == 0;
}

static enum change_kind judge(const struct plan *plan, const struct config_queue *before,
	const struct config_queue *after)
{
	if (!before)
		return CHANGE_ADD;
	return plan->rolls_all ? CHANGE_ROLL : kind_of_class[config_compare_queue(before, after)];
}

static void add(struct plan *plan, enum change_kind kind, const struct config_queue *before,
	const struct config_queue *after)
{
	plan->changes[plan->count++] =
		(struct change){ .kind = kind, .before = before, .after = after };
}

void plan_make(const struct config *before, const struct config *after, const char *const *only,
	size_t only_count, struct plan *out)
{
	OWNED(free) struct known *known = sort_queues(before);
	*out = (struct plan){
		.changes = xcalloc(before->queue_count + after->queue_count, sizeof *out->changes),
		.rolls_all = config_compare_globals(before, after),
		.has_new_schedules = config_compare_schedules(before, after),
	};
	for (size_t i = 0; i < after->queue_count; i++) {
		const struct config_queue *queue = &after->queues[i];
		struct known key = { .queue = queue };
		struct known *found =
			bsearch(&key, known, before->queue_count, sizeof *known, by_name);
		if (found)
			found->is_kept = true;
		if (plan_names(only, only_count, queue->name))
			add(out, judge(out, found ? found->queue : NULL, queue),
				found ? found->queue : NULL, queue);
	}
	for (size_t i = 0; i < before->queue_count; i++)
		if (!known[i].is_kept && plan_names(only, only_count, known[i].queue->name))
			add(out, CHANGE_REMOVE, known[i].queue, NULL);
}

void plan_finish(struct plan *plan)
{
	free(plan->changes);
	*plan = (struct plan){ 0 };
}

json_t *plan_describe(const struct plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];
		const struct config_queue *queue = change->after ? change->after : change->before;
		json_array_append_new(list, json_pack("{s:s, s:s}", "queue", queue->name, "change",
						    change_names[change->kind]));
	}
	if (plan->has_new_schedules)
		json_array_append_new(list, json_pack("{s:b, s:s}", "schedules", 1, "change",
						    change_names[CHANGE_LIVE]));
	return list;
}
