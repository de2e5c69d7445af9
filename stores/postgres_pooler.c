/*
 * A pooler that gives every transaction another session of the server would lose statements and
 * settings, and answer with errors that tell nothing of it. It is looked for once, by the
 * numbers of the sessions that we are given.
 */
#include "stores/postgres_store.h"

#include <string.h>

#define LOOKS   4
#define MOST_MS 2000

/* The process of the server that answers; 0: none does. */
static int64_t ask_process(struct postgres_store *store, int64_t most_ms, struct error *err)
{
	PGresult *row = postgres_simple(store, "SELECT pg_backend_pid()", most_ms, err);
	int64_t pid = row ? postgres_int(row, 0, 0) : 0;
	pq.PQclear(row);
	return pid;
}

/* The session that a second connection gets while ours is idle. One that gets none waits for a
 * session that somebody keeps: ours is not lent out either. */
static int64_t ask_aside(struct postgres_store *store)
{
	PGconn *first = store->connection;
	int64_t pid = 0;
	store->connection = NULL;
	if (postgres_start(store, &store->connection, NULL))
		pid = ask_process(store, MOST_MS, NULL);
	postgres_disconnect(store);
	store->connection = first;
	return pid;
}

bool postgres_check_pooler(struct postgres_store *store, struct error *err)
{
	int64_t pid = store->session.pid;
	if (store->has_no_pooler || pid == pq.PQbackendPID(store->connection)) {
		store->has_no_pooler = true;
		return true;
	}
	bool is_lent = ask_aside(store) == pid;
	for (int i = 0; i < LOOKS && !is_lent; i++) {
		int64_t now = ask_process(store, POSTGRES_REPLY_MS, err);
		if (!now)
			return false;
		is_lent = now != pid;
	}
	store->is_pooled = true;
	store->has_no_pooler = !is_lent;
	return !is_lent ||
	       error_set(err, ERROR_INVALID,
		       "store postgres: the pooler in front of the server gives each transaction "
		       "another session; reeve needs its session mode (PgBouncer: pool_mode = "
		       "session)");
}
