/* What keepers remember of schedules. */
#include "stores/backend.h"
#include "stores/redis_store.h"

#define PAGE 1000

bool redis_fire(struct store *base, const struct firing *firing, bool *is_done, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!backend_check_firing(firing, err))
		return false;
	redis_pack_list(&args, 5);
	redis_pack_text(&args, firing->name);
	redis_pack_number(&args, (int64_t)firing->version);
	redis_pack_text(&args, firing->text);
	if (firing->job)
		redis_pack_submission(&args, firing->job);
	else
		redis_pack_bool(&args, false);
	if (firing->task)
		redis_pack_push(&args, firing->task);
	else
		redis_pack_bool(&args, false);
	if (!redis_act(redis_of(base), REDIS_FIRE, &args, &reply, err))
		return false;
	*is_done = redis_number(reply) == 1;
	return true;
}

static bool get_page(struct redis_store *store, const char *const *names, size_t count,
	struct schedule_record *rows, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		redis_pack_text(&args, names[i]);
	if (!redis_act(store, REDIS_GET_SCHEDULES, &args, &reply, err))
		return false;
	for (size_t i = 0; i < count && i < reply->elements; i++) {
		redisReply *const *at = reply->element[i]->element;
		rows[i] = (struct schedule_record){ (uint64_t)redis_number(at[0]),
			redis_text(at[1]) };
	}
	return true;
}

bool redis_get_schedules(struct store *base, const char *const *names, size_t count,
	struct schedule_list *out, struct error *err)
{
	struct schedule_list list = { xcalloc(count + 1, sizeof *list.rows), count };
	for (size_t from = 0; from < count; from += PAGE) {
		size_t page = count - from < PAGE ? count - from : PAGE;
		if (!get_page(redis_of(base), names + from, page, list.rows + from, err)) {
			schedule_list_finish(&list);
			return false;
		}
	}
	*out = list;
	return true;
}
