/* Long polls: one per queue. See sqs.h. */
#include "base/ids.h"
#include "brokers/sqs.h"

#include <assert.h>

struct receiving {
	struct sqs *sqs;
	struct sqs_queue *queue;
	broker_on_messages *on_messages;
	void *context;
};

static void answer(struct receiving *receiving, const json_t *reply, const struct error *err)
{
	broker_on_messages *on_messages = receiving->on_messages;
	void *context = receiving->context;
	struct broker_messages messages = { 0 };
	struct error fault;
	receiving->queue->receive = NULL;
	if (reply && !sqs_read_messages(reply, receiving->queue->is_fifo, &messages, &fault)) {
		error_wrap(&fault, "sqs: ReceiveMessage of %s", receiving->queue->name);
		err = &fault;
	}
	free(receiving);
	on_messages(context, &messages, err);
}

static void on_reply(void *context, const json_t *reply, const struct error *err)
{
	answer(context, reply, err);
}

/*
 * A FIFO queue hands the same messages to a repeat of the same attempt: without that a lost reply
 * would hold its groups for the whole visibility timeout.
 */
static void name_attempt(json_t *parameters)
{
	char attempt[IDS_UUID_SIZE];
	ids_uuid7(attempt);
	json_object_set_new(parameters, "ReceiveRequestAttemptId", json_string(attempt));
}

/* AttributeNames, not its newer name MessageSystemAttributeNames: every server knows it. */
static json_t *parameters_of(const struct sqs_queue *queue, size_t max, int64_t wait_ms)
{
	max = max > SQS_BATCH_MAX ? SQS_BATCH_MAX : max < 1 ? 1 : max;
	json_t *parameters = json_pack("{s:I,s:I,s:[s,s,s]}", "MaxNumberOfMessages",
		(json_int_t)max, "WaitTimeSeconds", (json_int_t)((wait_ms + 999) / 1000),
		"AttributeNames", "SentTimestamp", "ApproximateReceiveCount", "MessageGroupId");
	if (queue->is_fifo)
		name_attempt(parameters);
	return parameters;
}

void sqs_receive(struct broker *broker, const char *queue_name, size_t max, int64_t wait_ms,
	broker_on_messages *on_messages, void *context)
{
	struct sqs *sqs = (struct sqs *)broker;
	struct sqs_queue *queue = sqs_queue_find(sqs, queue_name);
	assert(!queue->receive);
	struct receiving *receiving = xcalloc(1, sizeof *receiving);
	*receiving = (struct receiving){ sqs, queue, on_messages, context };
	wait_ms = wait_ms > SQS_WAIT_MAX_MS ? SQS_WAIT_MAX_MS : wait_ms < 0 ? 0 : wait_ms;
	queue->receive = sqs_call_begin(&(struct sqs_call){
		.sqs = sqs,
		.queue = queue,
		.action = "ReceiveMessage",
		.parameters = parameters_of(queue, max, wait_ms),
		.is_long_poll = true,
		.wait_ms = wait_ms,
		.on_reply = on_reply,
		.context = receiving,
		.drop = free,
	});
}

/*
 * A poll whose reply has begun is let through: its messages are ours already. One that waits is
 * cut; what SQS gives to it in that very moment comes back after the visibility timeout.
 */
void sqs_stop_receiving(struct broker *broker, const char *queue_name)
{
	struct sqs *sqs = (struct sqs *)broker;
	struct sqs_call *call = sqs_queue_find(sqs, queue_name)->receive;
	if (call)
		sqs_call_stop(call);
}
