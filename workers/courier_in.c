/*
 * Messages on their way in: receive, adopt, ack. A message is acked when the store has it durably,
 * not sooner and not later: nothing is held at the broker while a task runs or a gate waits.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "workers/notices.h"

#define ACK_LATE_MS   100 /* acks wait so long for company */
#define GATHER_MS     25  /* after a receive that was quick and not full */
#define SHORT_WAIT_MS 1000
#define ACKS_MAX      8 /* requests */

static size_t at_most(size_t count, size_t most)
{
	return count < most ? count : most;
}

static void send_acks(struct courier_queue *queue);

static void on_acked(void *context, const bool *is_done, size_t count, const struct error *err)
{
	struct courier_queue *queue = context;
	(void)is_done, (void)count;
	queue->in.acks_under_way--;
	/* Those that failed come back and are known then. */
	courier_note_broker(queue, err);
	if (!err)
		fault_step("acked");
	send_acks(queue);
	courier_end_if_done(queue->courier);
}

/* Whole batches at once; the rest when it has waited, or at the end. */
static void send_acks(struct courier_queue *queue)
{
	struct courier_in *in = &queue->in;
	const struct broker *broker = queue->courier->broker;
	size_t batch = broker->ops->max_batch, sent = 0;
	bool is_urgent = queue->courier->is_stopping || !ev_is_active(&in->ack);
	while (sent < in->receipt_count && in->acks_under_way < ACKS_MAX &&
		(is_urgent || in->receipt_count - sent >= batch)) {
		size_t count = at_most(in->receipt_count - sent, batch);
		in->acks_under_way++;
		broker->ops->ack(queue->courier->broker, queue->name,
			(const char *const *)in->receipts + sent, count, on_acked, queue);
		for (size_t i = 0; i < count; i++)
			free(in->receipts[sent + i]);
		sent += count;
	}
	in->receipt_count -= sent;
	if (sent > 0)
		memmove(in->receipts, in->receipts + sent, in->receipt_count * sizeof(char *));
	if (in->receipt_count == 0)
		ev_timer_stop(queue->courier->loop, &in->ack);
}

static void on_ack_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	send_acks(timer->data);
}

static void add_receipt(struct courier_queue *queue, char *receipt)
{
	struct courier_in *in = &queue->in;
	in->receipts = xgrow(in->receipts, in->receipt_count, &in->receipt_room, sizeof(char *));
	in->receipts[in->receipt_count++] = receipt;
	if (!ev_is_active(&in->ack))
		courier_arm(queue->courier, &in->ack, ACK_LATE_MS);
}

static struct arrival describe(const struct courier_queue *queue,
	const struct broker_message *message, const struct format_message *read)
{
	return (struct arrival){ .queue = queue->name,
		.message_id = message->id,
		.task_id = read->task_id,
		.id = read->id,
		.name = read->name ? read->name : queue->name,
		.payload = read->payload,
		.priority = queue->config->priority,
		.reason = read->reason,
		.group = message->group };
}

/* What can't be understood is dead from its birth, and may be told to a failure queue. */
static bool notice_dead(struct courier_queue *queue, struct format_message *read, struct error *err)
{
	struct store *store = queue->courier->self.store;
	if (!read->reason || !queue->config->failure_queue)
		return true;
	if (!read->id) {
		read->id = xcalloc(1, IDS_UUID_SIZE);
		store_new_id(store, read->id);
	}
	return notices_write(store, queue->name, read->id, 0, err) || err->kind == ERROR_INVALID;
}

/* Adopts some of what was received. On failure nothing of it is. */
static bool adopt(struct courier_queue *queue, const size_t *chosen, size_t count,
	struct format_message *read, enum adoption *answers, struct error *err)
{
	struct store *store = queue->courier->self.store;
	OWNED(free) struct arrival *arrivals = xcalloc(count, sizeof *arrivals);
	for (size_t i = 0; i < count; i++) {
		if (!notice_dead(queue, &read[chosen[i]], err))
			return false;
		arrivals[i] = describe(queue, &queue->in.taken.rows[chosen[i]], &read[chosen[i]]);
	}
	return store->ops->adopt(store, arrivals, count, answers, err);
}

/* A reference that leads nowhere: of our own store the task was deleted since; any other's can't
 * be found here. */
static bool reject_strangers(struct courier_queue *queue, struct format_message *read,
	const enum adoption *answers, struct error *err)
{
	const struct store *store = queue->courier->self.store;
	const struct broker_messages *taken = &queue->in.taken;
	OWNED(free) size_t *chosen = xcalloc(taken->count, sizeof *chosen);
	OWNED(free) enum adoption *ignored = xcalloc(taken->count, sizeof *ignored);
	size_t count = 0, unknown = 0;
	for (size_t i = 0; i < taken->count; i++) {
		if (answers[i] != ADOPT_UNKNOWN)
			continue;
		unknown++;
		if (store_has_tag(store, read[i].task_id))
			continue;
		OWNED(free)
		char *reason =
			xprintf("refers to task %s, which is not in this store", read[i].task_id);
		format_reject(&read[i], taken->rows[i].body, taken->rows[i].length, reason);
		chosen[count++] = i;
	}
	if (count > 0 && !adopt(queue, chosen, count, read, ignored, err))
		return false;
	courier_count(queue->row ? &queue->row->unknown : NULL, unknown);
	return true;
}

/* One that the store can never take becomes one that says so. */
static bool adopt_one(struct courier_queue *queue, struct format_message *read, size_t i,
	enum adoption *answer, struct error *err)
{
	const struct broker_message *message = &queue->in.taken.rows[i];
	if (adopt(queue, &i, 1, read, answer, err))
		return true;
	if (err->kind != ERROR_INVALID || read[i].reason)
		return false;
	struct error why = *err;
	format_reject(&read[i], message->body, message->length, why.text);
	return adopt(queue, &i, 1, read, answer, err);
}

static bool adopt_all(struct courier_queue *queue, struct format_message *read,
	enum adoption *answers, struct error *err)
{
	size_t count = queue->in.taken.count;
	OWNED(free) size_t *chosen = xcalloc(count, sizeof *chosen);
	for (size_t i = 0; i < count; i++)
		chosen[i] = i;
	bool ok = adopt(queue, chosen, count, read, answers, err);
	if (!ok && err->kind == ERROR_INVALID) {
		ok = true;
		for (size_t i = 0; ok && i < count; i++)
			ok = adopt_one(queue, read, i, &answers[i], err);
	}
	return ok && reject_strangers(queue, read, answers, err);
}

/* What was sent before the queue had a format of others still names tasks of this store, and is
 * never the payload of a new one. */
static void read_message(const struct courier_queue *queue, const struct broker_message *message,
	struct format_message *out)
{
	format_read(FORMAT_TASK, message->body, message->length, out);
	if (queue->config->format == FORMAT_TASK ||
		(out->task_id && store_has_tag(queue->courier->self.store, out->task_id)))
		return;
	format_message_finish(out);
	format_read(queue->config->format, message->body, message->length, out);
}

/* Durable, or not at all: then it is tried again when the store answers. */
static bool adopt_taken(struct courier_queue *queue)
{
	struct broker_messages *taken = &queue->in.taken;
	OWNED(free) struct format_message *read = xcalloc(taken->count, sizeof *read);
	OWNED(free) enum adoption *answers = xcalloc(taken->count, sizeof *answers);
	struct error err;
	for (size_t i = 0; i < taken->count; i++)
		read_message(queue, &taken->rows[i], &read[i]);
	bool ok = adopt_all(queue, read, answers, &err);
	for (size_t i = 0; i < taken->count; i++)
		format_message_finish(&read[i]);
	if (!courier_note_store(queue->courier, ok, "adopt", &err)) {
		/* What no repeat can mend is left to the broker: it comes back. */
		if (err.kind != ERROR_UNAVAILABLE)
			broker_messages_finish(taken);
		return false;
	}
	fault_step("adopted");
	for (size_t i = 0; i < taken->count; i++)
		add_receipt(queue, GIVE(taken->rows[i].receipt));
	broker_messages_finish(taken);
	send_acks(queue);
	return true;
}

/* A receive that came back at once with little will do so again: the next one waits for more. */
static void gather(struct courier_queue *queue, size_t count)
{
	bool is_quick = clock_steady_ms() - queue->in.began_at_ms < SHORT_WAIT_MS;
	if (count > 0 && count < queue->in.asked && is_quick)
		courier_arm(queue->courier, &queue->in.again, GATHER_MS);
}

static void on_messages(void *context, struct broker_messages *messages, const struct error *err)
{
	struct courier_queue *queue = context;
	struct courier_in *in = &queue->in;
	in->is_receiving = false;
	in->taken = *messages;
	courier_note_broker(queue, err);
	if (messages->count > 0)
		fault_step("received");
	courier_count(queue->row ? &queue->row->received : NULL, messages->count);
	if (err && err->kind == ERROR_NOT_FOUND)
		queue->prepared = DOOR_UNKNOWN;
	if (err)
		courier_back_off(queue->courier, &in->backoff);
	else
		in->backoff.ms = 0;
	gather(queue, messages->count);
	courier_in_drive(queue);
	courier_end_if_done(queue->courier);
}

static void receive(struct courier_queue *queue, size_t room)
{
	struct broker *broker = queue->courier->broker;
	struct courier_in *in = &queue->in;
	in->is_receiving = true;
	in->began_at_ms = clock_steady_ms();
	in->asked = at_most(room, broker->ops->max_batch);
	broker->ops->receive(
		broker, queue->name, in->asked, broker->ops->max_wait_ms, on_messages, queue);
}

static bool must_wait(const struct courier_queue *queue)
{
	const struct courier_in *in = &queue->in;
	return in->is_receiving || in->is_held || ev_is_active(&in->again) ||
	       ev_is_active(&in->backoff.timer) || queue->courier->is_stopping;
}

void courier_in_drive(struct courier_queue *queue)
{
	if (courier_is_store_out(queue->courier) || !queue->is_served)
		return;
	if (queue->in.taken.count > 0 && !adopt_taken(queue))
		return;
	if (must_wait(queue) || !courier_prepare(queue))
		return;
	size_t room = courier_find_room(queue);
	if (room > 0)
		receive(queue, room);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	courier_in_drive(timer->data);
}

void courier_in_open(struct courier_queue *queue)
{
	struct courier_in *in = &queue->in;
	ev_init(&in->ack, on_ack_due);
	ev_init(&in->again, on_again);
	ev_init(&in->backoff.timer, on_again);
	in->ack.data = in->again.data = in->backoff.timer.data = queue;
}

void courier_in_stop(struct courier_queue *queue)
{
	struct broker *broker = queue->courier->broker;
	if (queue->in.is_receiving)
		broker->ops->stop_receiving(broker, queue->name);
	if (queue->courier->is_stopping)
		send_acks(queue);
}

bool courier_in_is_busy(const struct courier_queue *queue)
{
	return queue->in.is_receiving || queue->in.taken.count > 0 || queue->in.receipt_count > 0 ||
	       queue->in.acks_under_way > 0;
}

void courier_in_close(struct courier_queue *queue)
{
	struct courier_in *in = &queue->in;
	broker_messages_finish(&in->taken);
	for (size_t i = 0; i < in->receipt_count; i++)
		free(in->receipts[i]);
	free(in->receipts);
}
