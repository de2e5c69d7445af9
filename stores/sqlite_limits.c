/* What a queue lets in: rate and max_working of a lease request. Slots: see backend_slots. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

static bool has_any(const struct lease_limit *limit)
{
	return limit->rate > 0 || limit->max_working > 0;
}

int64_t sqlite_taken(struct sqlite_store *store, int64_t queue, int64_t rate_ms, int64_t *next_ms)
{
	int64_t now = clock_steady_ms();
	struct backend_slots slots = backend_slots(rate_ms, now);
	sqlite3_stmt *row =
		sqlite_query(store, SQL_GET_TAKEN, "iii", queue, slots.first, slots.last);
	int64_t tasks = sqlite_row(store, row) ? sqlite_int(row, 0) : 0;
	*next_ms = tasks > 0 ? backend_slot_ms(&slots, sqlite_int(row, 1), now) : 0;
	sqlite_done(row);
	return tasks;
}

struct noted {
	bool has_max_working;
	int64_t rate_ms;
};

static struct noted read_noted(struct sqlite_store *store, int64_t queue)
{
	struct noted noted = { 0 };
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_LIMITS, "i", queue);
	if (sqlite_row(store, row))
		noted = (struct noted){ sqlite_int(row, 0), sqlite_int(row, 1) };
	sqlite_done(row);
	return noted;
}

bool sqlite_is_limit_noted(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit)
{
	struct noted noted = read_noted(store, queue);
	return noted.has_max_working == (limit->max_working > 0) && noted.rate_ms == limit->rate_ms;
}

void sqlite_note_limit(struct sqlite_store *store, int64_t queue, const struct lease_limit *limit)
{
	struct noted noted = read_noted(store, queue);
	/* Slots of another width mean nothing. */
	if (noted.rate_ms != limit->rate_ms)
		sqlite_run(store, SQL_DROP_ALL_TAKEN, "i", queue);
	if (noted.rate_ms != limit->rate_ms || noted.has_max_working != (limit->max_working > 0))
		sqlite_run(store, SQL_SET_LIMITS, "iii", queue, INT(limit->max_working > 0),
			limit->rate_ms);
}

struct sqlite_room sqlite_room(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit, size_t most)
{
	struct sqlite_room room = { .tasks = most, .wait_ms = -1 };
	if (limit->max_working > 0) {
		int64_t working =
			sqlite_read(store, SQL_COUNT_LEASES, 0, "ii", queue, limit->max_working);
		if (limit->max_working - working < INT(room.tasks))
			room.tasks = (size_t)(limit->max_working - working);
	}
	if (limit->rate == 0 || room.tasks == 0)
		return room;
	int64_t left = limit->rate - sqlite_taken(store, queue, limit->rate_ms, &room.wait_ms);
	if (left < INT(room.tasks))
		room.tasks = left > 0 ? (size_t)left : 0;
	return room;
}

void sqlite_count_taken(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit, size_t tasks)
{
	if (limit->rate == 0 || tasks == 0)
		return;
	struct backend_slots slots = backend_slots(limit->rate_ms, clock_steady_ms());
	sqlite_run(store, SQL_DROP_TAKEN, "ii", queue, slots.first);
	sqlite_run(store, SQL_ADD_TAKEN, "iii", queue, slots.last, INT(tasks));
}

static bool is_ready(struct sqlite_store *store, int64_t queue)
{
	return sqlite_read(store, SQL_IS_READY, 0, "i", queue);
}

void sqlite_ring_more(struct sqlite_store *store, const struct lease_request *request)
{
	for (size_t i = 0; i < request->queue_count; i++) {
		struct lease_limit limit = backend_limit(request, i);
		int64_t queue = has_any(&limit) ? sqlite_find_queue(store, request->queues[i]) : 0;
		if (queue && is_ready(store, queue))
			sqlite_note_ready(store, queue, 1);
	}
}

static bool is_taken(const struct lease_batch *batch, const char *queue)
{
	for (size_t i = 0; i < batch->count; i++)
		if (strcmp(batch->tasks[i].queue, queue) == 0)
			return true;
	return false;
}

void sqlite_ring_freed(struct sqlite_store *store, int64_t queue, const struct lease_batch *batch)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_NAME_QUEUE, "i", queue);
	OWNED(free) char *name = sqlite_row(store, row) ? sqlite_text(row, 0) : NULL;
	sqlite_done(row);
	if (name && !is_taken(batch, name) && is_ready(store, queue))
		sqlite_note_ready(store, queue, 1);
}
