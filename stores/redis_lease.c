/* Leases, and what is done when the answer to one was lost. */
#include "stores/redis_store.h"

#include <stdio.h>

#define RELEASE_PAGE 16

/*
 * A lease whose answer was lost may have been done. Its nonces are kept, so that the owner's next
 * request, which carries them again, gets what it leased instead of leasing more.
 */
static void draw_nonces(struct redis_store *store, const struct lease_request *request)
{
	size_t kept = strcmp(store->doubt_owner, request->owner) == 0 ? store->doubt_count : 0;
	if (kept >= request->max)
		return;
	store->doubts = xrealloc(store->doubts, request->max * sizeof *store->doubts);
	for (size_t i = kept; i < request->max; i++)
		store->doubts[i] = ids_random64();
}

void redis_pack_request(
	struct redis_store *store, struct redis_pack *args, const struct lease_request *request)
{
	bool has_doubts = strcmp(store->doubt_owner, request->owner) == 0;
	size_t doubts = has_doubts ? store->doubt_count : 0;
	draw_nonces(store, request);
	redis_pack_list(args, 7);
	redis_pack_list(args, request->queue_count);
	for (size_t i = 0; i < request->queue_count; i++)
		redis_pack_text(args, request->queues[i]);
	redis_pack_text(args, request->owner);
	redis_pack_number(args, request->lease_ms);
	redis_pack_number(args, (int64_t)request->max);
	redis_pack_list(args, request->max);
	for (size_t i = 0; i < request->max; i++)
		redis_pack_nonce(args, store->doubts[i]);
	redis_pack_list(args, doubts);
	for (size_t i = 0; i < doubts; i++)
		redis_pack_nonce(args, store->doubts[i]);
	redis_pack_list(args, request->limits ? request->queue_count : 0);
	for (size_t i = 0; request->limits && i < request->queue_count; i++) {
		redis_pack_list(args, 3);
		redis_pack_number(args, request->limits[i].rate);
		redis_pack_number(args, request->limits[i].rate_ms);
		redis_pack_number(args, request->limits[i].max_working);
	}
}

void redis_settle_request(
	struct redis_store *store, const struct lease_request *request, bool is_answered)
{
	bool had_doubts = strcmp(store->doubt_owner, request->owner) == 0;
	if (is_answered) {
		store->doubt_owner[0] = '\0';
		store->doubt_count = 0;
	} else {
		size_t before = had_doubts ? store->doubt_count : 0;
		snprintf(store->doubt_owner, sizeof store->doubt_owner, "%s", request->owner);
		store->doubt_count = before > request->max ? before : request->max;
	}
}

static void read_leased(const redisReply *row, struct leased *task)
{
	redisReply *const *at = row->element;
	*task = (struct leased){
		.job_id = redis_text(at[1]),
		.seq = redis_number(at[2]),
		.parent = redis_number(at[3]),
		.name = redis_text(at[4]),
		.queue = redis_text(at[5]),
		.payload = redis_text(at[6]),
		.scopes = redis_text(at[7]),
		.token.attempt = (uint32_t)redis_number(at[8]),
		.token.nonce = strtoull(at[10]->str, NULL, 16),
		.failures = (int)redis_number(at[11]),
		.crashes = (int)redis_number(at[12]),
		.losses = (int)redis_number(at[13]),
		.scheduled_at_ms = redis_number(at[14]),
		.wait_scope = redis_number(at[15]),
		.wait_gate = redis_text(at[16]),
		.wait_until_ms = redis_number(at[17]),
		.is_cancelled = redis_number(at[18]),
	};
	snprintf(task->id, sizeof task->id, "%s", at[0]->str);
	snprintf(task->token.owner, sizeof task->token.owner, "%s", at[9]->str);
}

void redis_read_batch(
	const redisReply *rows, int64_t next_ms, bool is_limited, struct lease_batch *batch)
{
	*batch = (struct lease_batch){ .next_ms = next_ms, .is_limited = is_limited };
	if (rows->elements == 0)
		return;
	batch->tasks = xcalloc(rows->elements, sizeof *batch->tasks);
	for (; batch->count < rows->elements; batch->count++)
		read_leased(rows->element[batch->count], &batch->tasks[batch->count]);
}

struct lease_request redis_first_page(const struct lease_request *request)
{
	struct lease_request page = *request;
	if (page.max > REDIS_LEASE_PAGE)
		page.max = REDIS_LEASE_PAGE;
	return page;
}

static bool lease_page(struct redis_store *store, const struct lease_request *page,
	struct lease_batch *batch, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_request(store, &args, page);
	bool done = redis_act(store, REDIS_LEASE, &args, &reply, err);
	redis_settle_request(store, page, done);
	if (done)
		redis_read_batch(reply->element[0], redis_number(reply->element[1]),
			redis_number(reply->element[2]), batch);
	return done;
}

/* Where a page fails its nonces are kept, and the next request gets what it leased. */
void redis_fill_batch(
	struct redis_store *store, const struct lease_request *request, struct lease_batch *batch)
{
	struct error err;
	struct lease_request rest = *request;
	struct lease_batch more = { .count = batch->count };
	while (more.count == REDIS_LEASE_PAGE && batch->count < request->max) {
		rest.max = request->max - batch->count;
		struct lease_request page = redis_first_page(&rest);
		if (!lease_page(store, &page, &more, &err) || more.count == 0)
			return;
		batch->tasks = xrealloc(
			batch->tasks, (batch->count + more.count + 1) * sizeof *batch->tasks);
		memcpy(batch->tasks + batch->count, more.tasks, more.count * sizeof *more.tasks);
		batch->count += more.count;
		free(more.tasks);
	}
}

bool redis_lease(struct store *base, const struct lease_request *request, struct lease_batch *batch,
	struct error *err)
{
	struct redis_store *store = redis_of(base);
	struct lease_request page = redis_first_page(request);
	if (!lease_page(store, &page, batch, err))
		return false;
	redis_fill_batch(store, request, batch);
	return true;
}

bool redis_lease_task(struct store *base, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *batch, struct error *err)
{
	struct redis_store *store = redis_of(base);
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	struct lease_request request = { .owner = owner, .max = 1 };
	draw_nonces(store, &request);
	redis_pack_list(&args, 4);
	redis_pack_text(&args, id);
	redis_pack_text(&args, owner);
	redis_pack_number(&args, lease_ms);
	redis_pack_nonce(&args, store->doubts[0]);
	bool done = redis_act(store, REDIS_LEASE_TASK, &args, &reply, err);
	redis_settle_request(store, &request, done || err->kind != ERROR_UNAVAILABLE);
	if (!done)
		return false;
	redis_read_batch(reply, -1, false, batch);
	return true;
}

bool redis_renew(struct store *base, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *renewal, struct error *err)
{
	static const enum renewal answers[] = { RENEWED, RENEW_STALE, RENEW_CANCELLED };
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 5);
	redis_pack_text(&args, id);
	redis_pack_number(&args, token->attempt);
	redis_pack_text(&args, token->owner);
	redis_pack_nonce(&args, token->nonce);
	redis_pack_number(&args, lease_ms);
	if (!redis_act(redis_of(base), REDIS_RENEW, &args, &reply, err))
		return false;
	*renewal = answers[redis_number(reply)];
	return true;
}

bool redis_release_owner(struct store *base, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	size_t count = 0;
	redis_pack_list(&args, 4);
	redis_pack_text(&args, owner);
	redis_pack_text(&args, running);
	redis_pack_text(&args, entry);
	redis_pack_number(&args, RELEASE_PAGE);
	for (bool left = true; left;) {
		OWNED(redis_reply) redisReply *reply = NULL;
		if (!redis_act(redis_of(base), REDIS_RELEASE, &args, &reply, err))
			return false;
		count += (size_t)redis_number(reply->element[0]);
		left = redis_number(reply->element[1]) > 0;
	}
	if (released)
		*released = count;
	return true;
}

bool redis_held(struct store *base, const char *owner, struct lease_batch *batch, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 1);
	redis_pack_text(&args, owner);
	if (!redis_act(redis_of(base), REDIS_HELD, &args, &reply, err))
		return false;
	redis_read_batch(reply->element[0], redis_number(reply->element[1]), false, batch);
	return true;
}
