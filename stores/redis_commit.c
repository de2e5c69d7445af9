/* What an attempt does to its job: children written ahead, and the commit that ends it. */
#include "base/fault.h"
#include "stores/redis_store.h"

#include <assert.h>

#define SPAWN_PAGE  100
#define SPAWN_BYTES (256 * 1024)

static void pack_spawned(struct redis_pack *args, const struct new_task *child)
{
	assert(!child->waits);
	redis_pack_list(args, 6);
	redis_pack_text(args, child->name);
	redis_pack_text(args, child->queue);
	redis_pack_text(args, child->payload);
	redis_pack_number(args, child->priority);
	redis_pack_number(args, child->delay_ms);
	redis_pack_text(args, child->scopes);
}

/* How many of the children go into the next script: large ones in smaller pages. */
static size_t page_of(const struct new_task *children, size_t count)
{
	size_t bytes = 0, taken = 0;
	while (taken < count && taken < SPAWN_PAGE && bytes < SPAWN_BYTES)
		bytes += strlen(children[taken++].payload);
	return taken;
}

static bool spawn_page(struct redis_store *store, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 6);
	redis_pack_text(&args, id);
	redis_pack_number(&args, token->attempt);
	redis_pack_text(&args, token->owner);
	redis_pack_nonce(&args, token->nonce);
	redis_pack_number(&args, first_index);
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		pack_spawned(&args, &children[i]);
	return redis_act(store, REDIS_SPAWN, &args, &reply, err);
}

bool redis_spawn(struct store *base, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	size_t done = 0;
	if (count > STORE_SPAWN_MAX)
		return error_set(
			err, ERROR_INVALID, "more than %d children in one chunk", STORE_SPAWN_MAX);
	do {
		size_t page = page_of(children + done, count - done);
		if (!spawn_page(redis_of(base), id, token, first_index + (uint32_t)done,
			    children + done, page, err))
			return false;
		done += page;
	} while (done < count);
	return true;
}

static void pack_commit(struct redis_pack *args, const struct commit *commit)
{
	redis_pack_list(args, 15);
	redis_pack_text(args, commit->id);
	redis_pack_number(args, commit->token.attempt);
	redis_pack_text(args, commit->token.owner);
	redis_pack_nonce(args, commit->token.nonce);
	redis_pack_number(args, commit->outcome);
	redis_pack_text(args, commit->result);
	redis_pack_text(args, commit->reason);
	redis_pack_number(args, commit->failures);
	redis_pack_number(args, commit->crashes);
	redis_pack_number(args, commit->losses);
	redis_pack_number(args, commit->delay_ms);
	redis_pack_number(args, (int64_t)commit->gate_version);
	redis_pack_text(args, commit->entry);
	redis_pack_text(args, commit->output);
	redis_pack_effects(args, &commit->effects);
}

static void read_results(const redisReply *rows, size_t count, struct commit_result *results)
{
	static const enum commit_answer answers[] = { COMMIT_DONE, COMMIT_REPEATED, COMMIT_STALE };
	for (size_t i = 0; i < count && i < rows->elements; i++) {
		redisReply *const *at = rows->element[i]->element;
		results[i] = (struct commit_result){ .answer = answers[redis_number(at[0])],
			.may_have_woken = redis_number(at[1]),
			.job_ended = redis_number(at[2]) };
	}
}

bool redis_commit(struct store *base, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err)
{
	struct redis_store *store = redis_of(base);
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 2);
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		pack_commit(&args, &commits[i]);
	if (next)
		redis_pack_request(store, &args, next);
	else
		redis_pack_bool(&args, false);
	fault_step("store-commit");
	bool done = redis_act(store, REDIS_COMMIT, &args, &reply, err);
	fault_step("store-committed");
	if (next)
		redis_settle_request(store, next, done || err->kind == ERROR_INVALID);
	if (!done)
		return false;
	read_results(reply->element[0], count, results);
	if (next && batch)
		redis_read_batch(reply->element[1], reply->element[2], batch);
	return true;
}
