/* What supervisors tell each other, and queues that are paused for all of them. */
#include "stores/backend.h"
#include "stores/postgres_store.h"

#include <stdio.h>

static void read_beats(const PGresult *rows, struct beat_list *list)
{
	size_t count = (size_t)pq.PQntuples(rows);
	*list = (struct beat_list){ .rows = xcalloc(count + 1, sizeof *list->rows),
		.count = count };
	for (size_t i = 0; i < count; i++) {
		struct beat_record *beat = &list->rows[i];
		*beat = (struct beat_record){ .text = postgres_text(rows, (int)i, 1),
			.age_ms = postgres_int(rows, (int)i, 2) };
		snprintf(beat->id, sizeof beat->id, "%s", pq.PQgetvalue(rows, (int)i, 0));
	}
}

bool postgres_beat(
	struct store *base, const struct heartbeat *own, struct beat_list *list, struct error *err)
{
	struct postgres_batch batch = { 0 };
	if (!backend_check_beat(own, err))
		return false;
	OWNED(free) char *text = postgres_clean(own ? own->text : NULL);
	postgres_call(&batch, POSTGRES_BEAT, "ttibi", own ? own->id : NULL, text,
		own ? own->hold_ms : INT(0), list != NULL, INT(STORE_BEATS_MAX));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done && list)
		read_beats(batch.calls[0]->result, list);
	postgres_batch_finish(&batch);
	return done;
}

/* Waits for the disk: a person has asked for it and relies on it. */
bool postgres_set_pause(struct store *base, const char *queue, bool is_paused, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_SET_PAUSE, "tb", queue, is_paused);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	postgres_batch_finish(&batch);
	return done;
}
