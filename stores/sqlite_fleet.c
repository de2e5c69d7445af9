/* What supervisors tell each other, and queues that are paused for all of them. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/sqlite_store.h"

#include <stdio.h>

static void read_beats(struct sqlite_store *store, int64_t now, struct beat_list *list)
{
	size_t room = 0;
	sqlite3_stmt *row = sqlite_query(store, SQL_LIST_BEATS, "ii", now, INT(STORE_BEATS_MAX));
	while (sqlite_row(store, row)) {
		list->rows = xgrow(list->rows, list->count, &room, sizeof *list->rows);
		struct beat_record *beat = &list->rows[list->count++];
		*beat = (struct beat_record){ .text = sqlite_text(row, 1),
			.age_ms = sqlite_int(row, 2) };
		snprintf(
			beat->id, sizeof beat->id, "%s", (const char *)sqlite3_column_text(row, 0));
	}
	sqlite_done(row);
}

bool sqlite_beat(
	struct store *base, const struct heartbeat *own, struct beat_list *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct beat_list list = { 0 };
	int64_t now = clock_steady_ms();
	if (!backend_check_beat(own, err))
		return false;
	if (own ? !sqlite_begin(store, SYNC_NORMAL, err) : !sqlite_begin_read(store, err))
		return false;
	if (own) {
		sqlite_run(
			store, SQL_KEEP_BEAT, "tiit", own->id, now, now + own->hold_ms, own->text);
		sqlite_run(store, SQL_DROP_BEATS, "i", now);
	}
	if (out)
		read_beats(store, now, &list);
	if (!sqlite_end(store, err)) {
		beat_list_finish(&list);
		return false;
	}
	if (out)
		*out = list;
	return true;
}

/* Synced: a person has asked for it and relies on it. */
bool sqlite_set_pause(struct store *base, const char *name, bool is_paused, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	int64_t queue = sqlite_get_queue(store, name);
	int64_t since = is_paused ? clock_wall_ms() : 0;
	if (sqlite_run(store, SQL_SET_PAUSED, "ii", queue, since) > 0)
		sqlite_note_ready(store, queue, INT64_MAX);
	return sqlite_end(store, err);
}
