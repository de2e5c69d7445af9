/* A look at the server, without a store being made there; see preflight.h. */
#include "stores/postgres.h"

#include "stores/postgres_store.h"

#include <inttypes.h>
#include <string.h>

/* The least of the limits that are set: of the server, of the role, of the database. */
static int64_t count_places(const PGresult *row)
{
	int64_t places = postgres_int(row, 0, 0) - postgres_int(row, 0, 1);
	for (int column = 2; column <= 3; column++) {
		int64_t limit = postgres_int(row, 0, column);
		if (limit >= 0 && limit < places)
			places = limit;
	}
	return places;
}

static void judge(const struct postgres_store *store, const PGresult *row, size_t connections,
	struct store_warnings *out)
{
	int64_t places = count_places(row);
	if ((int64_t)connections > places)
		store_warnings_add(out,
			xprintf("store postgres: at its most this host holds %zu connections, and "
				"the server gives %" PRId64 " to all its users: raise "
				"max_connections (%s) or the limit of role or database, or lower "
				"workers",
				connections, places, pq.PQgetvalue(row, 0, 0)));
	if (strcmp(pq.PQgetvalue(row, 0, 4), "off") == 0)
		store_warnings_add(out,
			xstrdup("store postgres: the server runs with fsync=off: a power cut can "
				"destroy the store"));
	/* Who says so in the URL knows. */
	if (strcmp(store->durability, "off") == 0 && !strstr(store->url, "synchronous_commit"))
		store_warnings_add(out,
			xstrdup("store postgres: the server runs with synchronous_commit=off: its "
				"crash can lose jobs that were accepted"));
}

bool postgres_store_preflight(
	const char *path, size_t connections, struct store_warnings *out, struct error *err)
{
	struct postgres_store *store;
	struct postgres_batch batch = { 0 };
	if (!postgres_create(path, &store, err))
		return false;
	store->has_schema = true; /* whether it is there does not matter here */
	postgres_call(&batch, POSTGRES_LIMITS, "");
	bool done = postgres_run(store, &batch, err);
	if (done)
		judge(store, batch.calls[0]->result, connections, out);
	postgres_batch_finish(&batch);
	store_close(&store->base);
	return done;
}
