/* What supervisors tell each other, and queues that are paused for all of them. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_tasks.h"

#include <stdio.h>

static void forget(struct memory *memory, const char *id)
{
	struct beat *beat = map_find(&memory->beats, id);
	if (!beat)
		return;
	map_drop(&memory->beats, id);
	free(beat->text);
	free(beat);
}

void memory_free_beats(struct memory *memory)
{
	while (memory->beats.last)
		forget(memory, memory->beats.last->key);
	map_finish(&memory->beats);
}

static void forget_lapsed(struct memory *memory, int64_t now)
{
	struct map_entry *at = map_after(&memory->beats, NULL);
	while (at) {
		struct map_entry *next = at->next[0];
		if (((struct beat *)at->value)->until_ms <= now)
			forget(memory, at->key);
		at = next;
	}
}

static void keep(struct memory *memory, const struct heartbeat *own, int64_t now)
{
	struct beat *beat = xmalloc(sizeof *beat);
	*beat = (struct beat){ xstrdup(own->text), now, now + own->hold_ms };
	forget(memory, own->id);
	map_add(&memory->beats, own->id, beat);
}

static void list_beats(const struct memory *memory, int64_t now, struct beat_list *list)
{
	*list = (struct beat_list){ .rows = xcalloc(memory->beats.count + 1, sizeof *list->rows) };
	for (struct map_entry *at = map_after(&memory->beats, NULL);
		at && list->count < STORE_BEATS_MAX; at = at->next[0]) {
		const struct beat *beat = at->value;
		struct beat_record *row = &list->rows[list->count++];
		*row = (struct beat_record){ .text = xstrdup(beat->text),
			.age_ms = now - beat->at_ms };
		snprintf(row->id, sizeof row->id, "%s", at->key);
	}
}

bool memory_beat(
	struct store *store, const struct heartbeat *own, struct beat_list *list, struct error *err)
{
	struct memory *memory = memory_of(store);
	int64_t now = clock_steady_ms();
	if (!backend_check_beat(own, err))
		return false;
	if (own)
		keep(memory, own, now);
	forget_lapsed(memory, now);
	if (list)
		list_beats(memory, now, list);
	return true;
}

bool memory_set_pause(struct store *store, const char *name, bool is_paused, struct error *err)
{
	(void)err;
	struct queue *queue = memory_queue(memory_of(store), name);
	if (is_paused == (queue->paused_at_ms != 0))
		return true;
	queue->paused_at_ms = is_paused ? clock_wall_ms() : 0;
	queue->rung++;
	return true;
}
