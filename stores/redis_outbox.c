/* Queues with a door: what couriers claim, send and receive. */
#include "stores/backend.h"
#include "stores/redis_store.h"

#include <stdio.h>

#define PAGE 32 /* rows that one script changes */

static size_t page_of(size_t left)
{
	return left < PAGE ? left : PAGE;
}

bool redis_set_door(struct store *base, const char *const *queues, size_t count, bool has_door,
	struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 2);
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		redis_pack_text(&args, queues[i]);
	redis_pack_bool(&args, has_door);
	return redis_act(redis_of(base), REDIS_SET_DOOR, &args, &reply, err);
}

static void read_outgoing(const redisReply *row, struct outgoing *outgoing)
{
	redisReply *const *at = row->element;
	*outgoing = (struct outgoing){ .job_id = redis_text(at[1]),
		.payload = redis_text(at[2]),
		.dispatch = (uint32_t)redis_number(at[3]),
		.delay_ms = redis_number(at[4]) };
	snprintf(outgoing->id, sizeof outgoing->id, "%s", at[0]->str);
}

static bool claim_page(struct redis_store *store, const struct claim_request *request, size_t max,
	struct outgoing_list *list, size_t *count, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 6);
	redis_pack_text(&args, request->queue);
	redis_pack_text(&args, request->owner);
	redis_pack_number(&args, request->claim_ms);
	redis_pack_number(&args, request->horizon_ms);
	redis_pack_number(&args, (int64_t)max);
	redis_pack_bool(&args, request->with_payloads);
	if (!redis_act(store, REDIS_CLAIM_UNSENT, &args, &reply, err))
		return false;
	const redisReply *rows = reply->element[0];
	list->next_ms = redis_number(reply->element[1]);
	list->rows = xrealloc(list->rows, (list->count + rows->elements + 1) * sizeof *list->rows);
	for (size_t i = 0; i < rows->elements; i++)
		read_outgoing(rows->element[i], &list->rows[list->count++]);
	*count = rows->elements;
	return true;
}

bool redis_claim_unsent(struct store *base, const struct claim_request *request,
	struct outgoing_list *list, struct error *err)
{
	struct outgoing_list found = { .next_ms = -1 };
	size_t count, page;
	do {
		page = page_of(request->max - found.count);
		/* What is claimed already is to be sent, whatever becomes of the rest. */
		if (claim_page(redis_of(base), request, page, &found, &count, err))
			continue;
		if (found.count == 0)
			return false;
		count = 0;
	} while (count == page && found.count < request->max);
	*list = found;
	return true;
}

static bool mark_page(
	struct redis_store *store, const struct sent *sent, size_t count, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++) {
		redis_pack_list(&args, 2);
		redis_pack_text(&args, sent[i].id);
		redis_pack_number(&args, sent[i].dispatch);
	}
	return redis_act(store, REDIS_MARK_SENT, &args, &reply, err);
}

bool redis_mark_sent(struct store *base, const struct sent *sent, size_t count, struct error *err)
{
	for (size_t done = 0; done < count; done += PAGE)
		if (!mark_page(redis_of(base), sent + done, page_of(count - done), err))
			return false;
	return true;
}

bool redis_resend(struct store *base, const char *queue, int64_t after_ms, size_t max,
	size_t *count, struct error *err)
{
	size_t total = 0, here = PAGE;
	while (here == PAGE && total < max) {
		OWNED(redis_pack) struct redis_pack args = { 0 };
		OWNED(redis_reply) redisReply *reply = NULL;
		size_t page = page_of(max - total);
		redis_pack_list(&args, 3);
		redis_pack_text(&args, queue);
		redis_pack_number(&args, after_ms);
		redis_pack_number(&args, (int64_t)page);
		if (!redis_act(redis_of(base), REDIS_RESEND, &args, &reply, err))
			return false;
		here = (size_t)redis_number(reply);
		total += here;
	}
	*count = total;
	return true;
}

static void pack_arrival(
	struct redis_store *store, struct redis_pack *args, const struct arrival *arrival)
{
	char made[IDS_UUID_SIZE];
	store_new_id(&store->store, made);
	redis_pack_list(args, 9);
	redis_pack_text(args, arrival->queue);
	redis_pack_text(args, arrival->message_id);
	redis_pack_text(args, arrival->task_id);
	redis_pack_text(args, arrival->id ? arrival->id : made);
	redis_pack_text(args, arrival->name);
	redis_pack_text(args, arrival->payload);
	redis_pack_text(args, arrival->reason);
	redis_pack_text(args, arrival->group);
	redis_pack_number(args, arrival->priority);
}

static bool adopt_page(struct redis_store *store, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err)
{
	static const enum adoption adoptions[] = { ADOPT_DONE, ADOPT_KNOWN, ADOPT_UNKNOWN };
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		pack_arrival(store, &args, &arrivals[i]);
	if (!redis_act(store, REDIS_ADOPT, &args, &reply, err))
		return false;
	for (size_t i = 0; i < count && i < reply->elements; i++)
		answers[i] = adoptions[redis_number(reply->element[i])];
	return true;
}

bool redis_adopt(struct store *base, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!backend_check_arrival(&arrivals[i], err))
			return false;
	for (size_t done = 0; done < count; done += PAGE)
		if (!adopt_page(redis_of(base), arrivals + done, page_of(count - done),
			    answers + done, err))
			return false;
	return true;
}
