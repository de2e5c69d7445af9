/* New jobs, pushed tasks and workflows. */
#include "stores/backend.h"
#include "stores/redis_store.h"

#include <stdio.h>

#define PUSH_PAGE 32 /* tasks that one script makes */

void redis_pack_child(struct redis_pack *args, const struct new_task *child)
{
	redis_pack_list(args, 10);
	redis_pack_text(args, child->name);
	redis_pack_text(args, child->queue);
	redis_pack_text(args, child->payload);
	redis_pack_number(args, child->priority);
	redis_pack_number(args, child->delay_ms);
	redis_pack_text(args, child->scopes);
	redis_pack_bool(args, child->waits);
	redis_pack_number(args, child->waits ? child->wait_scope : 0);
	redis_pack_text(args, child->waits ? child->wait_gate : NULL);
	redis_pack_number(args, child->waits ? child->wait_timeout_ms : 0);
}

static void pack_tally(struct redis_pack *args, const struct tally_change *change)
{
	const struct tally *add = &change->add;
	const int64_t counts[] = { add->born, add->completed, add->failed, add->invalid,
		add->skipped, add->cancelled, add->excused };
	redis_pack_list(args, 2 + ARRAY_SIZE(counts));
	redis_pack_number(args, change->scope);
	redis_pack_text(args, change->name);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		redis_pack_number(args, counts[i]);
}

void redis_pack_effects(struct redis_pack *args, const struct effects *effects)
{
	static const struct effects none;
	if (!effects)
		effects = &none;
	redis_pack_list(args, 4);
	redis_pack_list(args, effects->children_count);
	for (size_t i = 0; i < effects->children_count; i++)
		redis_pack_child(args, &effects->children[i]);
	redis_pack_list(args, effects->counters_count);
	for (size_t i = 0; i < effects->counters_count; i++) {
		redis_pack_list(args, 3);
		redis_pack_number(args, effects->counters[i].scope);
		redis_pack_text(args, effects->counters[i].gate);
		redis_pack_number(args, effects->counters[i].pending);
	}
	redis_pack_list(args, effects->tallies_count);
	for (size_t i = 0; i < effects->tallies_count; i++)
		pack_tally(args, &effects->tallies[i]);
	redis_pack_text(args, effects->job_failure);
}

bool redis_put_workflow(
	struct store *base, const char *hash, const char *name, const char *text, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 3);
	redis_pack_text(&args, hash);
	redis_pack_text(&args, name);
	redis_pack_text(&args, text);
	return redis_act(redis_of(base), REDIS_PUT_WORKFLOW, &args, &reply, err);
}

bool redis_get_workflow(struct store *base, const char *hash, char **text, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 1);
	redis_pack_text(&args, hash);
	if (!redis_act(redis_of(base), REDIS_GET_WORKFLOW, &args, &reply, err))
		return false;
	if (reply->type != REDIS_REPLY_STRING)
		return error_set(err, ERROR_NOT_FOUND, "there is no workflow %s", hash);
	*text = redis_text(reply);
	return true;
}

void redis_pack_submission(struct redis_pack *args, const struct submission *submission)
{
	redis_pack_list(args, 7);
	redis_pack_text(args, submission->id);
	redis_pack_text(args, submission->workflow);
	redis_pack_text(args, submission->workflow_hash);
	redis_pack_text(args, submission->payload);
	redis_pack_text(args, submission->key);
	redis_pack_effects(args, &submission->effects);
	redis_pack_text(args, submission->place);
}

bool redis_submit(struct store *base, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!backend_check_submission(submission, err))
		return false;
	redis_pack_submission(&args, submission);
	if (!redis_act(redis_of(base), REDIS_SUBMIT, &args, &reply, err))
		return false;
	snprintf(id_out, STORE_ID_SIZE, "%s", reply->str ? reply->str : submission->id);
	return true;
}

void redis_pack_push(struct redis_pack *args, const struct push *push)
{
	redis_pack_list(args, 7);
	redis_pack_text(args, push->id);
	redis_pack_text(args, push->name);
	redis_pack_text(args, push->queue);
	redis_pack_text(args, push->payload);
	redis_pack_text(args, push->key);
	redis_pack_number(args, push->priority);
	redis_pack_number(args, push->delay_ms);
}

static bool push_page(struct redis_store *store, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		redis_pack_push(&args, &pushes[i]);
	if (!redis_act(store, REDIS_PUSH, &args, &reply, err))
		return false;
	for (size_t i = 0; ids_out && i < count && i < reply->elements; i++)
		snprintf(ids_out[i], STORE_ID_SIZE, "%s", reply->element[i]->str);
	return true;
}

bool redis_push(struct store *base, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!backend_check_push(&pushes[i], err))
			return false;
	for (size_t done = 0; done < count; done += PUSH_PAGE) {
		size_t page = count - done < PUSH_PAGE ? count - done : PUSH_PAGE;
		if (!push_page(redis_of(base), pushes + done, page, ids_out ? ids_out + done : NULL,
			    err))
			return false;
	}
	return true;
}
