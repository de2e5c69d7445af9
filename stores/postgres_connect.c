/*
 * Makes a connection: one host of the URL after the other, each with a time of its own, since libpq
 * itself goes to the next one only when a host has answered. A host that hangs, a standby, one
 * whose network swallows packets: the next one has its turn.
 */
#include "stores/postgres_store.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 5000 /* for one host */

/*
 * What makes a dead peer known. Ours: bytes that nobody has acknowledged for 4 s, and a peer that
 * is silent for as long while we wait, end the connection. The server's: it ends sessions of a host
 * that is gone, which would hold a place for hours by the defaults of the kernel.
 */
#define USER_TIMEOUT_MS "4000"
#define SERVER_KEEPS                                                       \
	"SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; " \
	"SET tcp_keepalives_count = 3; SET tcp_user_timeout = 30000; "

/* The server gives up before we do, so that it is he who says why. */
#define SETTINGS                                                                      \
	"SET client_min_messages = error; SET plan_cache_mode = force_generic_plan; " \
	"SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; "      \
	"SET default_transaction_isolation = 'read committed'; "                      \
	"SET standard_conforming_strings = on; "                                      \
	"SET statement_timeout = 8000; SET lock_timeout = 6000; "                     \
	"SET idle_in_transaction_session_timeout = 10000; " SERVER_KEEPS

static void be_quiet(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* The n-th part of a list with commas, the only one of a list of one; NULL where there is none. */
static char *take_part(const char *list, size_t n)
{
	if (!list)
		return NULL;
	if (!strchr(list, ','))
		return xstrdup(list);
	for (; n > 0 && list; n--)
		list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL;
	return list ? xstrndup(list, strcspn(list, ",")) : NULL;
}

static bool finish_start(
	struct postgres_store *store, PGconn *connection, int64_t until_ms, struct error *err)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	if (pq.PQstatus(connection) == CONNECTION_BAD)
		state = PGRES_POLLING_FAILED;
	while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
		struct pollfd event = { .fd = pq.PQsocket(connection),
			.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT };
		int64_t left = until_ms - postgres_now_ms();
		if (left <= 0)
			return error_set(
				err, ERROR_UNAVAILABLE, "store postgres: %s", POSTGRES_NO_ANSWER);
		if (poll(&event, 1, (int)left) > 0)
			state = pq.PQconnectPoll(connection);
	}
	if (state == PGRES_POLLING_OK)
		return pq.PQsetnonblocking(connection, 1) == 0;
	OWNED(free) char *text = postgres_shown(store, pq.PQerrorMessage(connection));
	return error_set(err, ERROR_UNAVAILABLE, "store postgres: %s", text);
}

bool postgres_start(struct postgres_store *store, PGconn **out, struct error *err)
{
	/* Ours stand before the URL, whose own ones win; the host stands behind it. */
	static const char *const keys[] = { "fallback_application_name", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count", "dbname",
		"client_encoding", "host", "hostaddr", "port", NULL };
	size_t turn = store->host_turn;
	bool is_list = store->host_count > 1; /* libpq passes over NULLs */
	OWNED(free) char *host = is_list ? take_part(store->hosts, turn) : NULL;
	OWNED(free) char *address = is_list ? take_part(store->addresses, turn) : NULL;
	OWNED(free) char *port = is_list ? take_part(store->ports, turn) : NULL;
	const char *const values[] = { "reeve", USER_TIMEOUT_MS, "4", "2", "2", store->url, "UTF8",
		host, address, port, NULL };
	int64_t until_ms = postgres_now_ms() + CONNECT_MS;
	PGconn *connection = pq.PQconnectStartParams(keys, values, 1);
	if (!connection)
		return error_set(err, ERROR_UNAVAILABLE, "store postgres: no memory");
	pq.PQsetNoticeProcessor(connection, be_quiet, NULL);
	if (!finish_start(store, connection, until_ms, err)) {
		pq.PQfinish(connection);
		return false;
	}
	*out = connection;
	return true;
}

static bool check_server(const PGresult *row, struct error *err)
{
	if (postgres_int(row, 0, 5) < 120000)
		return error_set(err, ERROR_INVALID,
			"store postgres: the server is too old, version 12 is needed");
	if (strcmp(pq.PQgetvalue(row, 0, 2), "UTF8") != 0)
		return error_set(err, ERROR_INVALID,
			"store postgres: the database's encoding has to be UTF8");
	if (postgres_bool(row, 0, 3))
		return error_set(err, ERROR_UNAVAILABLE, "store postgres: the server is a standby");
	return true;
}

static bool set_up(struct postgres_store *store, struct error *err)
{
	OWNED(free)
	char *sql = xprintf(SETTINGS
		"SET search_path = \"%s\", pg_temp; "
		"SELECT set_config('reeve.host', '%s', false), "
		"current_setting('synchronous_commit'), "
		"current_setting('server_encoding'), pg_is_in_recovery(), "
		"pg_backend_pid(), current_setting('server_version_num'), "
		"(SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid()))",
		store->schema, store->host);
	PGresult *row = postgres_simple(store, sql, POSTGRES_REPLY_MS, err);
	if (!row)
		return false;
	snprintf(store->durability, sizeof store->durability, "%s", pq.PQgetvalue(row, 0, 1));
	store->session.pid = postgres_int(row, 0, 4);
	snprintf(store->session.since, sizeof store->session.since, "%s", pq.PQgetvalue(row, 0, 6));
	bool is_good = check_server(row, err);
	pq.PQclear(row);
	if (!is_good)
		return false;
	PGresult *set =
		postgres_simple(store, "SET synchronous_commit = off", POSTGRES_REPLY_MS, err);
	pq.PQclear(set);
	return set != NULL;
}

static bool connect_to_host(struct postgres_store *store, struct error *err)
{
	memset(store->is_prepared, 0, sizeof store->is_prepared);
	store->ahead_ms = 0;
	bool is_there = postgres_start(store, &store->connection, err) && set_up(store, err) &&
			postgres_check_pooler(store, err) &&
			(store->has_schema || postgres_prepare_schema(store, err));
	store->has_schema |= is_there;
	if (is_there && !pq.PQenterPipelineMode(store->connection))
		is_there = postgres_lost(store, NULL, err);
	if (!is_there)
		postgres_disconnect(store);
	return is_there;
}

bool postgres_connect(struct postgres_store *store, struct error *err)
{
	struct error last = { 0 };
	for (size_t i = 0; i < store->host_count; i++) {
		if (connect_to_host(store, &last))
			return true;
		if (last.kind != ERROR_UNAVAILABLE)
			break;
		store->host_turn = (store->host_turn + 1) % store->host_count;
	}
	return error_set(err, last.kind, "%s", last.text);
}

void postgres_disconnect(struct postgres_store *store)
{
	if (store->connection)
		pq.PQfinish(store->connection);
	store->connection = NULL;
}
