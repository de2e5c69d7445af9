/* The broker sqs://: what it can do, opening and closing, small acts. See sqs.h. */
#include "brokers/sqs.h"

#include "brokers/backend.h"

struct asking {
	struct sqs_queue *queue;
	broker_on_done *on_done;
	broker_on_depth *on_depth;
	void *context;
};

static struct asking *remember(struct sqs *sqs, const char *queue, void *context)
{
	struct asking *asking = xcalloc(1, sizeof *asking);
	asking->queue = sqs_queue_find(sqs, queue);
	asking->context = context;
	return asking;
}

static void on_prepared(void *context, const json_t *reply, const struct error *err)
{
	(void)reply;
	struct asking asking = *(struct asking *)context;
	free(context);
	asking.on_done(asking.context, &(bool){ err == NULL }, 1, err);
}

static void prepare(
	struct broker *broker, const char *queue, broker_on_done *on_done, void *context)
{
	struct sqs *sqs = (struct sqs *)broker;
	struct asking *asking = remember(sqs, queue, context);
	asking->on_done = on_done;
	sqs_call_begin(&(struct sqs_call){
		.sqs = sqs,
		.queue = asking->queue,
		.on_reply = on_prepared,
		.context = asking,
		.drop = free,
	});
}

static void on_attributes(void *context, const json_t *reply, const struct error *err)
{
	struct asking asking = *(struct asking *)context;
	struct broker_depth depth = { 0 };
	struct error fault;
	free(context);
	if (reply && !sqs_read_depth(reply, &depth, &fault)) {
		error_wrap(&fault, "sqs: GetQueueAttributes of %s", asking.queue->name);
		err = &fault;
	}
	asking.on_depth(asking.context, &depth, err);
}

static void ask_depth(
	struct broker *broker, const char *queue, broker_on_depth *on_depth, void *context)
{
	struct sqs *sqs = (struct sqs *)broker;
	struct asking *asking = remember(sqs, queue, context);
	asking->on_depth = on_depth;
	sqs_call_begin(&(struct sqs_call){
		.sqs = sqs,
		.queue = asking->queue,
		.action = "GetQueueAttributes",
		.parameters = json_pack("{s:[s,s,s]}", "AttributeNames",
			"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
			"ApproximateNumberOfMessagesDelayed"),
		.on_reply = on_attributes,
		.context = asking,
		.drop = free,
	});
}

static void drop_queues(struct sqs *sqs)
{
	while (sqs->queues) {
		struct sqs_queue *queue = sqs->queues;
		sqs->queues = queue->next;
		free(queue->name);
		free(queue->url);
		free(queue);
	}
}

static void close_sqs(struct broker *broker)
{
	struct sqs *sqs = (struct sqs *)broker;
	while (sqs->calls)
		sqs_call_drop(sqs->calls);
	while (sqs->batches)
		sqs_batch_drop(sqs->batches);
	aws_credentials_close(sqs->credentials);
	http_close(sqs->http);
	drop_queues(sqs);
	sqs_place_finish(&sqs->place);
	free(sqs);
}

static const struct broker_ops sqs_ops = {
	.max_batch = SQS_BATCH_MAX,
	.max_delay_ms = SQS_DELAY_MAX_MS,
	.max_wait_ms = SQS_WAIT_MAX_MS,
	.prepare = prepare,
	.receive = sqs_receive,
	.stop_receiving = sqs_stop_receiving,
	.send = sqs_send,
	.ack = sqs_ack,
	.depth = ask_depth,
	.close = close_sqs,
};

static void on_keys(void *context, const struct error *err)
{
	sqs_wake(context, SQS_KEYS, NULL, err);
}

bool sqs_broker_check(const char *url, struct error *err)
{
	struct sqs_place place;
	if (!sqs_place_read(url, &place, err))
		return false;
	sqs_place_finish(&place);
	return true;
}

/* SQS itself knows by the receipt who took a message: the owner is of no use here. */
bool sqs_broker_open(const char *url, const char *owner, struct ev_loop *loop, struct broker **out,
	struct error *err)
{
	(void)owner;
	struct sqs_place place;
	struct http *http = NULL;
	if (!sqs_place_read(url, &place, err))
		return false;
	if (!sqs_place_complete(&place, err) || !http_open(loop, &http, err)) {
		sqs_place_finish(&place);
		return false;
	}
	struct sqs *sqs = xcalloc(1, sizeof *sqs);
	sqs->base.ops = &sqs_ops;
	sqs->loop = loop;
	sqs->place = place;
	sqs->http = http;
	sqs->credentials =
		aws_credentials_open(http, loop, sqs->place.region, &sqs->clock, on_keys, sqs);
	*out = &sqs->base;
	return true;
}
