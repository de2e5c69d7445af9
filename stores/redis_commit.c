/* What an attempt does to its job: children written ahead, and the commit that ends it. */
#include "base/fault.h"
#include "stores/redis_store.h"

#include <assert.h>

#define SPAWN_PAGE  100
#define SPAWN_BYTES (256 * 1024)
#define BEAR_MAX    32  /* children that a commit bears one by one */
#define COMMIT_COST 600 /* calls of Redis in one script, about */

/* How many of the children go into the next script: large ones in smaller pages. */
static size_t page_of(const struct new_task *children, size_t count)
{
	size_t bytes = 0, taken = 0;
	while (taken < count && taken < SPAWN_PAGE && bytes < SPAWN_BYTES)
		bytes += strlen(children[taken++].payload);
	return taken;
}

/* Children of an attempt: those that its handler has spawned, or those of its commit. */
struct brood {
	const char *id;
	const struct token *token;
	const struct new_task *children;
	size_t count;
	uint32_t first_index;
	bool is_commit;
};

static bool write_page(struct redis_store *store, const struct brood *brood, size_t done,
	size_t count, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 7);
	redis_pack_text(&args, brood->id);
	redis_pack_number(&args, brood->token->attempt);
	redis_pack_text(&args, brood->token->owner);
	redis_pack_nonce(&args, brood->token->nonce);
	redis_pack_number(&args, brood->first_index + (int64_t)done);
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		redis_pack_child(&args, &brood->children[done + i]);
	redis_pack_bool(&args, brood->is_commit);
	return redis_act(store, REDIS_SPAWN, &args, &reply, err);
}

static bool write_ahead(struct redis_store *store, const struct brood *brood, struct error *err)
{
	size_t done = 0;
	do {
		size_t page = page_of(brood->children + done, brood->count - done);
		if (!write_page(store, brood, done, page, err))
			return false;
		done += page;
	} while (done < brood->count);
	return true;
}

bool redis_spawn(struct store *base, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	if (count > STORE_SPAWN_MAX)
		return error_set(
			err, ERROR_INVALID, "more than %d children in one chunk", STORE_SPAWN_MAX);
	return write_ahead(redis_of(base),
		&(struct brood){ .id = id,
			.token = token,
			.children = children,
			.count = count,
			.first_index = first_index },
		err);
}

/*
 * Many children of one commit (a handler may spawn gates by the thousand) are written ahead like
 * those that it has spawned, and are born with it in the same way.
 */
static bool bears_many(const struct commit *commit)
{
	return commit->outcome == OUTCOME_COMPLETED && commit->effects.children_count > BEAR_MAX;
}

/* A stale token is the commit's own to tell. */
static bool write_broods(
	struct redis_store *store, const struct commit *commits, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct commit *commit = &commits[i];
		struct brood brood = { .id = commit->id,
			.token = &commit->token,
			.children = commit->effects.children,
			.count = commit->effects.children_count,
			.is_commit = true };
		if (bears_many(commit) && !write_ahead(store, &brood, err) &&
			err->kind != ERROR_CONFLICT)
			return false;
	}
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
	struct effects effects = commit->effects;
	if (bears_many(commit))
		effects.children_count = 0;
	redis_pack_effects(args, &effects);
}

/* In calls of Redis, about. */
static size_t cost_of(const struct commit *commit)
{
	const struct effects *effects = &commit->effects;
	size_t children = bears_many(commit) ? 0 : effects->children_count;
	return 20 + children * 6 + effects->counters_count * 2 + effects->tallies_count * 2;
}

/* How many of the commits go into the next script. */
static size_t commits_of_page(const struct commit *commits, size_t count)
{
	size_t taken = 0, cost = 0;
	while (taken < count && (taken == 0 || cost + cost_of(&commits[taken]) <= COMMIT_COST))
		cost += cost_of(&commits[taken++]);
	return taken;
}

/* Those that wait are looked at before anything is done. */
static void pack_waits(
	struct redis_pack *args, const struct commit *commits, size_t from, size_t count)
{
	size_t waits = 0;
	for (size_t i = from; i < count; i++)
		waits += commits[i].outcome == OUTCOME_WAIT;
	redis_pack_list(args, waits);
	for (size_t i = from; i < count; i++)
		if (commits[i].outcome == OUTCOME_WAIT)
			redis_pack_text(args, commits[i].id);
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

/* The commits of one script, and what is leased in it. */
struct page {
	const struct commit *commits;
	size_t from, count, all;
	struct commit_result *results;
	const struct lease_request *next; /* or NULL */
	struct lease_batch *batch;
};

static bool commit_page(struct redis_store *store, const struct page *page, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	size_t end = page->from + page->count;
	redis_pack_list(&args, 3);
	redis_pack_list(&args, page->count);
	for (size_t i = page->from; i < end; i++)
		pack_commit(&args, &page->commits[i]);
	if (page->next)
		redis_pack_request(store, &args, page->next);
	else
		redis_pack_bool(&args, false);
	pack_waits(&args, page->commits, page->from == 0 ? end : page->all, page->all);
	bool done = redis_act(store, REDIS_COMMIT, &args, &reply, err);
	if (page->next)
		redis_settle_request(store, page->next, done || err->kind == ERROR_INVALID);
	if (!done)
		return false;
	read_results(reply->element[0], page->count, page->results + page->from);
	if (page->next)
		redis_read_batch(reply->element[1], redis_number(reply->element[2]),
			redis_number(reply->element[3]), page->batch);
	return true;
}

/* Each page is whole; when a later one fails the caller's repeat finds the first ones committed. */
bool redis_commit(struct store *base, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err)
{
	struct redis_store *store = redis_of(base);
	struct lease_request first = next ? redis_first_page(next) : (struct lease_request){ 0 };
	struct page page = { .commits = commits, .all = count, .results = results, .batch = batch };
	fault_step("store-commit");
	if (!write_broods(store, commits, count, err))
		return false;
	do {
		page.from += page.count;
		page.count = commits_of_page(commits + page.from, count - page.from);
		page.next = next && page.from + page.count == count ? &first : NULL;
		if (!commit_page(store, &page, err))
			return false;
	} while (page.from + page.count < count);
	fault_step("store-committed");
	if (next)
		redis_fill_batch(store, next, batch);
	return true;
}
