/* Gates that wait, for the keeper's recount, and the mending of a counter that is wrong. */
#include "stores/redis_store.h"

#include <inttypes.h>

#define GATES_LOOK 100

/* Where a page goes on: SCOPE/GATE of a job. */
struct place {
	char *job, *gate;
};

static void move_to(struct place *place, char *job, char *gate)
{
	free(place->job);
	free(place->gate);
	*place = (struct place){ job, gate };
}

static void add_gate(const redisReply *row, struct gate_list *list)
{
	const char *gate = row->element[1]->str;
	list->rows[list->count++] = (struct waiting_gate){ .job = redis_text(row->element[0]),
		.scope = strtoll(gate, NULL, 10),
		.gate = xstrdup(strchr(gate, '/') + 1),
		.pending = redis_number(row->element[2]) };
}

static bool add_page(struct redis_store *store, struct place *place, size_t limit,
	struct gate_list *list, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 3);
	if (place->job) {
		redis_pack_list(&args, 2);
		redis_pack_text(&args, place->job);
		redis_pack_text(&args, place->gate);
	} else {
		redis_pack_bool(&args, false);
	}
	redis_pack_number(&args, (int64_t)(limit - list->count));
	redis_pack_number(&args, GATES_LOOK);
	if (!redis_act(store, REDIS_LIST_GATES, &args, &reply, err))
		return false;
	const redisReply *rows = reply->element[0], *next = reply->element[1];
	list->rows = xrealloc(list->rows, (list->count + rows->elements + 1) * sizeof *list->rows);
	for (size_t i = 0; i < rows->elements; i++)
		add_gate(rows->element[i], list);
	if (next->type == REDIS_REPLY_ARRAY)
		move_to(place, redis_text(next->element[0]), redis_text(next->element[1]));
	else
		move_to(place, NULL, NULL);
	return true;
}

bool redis_list_gates(struct store *base, const struct waiting_gate *after, size_t limit,
	struct gate_list *list, struct error *err)
{
	struct gate_list found = { 0 };
	struct place place = { 0 };
	bool done = true;
	if (after)
		move_to(&place, xstrdup(after->job),
			xprintf("%" PRId64 "/%s", after->scope, after->gate));
	do
		done = found.count >= limit || add_page(redis_of(base), &place, limit, &found, err);
	while (done && place.job && found.count < limit);
	move_to(&place, NULL, NULL);
	if (done)
		*list = found;
	else
		gate_list_finish(&found);
	return done;
}

bool redis_mend_gate(struct store *base, const char *job, int64_t scope, const char *gate,
	int64_t pending, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	OWNED(free) char *name = xprintf("%" PRId64 "/%s", scope, gate);
	redis_pack_list(&args, 3);
	redis_pack_text(&args, job);
	redis_pack_text(&args, name);
	redis_pack_number(&args, pending);
	return redis_act(redis_of(base), REDIS_MEND_GATE, &args, &reply, err);
}
