/* What supervisors tell each other, and queues that are paused for all of them. */
#include "stores/backend.h"
#include "stores/redis_store.h"

#include <stdio.h>

static void read_beat(const redisReply *row, struct beat_record *beat)
{
	redisReply *const *at = row->element;
	*beat = (struct beat_record){ .text = redis_text(at[1]), .age_ms = redis_number(at[2]) };
	snprintf(beat->id, sizeof beat->id, "%s", at[0]->str);
}

bool redis_beat(
	struct store *base, const struct heartbeat *own, struct beat_list *list, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!backend_check_beat(own, err))
		return false;
	redis_pack_list(&args, 4);
	redis_pack_text(&args, own ? own->id : NULL);
	redis_pack_text(&args, own ? own->text : NULL);
	redis_pack_number(&args, own ? own->hold_ms : 0);
	redis_pack_bool(&args, list != NULL);
	if (!redis_act(redis_of(base), REDIS_BEAT, &args, &reply, err))
		return false;
	if (!list)
		return true;
	*list = (struct beat_list){ .rows = xcalloc(reply->elements + 1, sizeof *list->rows) };
	for (; list->count < reply->elements; list->count++)
		read_beat(reply->element[list->count], &list->rows[list->count]);
	return true;
}

bool redis_set_pause(struct store *base, const char *queue, bool is_paused, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 2);
	redis_pack_text(&args, queue);
	redis_pack_bool(&args, is_paused);
	return redis_act(redis_of(base), REDIS_SET_PAUSE, &args, &reply, err);
}
