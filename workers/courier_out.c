/*
 * References on their way out: claim, send, mark. One act claims for several requests; what one
 * request takes is a parcel, and what of it could not be sent is tried again, alone. Where this
 * process dies, the claims are given back, and what was sent twice is met as known.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define CLAIM_MS   120000
#define GIVE_UP_MS 90000 /* before the claim lapses */
#define GATHER_MS  25    /* after a claim that was not full: the next one waits for more */
#define LOOK_MS    10000 /* at the latest: rings can be lost with the process that rings */
#define DOUBT_MS   10000 /* then the store has ended a claim whose answer was lost, or never will */
#define DRAIN_MS   200   /* between looks whether nothing is held any more */
#define FLIGHT_MAX 8     /* parcels of one queue; claimed anew when half of them are back */
#define MARK_MS    2     /* parcels that come back within this time are marked in one act */
#define SEND_MAX   100   /* messages of a parcel, where the broker takes more */

struct parcel {
	struct courier_queue *queue;
	struct parcel *next;
	struct outgoing_list list;
	bool *is_sent, *is_marked;
	size_t *order; /* the rows of the request that is under way */
	size_t ordered;
	bool is_under_way;
	int64_t claimed_at_ms; /* steady */
};

static void destroy(struct parcel *parcel)
{
	outgoing_list_finish(&parcel->list);
	free(parcel->is_sent);
	free(parcel->is_marked);
	free(parcel->order);
	free(parcel);
}

static void drop(struct courier_queue *queue, struct parcel *parcel)
{
	struct parcel **at = &queue->out.parcels;
	while (*at != parcel)
		at = &(*at)->next;
	*at = parcel->next;
	queue->out.under_way--;
	destroy(parcel);
}

static size_t count_left(const struct parcel *parcel)
{
	size_t left = 0;
	for (size_t i = 0; i < parcel->list.count; i++)
		left += !parcel->is_marked[i];
	return left;
}

/* Adds what has gone out of it and is not marked. */
static size_t list_sent(const struct parcel *parcel, struct sent *out)
{
	size_t count = 0;
	for (size_t i = 0; i < parcel->list.count; i++) {
		const struct outgoing *row = &parcel->list.rows[i];
		if (parcel->is_sent[i] && !parcel->is_marked[i])
			out[count++] = (struct sent){ .id = row->id, .dispatch = row->dispatch };
	}
	return count;
}

static size_t count_rows(const struct courier_queue *queue)
{
	size_t count = 0;
	for (const struct parcel *parcel = queue->out.parcels; parcel; parcel = parcel->next)
		count += parcel->list.count;
	return count;
}

/* Tells the store of all that has gone out. False: the store is out, and it is told later. */
static bool mark(struct courier_queue *queue)
{
	struct store *store = queue->courier->self.store;
	OWNED(free) struct sent *sent = xcalloc(count_rows(queue) + 1, sizeof *sent);
	size_t count = 0;
	struct error err;
	ev_timer_stop(queue->courier->loop, &queue->out.mark);
	for (struct parcel *parcel = queue->out.parcels; parcel; parcel = parcel->next)
		count += list_sent(parcel, sent + count);
	if (count == 0)
		return true;
	bool ok = store->ops->mark_sent(store, sent, count, &err);
	if (!courier_note_store(queue->courier, ok, "mark_sent", &err))
		return false;
	fault_step("marked");
	for (struct parcel *parcel = queue->out.parcels; parcel; parcel = parcel->next)
		memcpy(parcel->is_marked, parcel->is_sent, parcel->list.count * sizeof(bool));
	return true;
}

/* Marks what can be marked, and drops what is done with. What is left too late is claimed again
 * when its claim has lapsed. */
static void settle(struct courier_queue *queue)
{
	mark(queue);
	struct parcel *next;
	for (struct parcel *parcel = queue->out.parcels; parcel; parcel = next) {
		bool is_late = clock_steady_ms() - parcel->claimed_at_ms > GIVE_UP_MS;
		next = parcel->next;
		if (!parcel->is_under_way && (is_late || count_left(parcel) == 0))
			drop(queue, parcel);
	}
}

static void on_sent(void *context, const bool *is_done, size_t count, const struct error *err)
{
	struct parcel *parcel = context;
	struct courier_queue *queue = parcel->queue;
	size_t done = 0;
	parcel->is_under_way = false;
	courier_note_broker(queue, err);
	for (size_t i = 0; i < count; i++) {
		parcel->is_sent[parcel->order[i]] = is_done[i];
		done += is_done[i];
	}
	if (done > 0)
		fault_step("sent");
	courier_count(queue->row ? &queue->row->sent_total : NULL, done);
	if (err && err->kind == ERROR_NOT_FOUND)
		queue->prepared = DOOR_UNKNOWN;
	if (err)
		courier_back_off(queue->courier, &queue->out.backoff);
	else
		queue->out.backoff.ms = 0;
	if (queue->courier->is_stopping || queue->is_fifo)
		courier_out_drive(queue);
	else if (!ev_is_active(&queue->out.mark))
		courier_arm(queue->courier, &queue->out.mark, MARK_MS);
	courier_end_if_done(queue->courier);
}

static void send_parcel(struct parcel *parcel)
{
	struct courier_queue *queue = parcel->queue;
	struct broker *broker = queue->courier->broker;
	OWNED(free)
	struct broker_outgoing *messages = xcalloc(parcel->list.count, sizeof *messages);
	OWNED(free) char **texts = xcalloc(3 * parcel->list.count, sizeof *texts);
	size_t count = 0;
	for (size_t i = 0; i < parcel->list.count; i++) {
		const struct outgoing *row = &parcel->list.rows[i];
		if (parcel->is_sent[i])
			continue;
		char **own = texts + 3 * count;
		own[0] = format_print_reference(row->id);
		own[1] = queue->is_fifo ? courier_name_group(queue, row) : NULL;
		own[2] = queue->is_fifo ? courier_name_dedup(row) : NULL;
		messages[count] = (struct broker_outgoing){ .body = own[0],
			.delay_ms = row->delay_ms,
			.group = own[1],
			.dedup_id = own[2] };
		parcel->order[count++] = i;
	}
	parcel->is_under_way = true;
	broker->ops->send(broker, queue->name, messages, count, on_sent, parcel);
	for (size_t i = 0; i < 3 * count; i++)
		free(texts[i]);
}

static void add_parcel(struct courier_queue *queue, const struct outgoing *rows, size_t count)
{
	struct parcel *parcel = xcalloc(1, sizeof *parcel);
	*parcel = (struct parcel){ .queue = queue,
		.list = { .rows = xcalloc(count, sizeof *rows), .count = count },
		.is_sent = xcalloc(count, sizeof(bool)),
		.is_marked = xcalloc(count, sizeof(bool)),
		.order = xcalloc(count, sizeof(size_t)),
		.claimed_at_ms = clock_steady_ms() };
	memcpy(parcel->list.rows, rows, count * sizeof *rows);
	/* At the end: a FIFO queue sends in the order of its claims. */
	struct parcel **at = &queue->out.parcels;
	while (*at)
		at = &(*at)->next;
	*at = parcel;
	queue->out.under_way++;
	send_parcel(parcel);
}

/* Whole requests, and a last one. Takes the rows' text. */
static void add_parcels(struct courier_queue *queue, struct outgoing_list *list, size_t batch)
{
	for (size_t at = 0; at < list->count; at += batch)
		add_parcel(queue, list->rows + at,
			list->count - at < batch ? list->count - at : batch);
	free(list->rows);
}

static void look_again(struct courier_queue *queue, int64_t ms)
{
	courier_arm(queue->courier, &queue->out.again, ms < LOOK_MS && ms >= 0 ? ms : LOOK_MS);
}

static size_t batch_of(const struct courier_queue *queue)
{
	size_t most = queue->courier->broker->ops->max_batch;
	return most < SEND_MAX ? most : SEND_MAX;
}

static bool holds_any(const struct courier *courier)
{
	for (size_t i = 0; i < courier->queue_count; i++)
		if (courier->queues[i].out.parcels)
			return true;
	return courier_notices_are_busy(courier);
}

/*
 * A claim whose answer was lost may have been done, and nobody would send what it took before it
 * lapses. When all that we know to hold has come to its end, what we still hold is of such claims.
 * False: that is waited for.
 */
static bool settle_doubt(struct courier *courier)
{
	struct store *store = courier->self.store;
	size_t released;
	struct error err;
	if (courier->doubt_at_ms == 0 || clock_steady_ms() - courier->doubt_at_ms < DOUBT_MS)
		return true;
	if (holds_any(courier))
		return false;
	bool ok = store->ops->release_owner(
		store, courier->self.setup->owner, NULL, NULL, &released, &err);
	if (courier_note_store(courier, ok, "release_owner", &err))
		courier->doubt_at_ms = 0;
	return ok;
}

/* Test builds can lose the answer of the n-th claim that has taken anything. */
static bool take_claims(struct courier *courier, const struct claim_request *request,
	struct outgoing_list *list, struct error *err)
{
	struct store *store = courier->self.store;
	if (!store->ops->claim_unsent(store, request, list, err))
		return false;
	courier->claims += list->count > 0;
	if (list->count == 0 || courier->claims != fault_number("REEVE_LOSE_CLAIM", -1))
		return true;
	outgoing_list_finish(list);
	return error_set(err, ERROR_UNAVAILABLE, "the answer to a claim is lost");
}

/* Claims so many parcels' worth. */
static void claim(struct courier_queue *queue, size_t parcels)
{
	struct courier *courier = queue->courier;
	const struct claim_request request = { .queue = queue->name,
		.owner = courier->self.setup->owner,
		.claim_ms = CLAIM_MS,
		/* SQS delays no single message of a FIFO queue. */
		.horizon_ms = queue->is_fifo ? 0 : courier->broker->ops->max_delay_ms,
		.max = parcels * batch_of(queue),
		.with_payloads = queue->is_fifo && strcmp(queue->config->group, "job") != 0 };
	struct outgoing_list list;
	struct error err;
	bool ok = take_claims(courier, &request, &list, &err);
	if (!ok && err.kind == ERROR_UNAVAILABLE)
		courier->doubt_at_ms = clock_steady_ms();
	if (!courier_note_store(courier, ok, "claim_unsent", &err))
		return;
	size_t count = list.count;
	int64_t next_ms = list.next_ms;
	queue->out.claimed_at_ms = count > 0 && count < request.max ? clock_steady_ms() : 0;
	if (count > 0) {
		fault_step("claimed");
		add_parcels(queue, &list, batch_of(queue));
	} else {
		outgoing_list_finish(&list);
	}
	if (count < request.max)
		look_again(queue, next_ms);
}

/* Sends again what came back, in the order it was claimed. */
static void send_rest(struct courier_queue *queue)
{
	for (struct parcel *parcel = queue->out.parcels; parcel; parcel = parcel->next)
		if (!parcel->is_under_way && count_left(parcel) > 0)
			send_parcel(parcel);
}

void courier_out_drive(struct courier_queue *queue)
{
	struct courier_out *out = &queue->out;
	const size_t most = queue->is_fifo ? 1 : FLIGHT_MAX;
	if (!queue->has_door || courier_is_store_out(queue->courier))
		return;
	settle(queue);
	if (queue->courier->is_stopping || courier_is_store_out(queue->courier) ||
		ev_is_active(&out->backoff.timer) || !courier_prepare(queue))
		return;
	send_rest(queue);
	int64_t since_ms = clock_steady_ms() - out->claimed_at_ms;
	if (out->claimed_at_ms && since_ms < GATHER_MS)
		look_again(queue, GATHER_MS - since_ms);
	else if (!settle_doubt(queue->courier))
		look_again(queue, DRAIN_MS);
	else if (out->under_way <= most / 2)
		claim(queue, most - out->under_way);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	courier_out_drive(timer->data);
}

void courier_out_open(struct courier_queue *queue)
{
	struct courier_out *out = &queue->out;
	ev_init(&out->again, on_again);
	ev_init(&out->mark, on_again);
	ev_init(&out->backoff.timer, on_again);
	out->again.data = out->mark.data = out->backoff.timer.data = queue;
}

bool courier_out_is_busy(const struct courier_queue *queue)
{
	for (const struct parcel *parcel = queue->out.parcels; parcel; parcel = parcel->next)
		if (parcel->is_under_way)
			return true;
	return false;
}

void courier_out_close(struct courier_queue *queue)
{
	while (queue->out.parcels)
		drop(queue, queue->out.parcels);
}
