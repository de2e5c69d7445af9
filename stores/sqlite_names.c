/* Text ids and queue names to the numbers that the tables use. */
#include "stores/sqlite_store.h"

#include <stdio.h>
#include <string.h>

static int64_t cached_queue(struct sqlite_store *store, const char *name)
{
	for (size_t i = 0; i < store->queue_count; i++)
		if (strcmp(store->queues[i].name, name) == 0)
			return store->queues[i].id;
	return 0;
}

static void cache_queue(struct sqlite_store *store, const char *name, int64_t id)
{
	store->queues =
		xgrow(store->queues, store->queue_count, &store->queue_room, sizeof *store->queues);
	store->queues[store->queue_count++] =
		(struct sqlite_queue){ .name = xstrdup(name), .id = id };
}

int64_t sqlite_find_queue(struct sqlite_store *store, const char *name)
{
	int64_t id = cached_queue(store, name);
	if (id == 0) {
		id = sqlite_read(store, SQL_FIND_QUEUE, 0, "t", name);
		/* One that this transaction has made may be rolled back. */
		if (id && !store->has_new_queue)
			cache_queue(store, name, id);
	}
	return id;
}

int64_t sqlite_get_queue(struct sqlite_store *store, const char *name)
{
	int64_t id = sqlite_find_queue(store, name);
	if (id)
		return id;
	sqlite_run(store, SQL_ADD_QUEUE, "t", name);
	store->has_new_queue = true;
	id = store->failure ? 0 : sqlite3_last_insert_rowid(store->db);
	if (id >= BELLS_WORDS)
		bells_share(&store->bell.bells);
	return id;
}

int64_t sqlite_find_job(struct sqlite_store *store, const char *uuid)
{
	return sqlite_read(store, SQL_FIND_JOB, 0, "t", uuid);
}

int64_t sqlite_find_task(struct sqlite_store *store, const char *id)
{
	char uuid[IDS_UUID_SIZE];
	int64_t seq;
	int64_t job = store_split_id(id, uuid, &seq) ? sqlite_find_job(store, uuid) : 0;
	if (job) /* a foreign message's id may look the same */
		return seq <= SQLITE_SEQ_MAX ? sqlite_number(job, seq) : 0;
	return sqlite_read(store, SQL_FIND_PUSHED, 0, "t", id);
}

void sqlite_write_id(const char *text, int64_t number, char out[STORE_ID_SIZE])
{
	if (sqlite_is_pushed(number))
		snprintf(out, STORE_ID_SIZE, "%s", text);
	else
		snprintf(out, STORE_ID_SIZE, "%s.%lld", text, (long long)sqlite_seq_of(number));
}

int64_t sqlite_new_numbers(struct sqlite_store *store, int64_t count)
{
	return sqlite_read(store, SQL_TAKE_NUMBERS, 0, "i", count) - count;
}
