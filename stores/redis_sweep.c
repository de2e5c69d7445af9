/* Housekeeping, in pages so small that no script keeps the server from others for long. */
#include "stores/redis_store.h"

#include <stdio.h>

#define PAGE         32
#define PURGE_LOOK   200
#define SCRIPTS_MORE 100 /* of one sweep, beside one for each row that it may move */

static size_t at_most(size_t left)
{
	return left < PAGE ? left : PAGE;
}

/* A sweep that had to stop goes on there with the next one, so that no queue is the last for ever.
 */
static bool sweep_page(struct redis_store *store, size_t page, bool is_new,
	struct sweep_report *total, bool *again, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 3);
	redis_pack_number(&args, (int64_t)page);
	redis_pack_bool(&args, is_new);
	redis_pack_text(&args, *store->sweep_cursor ? store->sweep_cursor : "0");
	if (!redis_act(store, REDIS_SWEEP, &args, &reply, err))
		return false;
	int64_t next_ms = redis_number(reply->element[2]);
	total->released += (size_t)redis_number(reply->element[0]);
	total->due += (size_t)redis_number(reply->element[1]);
	if (next_ms >= 0 && (total->next_ms < 0 || next_ms < total->next_ms))
		total->next_ms = next_ms;
	*again = redis_number(reply->element[4]);
	if (!*again)
		snprintf(store->sweep_cursor, sizeof store->sweep_cursor, "%s",
			reply->element[3]->str);
	return true;
}

static bool sweep_queues(
	struct redis_store *store, size_t limit, struct sweep_report *total, struct error *err)
{
	bool again = false, is_over = limit == 0;
	for (size_t scripts = 1; !is_over; scripts++) {
		size_t page = at_most(limit - total->released - total->due);
		if (!sweep_page(store, page, !again, total, &again, err))
			return false;
		/* An inbox may be filled faster than it is taken in. */
		bool is_full =
			total->released + total->due >= limit || scripts >= limit + SCRIPTS_MORE;
		is_over = is_full || (!again && strcmp(store->sweep_cursor, "0") == 0);
		if (is_full)
			total->next_ms = 0;
	}
	return true;
}

static bool tidy(
	struct redis_store *store, size_t limit, struct sweep_report *total, struct error *err)
{
	bool more = limit > 0;
	for (size_t looked = 0; more && looked < limit; looked += PAGE) {
		OWNED(redis_pack) struct redis_pack args = { 0 };
		OWNED(redis_reply) redisReply *reply = NULL;
		redis_pack_list(&args, 2);
		redis_pack_number(&args, (int64_t)at_most(limit - looked));
		redis_pack_number(&args, STORE_KNOWN_MS);
		if (!redis_act(store, REDIS_TIDY, &args, &reply, err))
			return false;
		total->dropped += (size_t)redis_number(reply->element[0]);
		more = redis_number(reply->element[1]);
	}
	return true;
}

bool redis_sweep(struct store *base, size_t limit, struct sweep_report *report, struct error *err)
{
	struct redis_store *store = redis_of(base);
	struct sweep_report total = { .next_ms = -1 };
	if (!sweep_queues(store, limit, &total, err) || !tidy(store, limit, &total, err))
		return false;
	*report = total;
	return true;
}

/* Walks one list of the queue by rank; what it keeps is passed over. */
static bool purge_stage(struct redis_store *store, const char *queue, const char *stage,
	size_t limit, size_t *deleted, struct error *err)
{
	for (int64_t rank = 0; rank >= 0 && *deleted < limit;) {
		OWNED(redis_pack) struct redis_pack args = { 0 };
		OWNED(redis_reply) redisReply *reply = NULL;
		redis_pack_list(&args, 5);
		redis_pack_text(&args, queue);
		redis_pack_text(&args, stage);
		redis_pack_number(&args, rank);
		redis_pack_number(&args, (int64_t)at_most(limit - *deleted));
		redis_pack_number(&args, PURGE_LOOK);
		if (!redis_act(store, REDIS_PURGE, &args, &reply, err))
			return false;
		size_t here = (size_t)redis_number(reply->element[0]);
		*deleted += here;
		/* A page that was full of deletions may have left some that it could look at. */
		rank = here == PAGE ? rank : redis_number(reply->element[1]);
	}
	return true;
}

/* The parked go first: else the end of the one before makes them ready. */
static const char *const stages[] = { "parked", "ready", "clock", "unsent", "claims", "sent:0",
	"sent:1", "sent:2", "sent:3", "sent:4", "sent:5", "sent:6", "sent:7", "sent:8", "sent:9",
	"sent:10", "sent:11", "sent:12", "sent:13", "sent:14", "sent:15" };

bool redis_purge(struct store *base, const char *queue, bool dead, size_t limit, size_t *deleted,
	struct error *err)
{
	struct redis_store *store = redis_of(base);
	size_t count = 0;
	if (dead && !purge_stage(store, queue, "dead", limit, &count, err))
		return false;
	for (size_t i = 0; !dead && i < ARRAY_SIZE(stages); i++)
		if (!purge_stage(store, queue, stages[i], limit, &count, err))
			return false;
	*deleted = count;
	return true;
}

bool redis_gc(struct store *base, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err)
{
	size_t count = 0;
	bool is_left = true;
	while (is_left && limit > 0) {
		OWNED(redis_pack) struct redis_pack args = { 0 };
		OWNED(redis_reply) redisReply *reply = NULL;
		size_t page = at_most(limit);
		redis_pack_list(&args, 4);
		redis_pack_number(&args, completed_before_ms);
		redis_pack_number(&args, failed_before_ms);
		redis_pack_number(&args, results_before_ms);
		redis_pack_number(&args, (int64_t)page);
		if (!redis_act(redis_of(base), REDIS_GC, &args, &reply, err))
			return false;
		count += (size_t)redis_number(reply->element[0]);
		is_left = redis_number(reply->element[1]);
		limit -= page;
	}
	*deleted = count;
	*left = is_left;
	return true;
}
