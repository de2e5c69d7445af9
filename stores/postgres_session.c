/*
 * What goes over the connection: everything is asynchronous and has a deadline, so that a server
 * that hangs or a network that swallows packets is noticed. After a failure the connection is
 * closed; the next act makes another one (postgres_connect.c).
 */
#include "stores/postgres_store.h"

#include "base/clock.h"
#include "base/fault.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const texts[POSTGRES_STATEMENT_COUNT] = {
#define STATEMENT_TEXT(name, text) [POSTGRES_##name] = text,
	POSTGRES_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};
static const char *const names[POSTGRES_STATEMENT_COUNT] = {
#define STATEMENT_NAME(name, text) [POSTGRES_##name] = "reeve_" #name,
	POSTGRES_STATEMENTS(STATEMENT_NAME)
#undef STATEMENT_NAME
};

int64_t postgres_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct postgres_call *postgres_call(
	struct postgres_batch *batch, enum postgres_statement statement, const char *types, ...)
{
	struct postgres_call *call = xcalloc(1, sizeof *call);
	va_list args;
	call->statement = statement;
	va_start(args, types);
	for (; *types; types++, call->count++) {
		char *number = call->numbers[call->count];
		if (*types == 't') {
			call->values[call->count] = va_arg(args, const char *);
			continue;
		}
		if (*types == 'b')
			snprintf(number, sizeof call->numbers[0], "%s",
				va_arg(args, int) ? "true" : "false");
		else
			snprintf(
				number, sizeof call->numbers[0], "%" PRId64, va_arg(args, int64_t));
		call->values[call->count] = number;
	}
	va_end(args);
	batch->calls =
		xgrow(batch->calls, batch->count, &batch->room, sizeof(struct postgres_call *));
	return batch->calls[batch->count++] = call;
}

void postgres_end(struct postgres_batch *batch)
{
	batch->calls[batch->count - 1]->ends = true;
}

void postgres_batch_finish(struct postgres_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		pq.PQclear(batch->calls[i]->result);
		free(batch->calls[i]);
	}
	free(batch->calls);
	*batch = (struct postgres_batch){ 0 };
}

/* SQLSTATEs by their beginning: https://www.postgresql.org/docs/current/errcodes-appendix.html */
static const struct {
	const char *state;
	enum error_kind kind;
	const char *text; /* NULL: the server's */
	bool is_session_good;
} failures[] = {
	{ "RV404", ERROR_NOT_FOUND, NULL, true },
	{ "RV409", ERROR_CONFLICT, NULL, true },
	{ "RV400", ERROR_INVALID, NULL, true },
	{ "40001", ERROR_UNAVAILABLE, "another transaction was in the way", true },
	{ "40P01", ERROR_UNAVAILABLE, "another transaction was in the way", true },
	{ "55P03", ERROR_UNAVAILABLE, "another transaction holds a lock", true },
	{ "57014", ERROR_UNAVAILABLE, "the server took too long", true },
	{ "57P", ERROR_UNAVAILABLE, NULL, false },
	{ "08", ERROR_UNAVAILABLE, NULL, false },
	{ "53100", ERROR_UNAVAILABLE, "no space left on the server's disk", false },
	{ "53300", ERROR_UNAVAILABLE, "the server has no connection left (max_connections)",
		false },
	{ "53", ERROR_UNAVAILABLE, NULL, false },
	{ "58", ERROR_UNAVAILABLE, NULL, false },
	{ "25006", ERROR_UNAVAILABLE, "it can't be written: a standby, or read-only", false },
	{ "28", ERROR_UNAVAILABLE, NULL, false },
	{ "26000", ERROR_UNAVAILABLE,
		"its prepared statements are gone: a pooler has to be in session mode", false },
	{ "42501", ERROR_INVALID, NULL, false },
	{ "3D000", ERROR_INVALID, NULL, false },
	{ "22", ERROR_INVALID, NULL, true },
	{ "54", ERROR_INVALID, NULL, true },
};

/* One line, without what is secret. */
char *postgres_shown(const struct postgres_store *store, const char *text)
{
	char *line = xstrndup(text, strcspn(text, "\n"));
	char *at;
	while (store->secret && (at = strstr(line, store->secret)))
		memset(at, '*', strlen(store->secret));
	return line;
}

bool postgres_lost(struct postgres_store *store, const char *what, struct error *err)
{
	OWNED(free)
	char *text =
		postgres_shown(store, what                ? what
				      : store->connection ? pq.PQerrorMessage(store->connection)
							  : "");
	postgres_disconnect(store);
	return error_set(err, ERROR_UNAVAILABLE, "store postgres: %s",
		*text ? text : "the connection is lost");
}

static bool fail(struct postgres_store *store, const PGresult *result, struct error *err)
{
	const char *state = pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!state)
		return postgres_lost(store, NULL, err);
	OWNED(free) char *text = postgres_shown(store, message ? message : "");
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (strncmp(state, failures[i].state, strlen(failures[i].state)) != 0)
			continue;
		if (!failures[i].is_session_good)
			postgres_disconnect(store);
		if (strncmp(state, "RV", 2) == 0)
			return error_set(err, failures[i].kind, "%s", text);
		return error_set(err, failures[i].kind, "store postgres: %s",
			failures[i].text ? failures[i].text : text);
	}
	return error_set(err, ERROR_INTERNAL, "store postgres: %s (SQLSTATE %s)", text, state);
}

bool postgres_poll(
	struct postgres_store *store, short events, int64_t until_ms, bool is_interruptible)
{
	struct pollfd event = { .fd = pq.PQsocket(store->connection), .events = events };
	for (;;) {
		int64_t left = until_ms - postgres_now_ms();
		int count = poll(&event, 1, left > 0 ? (int)left : 0);
		if (count > 0)
			return true;
		if (count == 0 || is_interruptible)
			return false;
	}
}

static bool send_all(struct postgres_store *store, int64_t until_ms, struct error *err)
{
	int left;
	while ((left = pq.PQflush(store->connection)) > 0) {
		if (!postgres_poll(store, POLLIN | POLLOUT, until_ms, false))
			return postgres_lost(store, POSTGRES_NO_ANSWER, err);
		if (!pq.PQconsumeInput(store->connection))
			return postgres_lost(store, NULL, err);
	}
	return left == 0 || postgres_lost(store, NULL, err);
}

/* The next result, or NULL where this statement has no more; false: the connection is lost. */
static bool next_result(
	struct postgres_store *store, int64_t until_ms, PGresult **out, struct error *err)
{
	while (pq.PQisBusy(store->connection)) {
		if (!postgres_poll(store, POLLIN, until_ms, false))
			return postgres_lost(store, POSTGRES_NO_ANSWER, err);
		if (!pq.PQconsumeInput(store->connection))
			return postgres_lost(store, NULL, err);
	}
	*out = pq.PQgetResult(store->connection);
	return true;
}

/* Reads until the one result of a statement has come, and the NULL behind it. */
static bool read_one(
	struct postgres_store *store, int64_t until_ms, PGresult **out, struct error *err)
{
	PGresult *result = NULL, *behind = NULL;
	if (!next_result(store, until_ms, &result, err))
		return false;
	if (!result)
		return postgres_lost(store, "the answer is out of step", err);
	if (pq.PQresultStatus(result) != PGRES_PIPELINE_SYNC &&
		!next_result(store, until_ms, &behind, err)) {
		pq.PQclear(result);
		return false;
	}
	pq.PQclear(behind);
	*out = result;
	return true;
}

static bool send_batch(struct postgres_store *store, struct postgres_batch *batch, bool *prepares)
{
	PGconn *connection = store->connection;
	for (size_t i = 0; i < batch->count; i++) {
		struct postgres_call *call = batch->calls[i];
		enum postgres_statement id = call->statement;
		prepares[i] = !store->is_prepared[id];
		for (size_t j = 0; j < i; j++)
			prepares[i] &= batch->calls[j]->statement != id;
		if (prepares[i] &&
			(!pq.PQsendPrepare(connection, names[id], texts[id], call->count, NULL) ||
				!pq.PQpipelineSync(connection)))
			return false;
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct postgres_call *call = batch->calls[i];
		if (!pq.PQsendQueryPrepared(connection, names[call->statement], call->count,
			    call->values, NULL, NULL, 0))
			return false;
		if (call->ends && !pq.PQpipelineSync(connection))
			return false;
	}
	return true;
}

/* Keeps the first failure; answers whether the result is good. */
static bool judge(
	struct postgres_store *store, PGresult *result, bool *has_failed, struct error *err)
{
	ExecStatusType status = pq.PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
		status == PGRES_PIPELINE_SYNC)
		return true;
	if (!*has_failed)
		fail(store, result, status == PGRES_PIPELINE_ABORTED ? NULL : err);
	*has_failed = true;
	return false;
}

static bool read_sync(struct postgres_store *store, int64_t until_ms, struct error *err)
{
	PGresult *sync = NULL;
	if (!read_one(store, until_ms, &sync, err))
		return false;
	bool is_sync = pq.PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
	pq.PQclear(sync);
	return is_sync || postgres_lost(store, "the answer is out of step", err);
}

static bool read_batch(struct postgres_store *store, struct postgres_batch *batch,
	const bool *prepares, int64_t until_ms, struct error *err)
{
	bool has_failed = false;
	for (size_t i = 0; i < batch->count; i++) {
		PGresult *result = NULL;
		if (!prepares[i])
			continue;
		if (!read_one(store, until_ms, &result, err))
			return false;
		store->is_prepared[batch->calls[i]->statement] =
			judge(store, result, &has_failed, err);
		pq.PQclear(result);
		if (!store->connection || !read_sync(store, until_ms, err))
			return false;
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct postgres_call *call = batch->calls[i];
		if (!read_one(store, until_ms, &call->result, has_failed ? NULL : err))
			return false;
		judge(store, call->result, &has_failed, err);
		if (!store->connection ||
			(call->ends && !read_sync(store, until_ms, has_failed ? NULL : err)))
			return false;
	}
	return !has_failed;
}

/* A connection that the server has closed meanwhile is better noticed before than after. */
static void drop_if_closed(struct postgres_store *store)
{
	if (!store->connection)
		return;
	struct pollfd event = { .fd = pq.PQsocket(store->connection),
		.events = POLLIN | POLLRDHUP };
	if (poll(&event, 1, 0) > 0 && (!pq.PQconsumeInput(store->connection) ||
					      pq.PQstatus(store->connection) != CONNECTION_OK ||
					      (event.revents & (POLLRDHUP | POLLHUP | POLLERR))))
		postgres_disconnect(store);
}

static bool exchange(struct postgres_store *store, struct postgres_batch *batch, struct error *err)
{
	int64_t until_ms = postgres_now_ms() + POSTGRES_REPLY_MS;
	OWNED(free) bool *prepares = xcalloc(batch->count + 1, sizeof *prepares);
	if (!send_batch(store, batch, prepares))
		return postgres_lost(store, NULL, err);
	return send_all(store, until_ms, err) && read_batch(store, batch, prepares, until_ms, err);
}

/* Tests move the session's clock with their own. */
static bool tell_time(struct postgres_store *store, struct error *err)
{
	int64_t ahead_ms = clock_offset_ms();
	if (ahead_ms == store->ahead_ms)
		return true;
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_AHEAD, "i", ahead_ms);
	postgres_end(&batch);
	bool done = exchange(store, &batch, err);
	postgres_batch_finish(&batch);
	if (done)
		store->ahead_ms = ahead_ms;
	return done;
}

bool postgres_run(struct postgres_store *store, struct postgres_batch *batch, struct error *err)
{
	store->has_sent = false;
	drop_if_closed(store);
	if (!store->connection && !postgres_connect(store, err))
		return false;
	if (!tell_time(store, err))
		return false;
	postgres_end(batch);
	store->has_sent = true;
	fault_step("store-commit");
	bool done = exchange(store, batch, err);
	if (done)
		fault_step("store-committed");
	return done;
}

PGresult *postgres_simple(
	struct postgres_store *store, const char *sql, int64_t most_ms, struct error *err)
{
	int64_t until_ms = postgres_now_ms() + most_ms;
	PGresult *last = NULL, *result = NULL;
	bool has_failed = false;
	if (!pq.PQsendQuery(store->connection, sql)) {
		postgres_lost(store, NULL, err);
		return NULL;
	}
	if (!send_all(store, until_ms, err))
		return NULL;
	while (next_result(store, until_ms, &result, err)) {
		if (!result)
			break;
		pq.PQclear(last);
		last = result;
		judge(store, result, &has_failed, err);
		if (!store->connection)
			break;
	}
	if (!has_failed && store->connection)
		return last;
	pq.PQclear(last);
	return NULL;
}
