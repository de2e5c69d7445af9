/* What keepers remember of schedules. */
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_tasks.h"

void memory_free_schedules(struct memory *memory)
{
	while (memory->schedules.last) {
		struct schedule *schedule = memory->schedules.last->value;
		map_drop(&memory->schedules, memory->schedules.last->key);
		free(schedule->text);
		free(schedule);
	}
	map_finish(&memory->schedules);
}

static struct schedule *take_up(struct memory *memory, const char *name)
{
	struct schedule *schedule = xcalloc(1, sizeof *schedule);
	map_add(&memory->schedules, name, schedule);
	return schedule;
}

bool memory_fire(struct store *store, const struct firing *firing, bool *is_done, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct schedule *schedule = map_find(&memory->schedules, firing->name);
	char id[STORE_ID_SIZE];
	if (!backend_check_firing(firing, err))
		return false;
	*is_done = (schedule ? schedule->version : 0) == firing->version;
	if (!*is_done)
		return true;
	if ((firing->job && !memory_submit(store, firing->job, id, err)) ||
		(firing->task && !memory_push(store, firing->task, 1, NULL, err)))
		return false;
	if (!schedule)
		schedule = take_up(memory, firing->name);
	free(schedule->text);
	schedule->text = xstrdup(firing->text);
	schedule->version++;
	return true;
}

bool memory_get_schedules(struct store *store, const char *const *names, size_t count,
	struct schedule_list *list, struct error *err)
{
	(void)err;
	*list = (struct schedule_list){ xcalloc(count + 1, sizeof *list->rows), count };
	for (size_t i = 0; i < count; i++) {
		const struct schedule *schedule = map_find(&memory_of(store)->schedules, names[i]);
		if (schedule)
			list->rows[i] = (struct schedule_record){ schedule->version,
				xstrdup(schedule->text) };
	}
	return true;
}
