/*
 * Sends and acks: rounds of at most ten entries. A reply tells of each entry: those that failed by
 * the service's own fault go into the next round. Sends to a FIFO queue go one after another, or
 * their order would be lost. See sqs.h.
 */
#include "base/clock.h"
#include "base/ids.h"
#include "brokers/sqs.h"

#include <stdio.h>

struct sqs_batch {
	struct sqs *sqs;
	struct sqs_batch *next, **place; /* of sqs->batches, oldest first */
	struct sqs_queue *queue;
	const char *action;
	bool has_order;
	json_t **entries; /* without Id */
	size_t *sizes;    /* bytes of bodies */
	bool *is_done, *is_ended;
	size_t count;
	size_t round[SQS_BATCH_MAX], round_count;
	struct sqs_call *call;
	struct ev_timer timer;
	int failures;
	int64_t failing_since_ms; /* steady */
	struct error first;       /* kind NONE: no failure */
	broker_on_done *on_done;
	void *context;
};

static void free_batch(struct sqs_batch *batch)
{
	ev_timer_stop(batch->sqs->loop, &batch->timer);
	*batch->place = batch->next;
	if (batch->next)
		batch->next->place = batch->place;
	for (size_t i = 0; i < batch->count; i++)
		json_decref(batch->entries[i]);
	free(batch->entries);
	free(batch->sizes);
	free(batch->is_done);
	free(batch->is_ended);
	free(batch);
}

void sqs_batch_drop(struct sqs_batch *batch)
{
	free_batch(batch);
}

static void go_on_after(struct sqs_batch *batch, int64_t delay_ms)
{
	ev_now_update(batch->sqs->loop);
	ev_timer_set(&batch->timer, (double)delay_ms / 1000.0, 0.);
	ev_timer_start(batch->sqs->loop, &batch->timer);
}

/* The turn goes to the queue's oldest. */
static void take_turn(struct sqs_batch *batch)
{
	if (batch->has_order && batch->queue->sending)
		return;
	if (batch->has_order)
		batch->queue->sending = batch;
	go_on_after(batch, 0);
}

static void give_turn(struct sqs_batch *batch)
{
	if (batch->queue->sending != batch)
		return;
	batch->queue->sending = NULL;
	for (struct sqs_batch *other = batch->sqs->batches; other; other = other->next)
		if (other != batch && other->has_order && other->queue == batch->queue) {
			take_turn(other);
			return;
		}
}

/* Calls back; nothing of the broker may be touched after it. */
static void conclude(struct sqs_batch *batch)
{
	broker_on_done *on_done = batch->on_done;
	void *context = batch->context;
	struct error first = batch->first;
	size_t count = batch->count;
	OWNED(free) bool *is_done = GIVE(batch->is_done);
	give_turn(batch);
	free_batch(batch);
	on_done(context, is_done, count, first.kind ? &first : NULL);
}

static void fail(struct sqs_batch *batch, size_t index, enum error_kind kind, const char *why)
{
	batch->is_ended[index] = true;
	if (!batch->first.kind)
		error_set(&batch->first, kind, "sqs: %s of %s: %s", batch->action,
			batch->queue->name, why);
}

static void fail_rest(struct sqs_batch *batch, enum error_kind kind, const char *why)
{
	for (size_t i = 0; i < batch->count; i++)
		if (!batch->is_ended[i])
			fail(batch, i, kind, why);
}

/* The next entries in their order, as many as one request takes. */
static void choose(struct sqs_batch *batch)
{
	size_t bytes = 0;
	batch->round_count = 0;
	for (size_t i = 0; i < batch->count && batch->round_count < SQS_BATCH_MAX; i++) {
		if (batch->is_ended[i])
			continue;
		bytes += batch->sizes[i];
		if (batch->round_count > 0 && bytes > SQS_BATCH_BYTES)
			return;
		batch->round[batch->round_count++] = i;
	}
}

static json_t *parameters_of(const struct sqs_batch *batch)
{
	json_t *entries = json_array();
	for (size_t i = 0; i < batch->round_count; i++) {
		char id[24];
		snprintf(id, sizeof id, "%zu", batch->round[i]);
		json_t *entry = json_copy(batch->entries[batch->round[i]]);
		json_object_set_new(entry, "Id", json_string(id));
		json_array_append_new(entries, entry);
	}
	return json_pack("{s:o}", "Entries", entries);
}

static void read_done(struct sqs_batch *batch, const json_t *reply)
{
	const json_t *rows = json_object_get(reply, "Successful");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		size_t index;
		if (sqs_read_index(json_array_get(rows, i), batch->count, &index))
			batch->is_done[index] = batch->is_ended[index] = true;
	}
}

static void read_failures(struct sqs_batch *batch, const json_t *reply, char *why, size_t size)
{
	const json_t *rows = json_object_get(reply, "Failed");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *code = jsontext_member(row, "Code");
		size_t index;
		if (!sqs_read_index(row, batch->count, &index) || batch->is_ended[index])
			continue;
		sqs_describe(why, size, code, jsontext_member(row, "Message"));
		if (json_is_true(json_object_get(row, "SenderFault")) &&
			sqs_judge_code(code, 0) != SQS_REPEAT)
			fail(batch, index, ERROR_INVALID, why);
	}
}

static bool is_left(const struct sqs_batch *batch)
{
	for (size_t i = 0; i < batch->round_count; i++)
		if (!batch->is_ended[batch->round[i]])
			return true;
	return false;
}

/* Entries that the reply says nothing of are repeated like those that it calls failed. */
static void read_reply(struct sqs_batch *batch, const json_t *reply)
{
	char why[224] = "the reply does not tell of all entries";
	read_done(batch, reply);
	read_failures(batch, reply, why, sizeof why);
	int64_t now_ms = clock_steady_ms(), delay_ms = 0;
	if (!is_left(batch)) {
		batch->failures = 0;
	} else {
		if (batch->failures++ == 0)
			batch->failing_since_ms = now_ms;
		delay_ms = sqs_backoff_ms(batch->failures);
		if (now_ms - batch->failing_since_ms >= SQS_PATIENCE_MS)
			fail_rest(batch, ERROR_UNAVAILABLE, why);
	}
	go_on_after(batch, delay_ms);
}

static void on_reply(void *context, const json_t *reply, const struct error *err)
{
	struct sqs_batch *batch = context;
	batch->call = NULL;
	if (reply) {
		read_reply(batch, reply);
		return;
	}
	if (!batch->first.kind)
		batch->first = *err;
	fail_rest(batch, err->kind, err->text);
	go_on_after(batch, 0);
}

static void begin_round(struct sqs_batch *batch)
{
	choose(batch);
	if (batch->round_count == 0) {
		conclude(batch);
		return;
	}
	batch->call = sqs_call_begin(&(struct sqs_call){
		.sqs = batch->sqs,
		.queue = batch->queue,
		.action = batch->action,
		.parameters = parameters_of(batch),
		.on_reply = on_reply,
		.context = batch,
	});
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	begin_round(timer->data);
}

static struct sqs_batch *create(
	struct sqs *sqs, const char *queue, size_t count, broker_on_done *on_done, void *context)
{
	struct sqs_batch *batch = xcalloc(1, sizeof *batch);
	size_t room = count ? count : 1;
	*batch = (struct sqs_batch){
		.sqs = sqs,
		.place = &sqs->batches,
		.queue = sqs_queue_find(sqs, queue),
		.entries = xcalloc(room, sizeof *batch->entries),
		.sizes = xcalloc(room, sizeof *batch->sizes),
		.is_done = xcalloc(room, sizeof *batch->is_done),
		.is_ended = xcalloc(room, sizeof *batch->is_ended),
		.count = count,
		.on_done = on_done,
		.context = context,
	};
	while (*batch->place)
		batch->place = &(*batch->place)->next;
	*batch->place = batch;
	ev_timer_init(&batch->timer, on_timer, 0., 0.);
	batch->timer.data = batch;
	return batch;
}

/* Without an id of the caller's, our own repeats at least make one message. */
static void add_fifo(json_t *entry, const struct broker_outgoing *message)
{
	char drawn[IDS_UUID_SIZE];
	ids_uuid7(drawn);
	const char *dedup_id = message->dedup_id ? message->dedup_id : drawn;
	json_object_set_new(entry, "MessageDeduplicationId", json_string(dedup_id));
	json_object_set_new(
		entry, "MessageGroupId", json_string(message->group ? message->group : dedup_id));
}

static void add_message(
	struct sqs_batch *batch, size_t index, const struct broker_outgoing *message)
{
	json_t *body = json_string(message->body);
	batch->entries[index] = json_object();
	batch->sizes[index] = strlen(message->body);
	if (!body) {
		fail(batch, index, ERROR_INVALID, "the body is not UTF-8");
		return;
	}
	json_object_set_new(batch->entries[index], "MessageBody", body);
	int64_t delay_ms =
		message->delay_ms > SQS_DELAY_MAX_MS ? SQS_DELAY_MAX_MS : message->delay_ms;
	if (batch->queue->is_fifo)
		add_fifo(batch->entries[index], message);
	if (delay_ms > 0 && batch->queue->is_fifo)
		fail(batch, index, ERROR_INVALID, "a FIFO queue can't delay single messages");
	else if (delay_ms > 0)
		json_object_set_new(batch->entries[index], "DelaySeconds",
			json_integer((delay_ms + 999) / 1000));
}

void sqs_send(struct broker *broker, const char *queue, const struct broker_outgoing *messages,
	size_t count, broker_on_done *on_done, void *context)
{
	struct sqs_batch *batch = create((struct sqs *)broker, queue, count, on_done, context);
	batch->action = "SendMessageBatch";
	batch->has_order = batch->queue->is_fifo;
	for (size_t i = 0; i < count; i++)
		add_message(batch, i, &messages[i]);
	take_turn(batch);
}

void sqs_ack(struct broker *broker, const char *queue, const char *const *receipts, size_t count,
	broker_on_done *on_done, void *context)
{
	struct sqs_batch *batch = create((struct sqs *)broker, queue, count, on_done, context);
	batch->action = "DeleteMessageBatch";
	for (size_t i = 0; i < count; i++) {
		batch->entries[i] = json_pack("{s:s}", "ReceiptHandle", receipts[i]);
		if (!batch->entries[i])
			fail(batch, i, ERROR_INVALID, "a receipt is not UTF-8");
	}
	take_turn(batch);
}
