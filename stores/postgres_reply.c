/* What the acts answer; see reply in stores/postgres/tables.sql. */
#include "stores/postgres_store.h"

#include <stdio.h>
#include <string.h>

#define FOLLOW_MAX 1000

char *postgres_text(const PGresult *rows, int row, int column)
{
	if (pq.PQgetisnull(rows, row, column))
		return NULL;
	return xstrndup(
		pq.PQgetvalue(rows, row, column), (size_t)pq.PQgetlength(rows, row, column));
}

int64_t postgres_int(const PGresult *rows, int row, int column)
{
	return strtoll(pq.PQgetvalue(rows, row, column), NULL, 10);
}

bool postgres_bool(const PGresult *rows, int row, int column)
{
	return pq.PQgetvalue(rows, row, column)[0] == 't';
}

static void read_leased(const PGresult *rows, int row, struct leased *task)
{
	*task = (struct leased){
		.job_id = postgres_text(rows, row, REPLY_JOB),
		.seq = postgres_int(rows, row, REPLY_N),
		.parent = postgres_int(rows, row, REPLY_PARENT),
		.name = postgres_text(rows, row, REPLY_NAME),
		.queue = postgres_text(rows, row, REPLY_QUEUE),
		.payload = postgres_text(rows, row, REPLY_PAYLOAD),
		.scopes = postgres_text(rows, row, REPLY_SCOPES),
		.token.attempt = (uint32_t)postgres_int(rows, row, REPLY_ATTEMPT),
		.token.nonce = (uint64_t)postgres_int(rows, row, REPLY_NONCE),
		.failures = (int)postgres_int(rows, row, REPLY_FAILURES),
		.crashes = (int)postgres_int(rows, row, REPLY_CRASHES),
		.losses = (int)postgres_int(rows, row, REPLY_LOSSES),
		.scheduled_at_ms = postgres_int(rows, row, REPLY_DUE),
		.wait_scope = postgres_int(rows, row, REPLY_WAIT_SCOPE),
		.wait_gate = postgres_text(rows, row, REPLY_WAIT_GATE),
		.wait_until_ms = postgres_int(rows, row, REPLY_WAIT_UNTIL),
		.is_cancelled = postgres_bool(rows, row, REPLY_IS_CANCELLED),
	};
	snprintf(task->id, sizeof task->id, "%s", pq.PQgetvalue(rows, row, REPLY_ID));
	snprintf(task->token.owner, sizeof task->token.owner, "%s",
		pq.PQgetvalue(rows, row, REPLY_OWNER));
}

static void note_ring(struct postgres_store *store, const PGresult *rows, int row)
{
	store->rings =
		xgrow(store->rings, store->ring_count, &store->ring_room, sizeof *store->rings);
	store->rings[store->ring_count++] =
		(struct postgres_ring){ .queue = postgres_text(rows, row, REPLY_QUEUE),
			.count = postgres_int(rows, row, REPLY_N) };
}

static void note_ended(struct postgres_store *store, int64_t job)
{
	store->ended =
		xgrow(store->ended, store->ended_count, &store->ended_room, sizeof *store->ended);
	store->ended[store->ended_count++] = job;
}

static void read_line(struct postgres_store *store, const PGresult *rows, int row,
	struct lease_batch *batch, size_t *room)
{
	const char *kind = pq.PQgetvalue(rows, row, REPLY_KIND);
	if (strcmp(kind, "task") == 0 && batch) {
		batch->tasks = xgrow(batch->tasks, batch->count, room, sizeof *batch->tasks);
		read_leased(rows, row, &batch->tasks[batch->count++]);
	} else if (strcmp(kind, "next") == 0 && batch) {
		batch->next_ms = postgres_int(rows, row, REPLY_N);
		batch->is_limited = postgres_bool(rows, row, REPLY_IS_CANCELLED);
	} else if (strcmp(kind, "ring") == 0) {
		note_ring(store, rows, row);
	} else if (strcmp(kind, "ended") == 0) {
		note_ended(store, postgres_int(rows, row, REPLY_N));
	} else if (strcmp(kind, "job") == 0) {
		store->has_jobs = true;
	} else if (strcmp(kind, "tell") == 0) {
		store->has_to_tell = true;
	}
}

void postgres_read_reply(
	struct postgres_store *store, const PGresult *rows, struct lease_batch *batch)
{
	size_t room = batch ? batch->count : 0;
	for (int row = 0; row < pq.PQntuples(rows); row++)
		read_line(store, rows, row, batch, &room);
}

int postgres_find_line(const PGresult *rows, const char *kind)
{
	for (int row = pq.PQntuples(rows) - 1; row >= 0; row--)
		if (strcmp(pq.PQgetvalue(rows, row, REPLY_KIND), kind) == 0)
			return row;
	return -1;
}

void postgres_follow(struct postgres_store *store)
{
	for (int times = 0; store->has_jobs && times < FOLLOW_MAX; times++) {
		struct postgres_batch batch = { 0 };
		store->has_jobs = false;
		postgres_call(&batch, POSTGRES_AGAIN, "");
		if (postgres_run(store, &batch, NULL))
			postgres_read_reply(store, batch.calls[0]->result, NULL);
		postgres_batch_finish(&batch);
	}
	store->has_jobs = false;
	postgres_ring(store);
}

bool postgres_act(struct postgres_store *store, struct postgres_batch *batch,
	struct lease_batch *leases, struct error *err)
{
	struct lease_batch read = { .next_ms = -1 };
	store->ended_count = 0;
	if (!postgres_run(store, batch, err))
		return false;
	postgres_read_reply(store, batch->calls[0]->result, leases ? &read : NULL);
	postgres_follow(store);
	if (leases)
		*leases = read;
	return true;
}
