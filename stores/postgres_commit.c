/*
 * The acts that have to be durable. Their transactions do not wait for the disk themselves, so
 * that no lock is held meanwhile; a last, empty one in the same round trip does, and by it all that
 * was committed before is on the disk too (the log is written in order).
 */
#include "stores/postgres_store.h"

#include "stores/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void postgres_flush(const struct postgres_store *store, struct postgres_batch *batch)
{
	postgres_end(batch);
	if (strcmp(store->durability, "off") != 0)
		postgres_call(batch, POSTGRES_FLUSH, "t", store->durability);
}

bool postgres_put_workflow(
	struct store *base, const char *hash, const char *name, const char *text, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_PUT_WORKFLOW, "ttt", hash, name, text);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_run(postgres_of(base), &batch, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_submit(struct store *base, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *effects = NULL;
	if (!backend_check_submission(submission, err) ||
		!postgres_effects(&submission->effects, &effects, err))
		return false;
	if (submission->place)
		postgres_call(&batch, POSTGRES_SUBMIT_IN, "ttttttt", submission->place,
			submission->id, submission->workflow, submission->workflow_hash,
			submission->payload, submission->key, effects);
	else
		postgres_call(&batch, POSTGRES_SUBMIT, "tttttt", submission->id,
			submission->workflow, submission->workflow_hash, submission->payload,
			submission->key, effects);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done)
		snprintf(id_out, STORE_ID_SIZE, "%s",
			pq.PQgetvalue(batch.calls[0]->result, 0, REPLY_ID));
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_push(struct store *base, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *list = NULL;
	for (size_t i = 0; i < count; i++)
		if (!backend_check_push(&pushes[i], err))
			return false;
	if (!postgres_pushes(pushes, count, &list, err))
		return false;
	postgres_call(&batch, POSTGRES_PUSH, "t", list);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	for (size_t i = 0; done && ids_out && i < count; i++)
		snprintf(ids_out[i], STORE_ID_SIZE, "%s",
			pq.PQgetvalue(batch.calls[0]->result, (int)i, REPLY_ID));
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_spawn(struct store *base, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *list = NULL;
	if (count > STORE_SPAWN_MAX)
		return error_set(
			err, ERROR_INVALID, "more than %d children in one chunk", STORE_SPAWN_MAX);
	if (!postgres_children(children, count, &list, err))
		return false;
	postgres_call(&batch, POSTGRES_SPAWN, "ttiiit", id, token->owner, INT(token->attempt),
		INT(token->nonce), INT(first_index), list);
	bool done = postgres_run(postgres_of(base), &batch, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_revive(
	struct store *base, const char *id, const struct effects *effects, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *text = NULL;
	if (!postgres_effects(effects, &text, err))
		return false;
	postgres_call(&batch, POSTGRES_REVIVE, "tt", id, text);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	postgres_batch_finish(&batch);
	return done;
}

/* Commits in the order of their ids, so that two batches never wait for each other. */
static int compare(const void *one, const void *other)
{
	const struct commit *const *a = one, *const *b = other;
	return strcmp((*a)->id, (*b)->id);
}

/* The texts of a commit that its call points to. */
struct texts {
	char *result, *reason, *entry, *output, *effects;
};

static void drop_texts(struct texts *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(texts[i].result);
		free(texts[i].reason);
		free(texts[i].entry);
		free(texts[i].output);
		free(texts[i].effects);
	}
	free(texts);
}

static bool add_commit(struct postgres_batch *batch, const struct commit *commit,
	struct texts *texts, struct error *err)
{
	const struct token *token = &commit->token;
	*texts = (struct texts){ .result = postgres_clean(commit->result),
		.reason = postgres_clean(commit->reason),
		.entry = postgres_clean(commit->entry),
		.output = commit->entry ? postgres_clean(commit->output) : NULL };
	if (!postgres_effects(&commit->effects, &texts->effects, err))
		return false;
	postgres_call(batch, POSTGRES_COMMIT, "ttiiittiiiiittt", commit->id, token->owner,
		INT(token->attempt), INT(token->nonce), INT(commit->outcome), texts->result,
		texts->reason, INT(commit->failures), INT(commit->crashes), INT(commit->losses),
		commit->delay_ms, INT(commit->gate_version), texts->entry, texts->output,
		texts->effects);
	return true;
}

static bool has_ended(const struct postgres_store *store, int64_t job)
{
	for (size_t i = 0; i < store->ended_count; i++)
		if (store->ended[i] == job)
			return true;
	return false;
}

/* Reads the answers; jobs[i] gets the number of the job of the i-th call. */
static void read_answers(const struct postgres_store *store, const struct postgres_batch *batch,
	const struct commit *const *order, size_t count, const struct commit *first,
	bool may_have_woken, struct commit_result *results)
{
	static const enum commit_answer answers[] = { COMMIT_DONE, COMMIT_REPEATED, COMMIT_STALE };
	for (size_t i = 0; i < count; i++) {
		const PGresult *row = batch->calls[i]->result;
		enum commit_answer answer = answers[postgres_int(row, 0, 0)];
		bool is_done = answer == COMMIT_DONE;
		results[order[i] - first] = (struct commit_result){ .answer = answer,
			.may_have_woken = is_done && may_have_woken,
			.job_ended = is_done && has_ended(store, postgres_int(row, 0, 1)) };
	}
}

static void add_next(struct postgres_store *store, struct postgres_batch *batch, const char *mark,
	const struct lease_request *next, const char *queues, const char *nonces,
	const char *limits)
{
	postgres_end(batch);
	postgres_call(batch, POSTGRES_SETTLE, "");
	postgres_end(batch);
	postgres_call(batch, POSTGRES_NEXT, "tttitt", mark, queues, next ? next->owner : NULL,
		next ? next->lease_ms : INT(0), nonces, limits);
	postgres_flush(store, batch);
}

static bool run_commit(struct postgres_store *store, struct postgres_batch *batch,
	const struct commit *commits, const struct commit *const *order, size_t count,
	struct commit_result *results, struct lease_batch *out, struct error *err)
{
	struct lease_batch leases = { .next_ms = -1 };
	store->ended_count = 0;
	if (!postgres_run(store, batch, err))
		return false;
	postgres_read_reply(store, batch->calls[count + 2]->result, out ? &leases : NULL);
	bool may_have_woken = store->ring_count > 0;
	postgres_follow(store);
	read_answers(store, batch, order, count, commits, may_have_woken, results);
	if (out)
		*out = leases;
	return true;
}

static bool commit(struct store *base, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *out,
	struct error *err)
{
	struct postgres_store *store = postgres_of(base);
	struct postgres_batch batch = { 0 };
	char mark[24];
	OWNED(free) const struct commit **order = xcalloc(count + 1, sizeof *order);
	struct texts *texts = xcalloc(count + 1, sizeof *texts);
	OWNED(free)
	char *queues = next ? postgres_array(next->queues, next->queue_count) : NULL;
	OWNED(free) char *nonces = next ? postgres_nonces(next->max) : NULL;
	OWNED(free) char *limits = next ? postgres_limits(next) : NULL;
	snprintf(mark, sizeof mark, "%" PRIu64, ++store->mark);
	for (size_t i = 0; i < count; i++)
		order[i] = &commits[i];
	qsort(order, count, sizeof *order, compare);
	bool done = true;
	for (size_t i = 0; done && i < count; i++)
		done = add_commit(&batch, order[i], &texts[i], err);
	if (done) {
		postgres_call(&batch, POSTGRES_MARK, "t", mark);
		add_next(store, &batch, mark, next, queues, nonces, limits);
		done = run_commit(
			store, &batch, commits, order, count, results, next ? out : NULL, err);
		if (!done && next)
			postgres_doubt(store, next->owner, next->lease_ms, nonces);
	}
	postgres_batch_finish(&batch);
	drop_texts(texts, count);
	return done;
}

bool postgres_commit(struct store *base, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *out,
	struct error *err)
{
	if (!next || !postgres_has_doubts(postgres_of(base), next->owner))
		return commit(base, commits, count, results, next, out, err);
	if (!commit(base, commits, count, results, NULL, NULL, err))
		return false;
	/* Committed it is: who gets no lease here asks for one. */
	if (!postgres_lease(base, next, out, NULL))
		*out = (struct lease_batch){ 0 };
	return true;
}
