/* What people do to jobs and tasks: cancel and revive. */
#include "stores/redis_store.h"

#define ENDING_PAGE 32

static bool act_on(
	struct redis_store *store, enum redis_script script, const char *id, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 1);
	redis_pack_text(&args, id);
	return redis_act(store, script, &args, &reply, err);
}

bool redis_cancel_job(struct store *base, const char *id, struct error *err)
{
	return act_on(redis_of(base), REDIS_CANCEL_JOB, id, err);
}

bool redis_cancel_task(struct store *base, const char *id, struct error *err)
{
	return act_on(redis_of(base), REDIS_CANCEL_TASK, id, err);
}

bool redis_end_cancelled(
	struct store *base, const char *id, size_t limit, bool *left, struct error *err)
{
	bool is_left = true;
	while (is_left && limit > 0) {
		OWNED(redis_pack) struct redis_pack args = { 0 };
		OWNED(redis_reply) redisReply *reply = NULL;
		size_t page = limit < ENDING_PAGE ? limit : ENDING_PAGE;
		redis_pack_list(&args, 2);
		redis_pack_text(&args, id);
		redis_pack_number(&args, (int64_t)page);
		if (!redis_act(redis_of(base), REDIS_END_CANCELLED, &args, &reply, err))
			return false;
		is_left = redis_number(reply);
		limit -= page;
	}
	*left = is_left;
	return true;
}

bool redis_revive(
	struct store *base, const char *id, const struct effects *effects, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 2);
	redis_pack_text(&args, id);
	redis_pack_effects(&args, effects);
	return redis_act(redis_of(base), REDIS_REVIVE, &args, &reply, err);
}
