/* See work_counter.h. */
#include "tests/work_counter.h"

#include "stores/postgres_store.h"
#include "stores/redis_store.h"
#include "stores/sqlite_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const struct error *err)
{
	fprintf(stderr, "%s\n", err->text);
	abort();
}

static int64_t count_sqlite(struct store *store)
{
	int64_t steps = 0;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		if (sqlite_of(store)->statements[i])
			steps += sqlite3_stmt_status(
				sqlite_of(store)->statements[i], SQLITE_STMTSTATUS_VM_STEP, 0);
	return steps;
}

static int64_t count_redis(struct store *store)
{
	struct error err;
	const char *words[] = { "INFO", "commandstats" };
	const struct redis_command command = { 2, words, NULL };
	redisReply *reply = NULL;
	if (!redis_wire_ask(&redis_of(store)->wire, &command, 1, &reply, &err))
		die(&err);
	int64_t calls = 0;
	for (const char *at = reply->str; (at = strstr(at, ":calls=")) != NULL; at++)
		calls += strtoll(at + 7, NULL, 10);
	freeReplyObject(reply);
	return calls;
}

static PGresult *ask_postgres(struct store *store, const char *sql)
{
	struct error err;
	pq.PQexitPipelineMode(postgres_of(store)->connection);
	PGresult *rows = postgres_simple(postgres_of(store), sql, 60000, &err);
	if (!rows)
		die(&err);
	pq.PQenterPipelineMode(postgres_of(store)->connection);
	return rows;
}

static int64_t count_postgres(struct store *store)
{
	static const char flush[] = "SELECT pg_stat_force_next_flush()";
	static const char ask[] =
		"SELECT (SELECT sum(seq_tup_read + n_tup_ins + n_tup_upd + n_tup_del) "
		"FROM pg_stat_user_tables WHERE schemaname = current_schema()) + "
		"(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes "
		"WHERE schemaname = current_schema())";
	pq.PQclear(ask_postgres(store, flush));
	PGresult *rows = ask_postgres(store, ask);
	int64_t count = postgres_int(rows, 0, 0);
	pq.PQclear(rows);
	return count;
}

int64_t work_count(struct store *store, const char *url)
{
	static const struct {
		const char *url;
		int64_t (*count)(struct store *);
	} kinds[] = { { "sqlite:", count_sqlite }, { "redis:", count_redis },
		{ "postgres:", count_postgres } };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(url, kinds[i].url) == 0)
			return kinds[i].count(store);
	return 0;
}

void work_clean(struct store *store, const char *url)
{
	if (strcmp(url, "postgres:") == 0)
		pq.PQclear(ask_postgres(store, "VACUUM"));
}
