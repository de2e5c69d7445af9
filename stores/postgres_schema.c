/*
 * The tables and functions of a store and their version. A change needs a new SCHEMA_VERSION, a
 * script that leads there from the version before (scripts, below), and docs/stores.md. Functions
 * are made anew with each version; they have to serve the reeve of the version before too.
 */
#include "stores/postgres_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA_VERSION 9
#define SERVES         3 /* the oldest version whose reeve can use this one */

/* From stores/postgres, made by embed.sh. */
extern const char postgres_tables_sql[], postgres_outbox_sql[], postgres_entries_sql[],
	postgres_fold_sql[], postgres_lease_sql[], postgres_commit_sql[], postgres_control_sql[],
	postgres_read_sql[], postgres_gates_sql[], postgres_application_sql[], postgres_lines_sql[],
	postgres_doors_sql[], postgres_beats_sql[], postgres_fleet_sql[], postgres_starts_sql[],
	postgres_limits_sql[], postgres_rates_sql[], postgres_notes_sql[], postgres_schedules_sql[];

static const char functions_alone[] = "SELECT 1"; /* no table changes with these versions */

/* scripts[i] leads from version i to the next. */
static const char *const scripts[SCHEMA_VERSION] = { postgres_tables_sql, postgres_outbox_sql,
	postgres_beats_sql, postgres_starts_sql, postgres_limits_sql, postgres_notes_sql,
	functions_alone, functions_alone, functions_alone };
static const char *const functions[] = { postgres_entries_sql, postgres_fold_sql,
	postgres_lines_sql, postgres_doors_sql, postgres_rates_sql, postgres_lease_sql,
	postgres_commit_sql, postgres_control_sql, postgres_read_sql, postgres_gates_sql,
	postgres_fleet_sql, postgres_schedules_sql, postgres_application_sql };

#define STEP_MS 600000 /* of a step that leads to the next version */

static bool run(struct postgres_store *store, const char *sql, struct error *err)
{
	PGresult *result = postgres_simple(store, sql, STEP_MS, err);
	pq.PQclear(result);
	return result != NULL;
}

/* 0: there is no store. The catalogue itself is asked: what a session has once looked for by name
 * and not found it may believe missing until it next locks a table. */
static bool read_version(struct postgres_store *store, int64_t *version, struct error *err)
{
	OWNED(free)
	char *look = xprintf("SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c "
			     "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
			     "WHERE n.nspname = '%s' AND c.relname = 'meta')",
		store->schema);
	PGresult *row = postgres_simple(store, look, POSTGRES_REPLY_MS, err);
	if (!row)
		return false;
	bool is_there = postgres_bool(row, 0, 0);
	pq.PQclear(row);
	*version = 0;
	if (!is_there)
		return true;
	OWNED(free)
	char *read = xprintf("SELECT (SELECT value FROM \"%s\".meta WHERE name = 'version'), "
			     "(SELECT value FROM \"%s\".meta WHERE name = 'tag'), "
			     "(SELECT value FROM \"%s\".meta WHERE name = 'serves')",
		store->schema, store->schema, store->schema);
	row = postgres_simple(store, read, POSTGRES_REPLY_MS, err);
	if (!row)
		return false;
	*version = postgres_int(row, 0, 0);
	store->base.tag = (uint32_t)postgres_int(row, 0, 1);
	bool serves_us = !pq.PQgetisnull(row, 0, 2) && postgres_int(row, 0, 2) <= SCHEMA_VERSION;
	pq.PQclear(row);
	if (*version > SCHEMA_VERSION && !serves_us)
		return error_set(err, ERROR_INVALID,
			"store postgres: schema %s was made by a newer reeve (version %" PRId64
			", this one knows %d)",
			store->schema, *version, SCHEMA_VERSION);
	return true;
}

static bool make(struct postgres_store *store, struct error *err)
{
	int64_t version;
	OWNED(free) char *schema = xprintf("CREATE SCHEMA IF NOT EXISTS \"%s\"", store->schema);
	OWNED(free)
	char *path = xprintf("SET LOCAL search_path = \"%s\", pg_temp", store->schema);
	OWNED(free)
	char *born = xprintf("INSERT INTO meta VALUES ('tag', %" PRIu32 "); "
			     "INSERT INTO alive (at, since) VALUES (server_ms(), 0)",
		(uint32_t)ids_random64());
	OWNED(free)
	char *mark = xprintf("INSERT INTO meta VALUES ('version', %d), ('serves', %d) "
			     "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		SCHEMA_VERSION, SERVES);
	if (!read_version(store, &version, err))
		return false;
	if (version >= SCHEMA_VERSION) /* somebody was faster */
		return true;
	bool is_new = version == 0;
	if ((is_new && !run(store, schema, err)) || !run(store, path, err))
		return false;
	for (int64_t i = version; i < SCHEMA_VERSION; i++)
		if (!run(store, scripts[i], err))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!run(store, functions[i], err))
			return false;
	return (!is_new || run(store, born, err)) && run(store, mark, err) &&
	       read_version(store, &version, err);
}

bool postgres_prepare_schema(struct postgres_store *store, struct error *err)
{
	int64_t version;
	if (!read_version(store, &version, err))
		return false;
	if (version >= SCHEMA_VERSION)
		return true;
	OWNED(free)
	char *begin = xprintf("BEGIN; SET LOCAL statement_timeout = 0; "
			      "SET LOCAL synchronous_commit = on; SELECT "
			      "pg_advisory_xact_lock(hashtextextended('%s', 0))",
		store->schema);
	if (run(store, begin, err) && make(store, err))
		return run(store, "COMMIT", err);
	if (store->connection)
		run(store, "ROLLBACK", NULL);
	return false;
}
