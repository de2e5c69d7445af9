/* Jobs that applications have asked for with reeve.start, see stores/postgres/application.sql. */
#include "stores/postgres_store.h"

bool postgres_list_starts(
	struct store *base, size_t limit, struct start_list *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_LIST_STARTS, "i", INT(limit));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		size_t count = (size_t)pq.PQntuples(rows);
		*out = (struct start_list){ .rows = xcalloc(count + 1, sizeof *out->rows),
			.count = count };
		for (size_t i = 0; i < count; i++)
			out->rows[i] = (struct start_request){ .id = postgres_text(rows, (int)i, 0),
				.workflow = postgres_text(rows, (int)i, 1),
				.payload = postgres_text(rows, (int)i, 2),
				.key = postgres_text(rows, (int)i, 3),
				.hash = postgres_text(rows, (int)i, 4),
				.created_at_ms = postgres_int(rows, (int)i, 5) };
	}
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_refuse_start(
	struct store *base, const char *id, const char *reason, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *clean = postgres_clean(reason);
	postgres_call(&batch, POSTGRES_REFUSE_START, "tt", id, clean);
	bool done = postgres_run(postgres_of(base), &batch, err);
	postgres_batch_finish(&batch);
	return done;
}
