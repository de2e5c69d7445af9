/* The URLs of queues: asked for once, made where they are missing. See sqs.h. */
#include "brokers/sqs.h"

#define LOST_RACES_MAX 3

static void ask(struct sqs *sqs, struct sqs_queue *queue);

struct sqs_queue *sqs_queue_find(struct sqs *sqs, const char *name)
{
	for (struct sqs_queue *queue = sqs->queues; queue; queue = queue->next)
		if (strcmp(queue->name, name) == 0)
			return queue;
	struct sqs_queue *queue = xcalloc(1, sizeof *queue);
	size_t length = strlen(name);
	*queue = (struct sqs_queue){
		.next = sqs->queues,
		.name = xstrdup(name),
		.is_fifo = length > 5 && strcmp(name + length - 5, ".fifo") == 0,
	};
	sqs->queues = queue;
	return queue;
}

struct resolving {
	struct sqs *sqs;
	struct sqs_queue *queue;
};

static void end(const struct resolving *resolving, const struct error *err)
{
	resolving->queue->is_resolving = false;
	resolving->queue->lost_races = 0;
	sqs_wake(resolving->sqs, SQS_URL, resolving->queue, err);
}

static void begin(struct sqs *sqs, struct sqs_queue *queue, const char *action, json_t *attributes,
	sqs_on_reply *on_reply)
{
	char name[SQS_NAME_MAX + 1];
	struct resolving resolving = { sqs, queue };
	struct error err;
	if (!sqs_place_name(&sqs->place, queue->name, name, &err)) {
		end(&resolving, &err);
		return;
	}
	json_t *parameters = json_pack("{s:s}", "QueueName", name);
	if (attributes)
		json_object_set_new(parameters, "Attributes", attributes);
	struct resolving *context = xcalloc(1, sizeof *context);
	*context = resolving;
	sqs_call_begin(&(struct sqs_call){
		.sqs = sqs,
		.queue = queue,
		.action = action,
		.parameters = parameters,
		.is_about_name = true,
		.on_reply = on_reply,
		.context = context,
		.drop = free,
	});
}

static void keep_url(
	const struct resolving *resolving, const json_t *reply, const struct error *err)
{
	const char *url = reply ? jsontext_member(reply, "QueueUrl") : NULL;
	struct error fault;
	if (reply && !url) {
		error_set(&fault, ERROR_UNAVAILABLE, "sqs: queue %s: the reply has no QueueUrl",
			resolving->queue->name);
		err = &fault;
	}
	if (url) {
		free(resolving->queue->url);
		resolving->queue->url = xstrdup(url);
	}
	end(resolving, err);
}

static void on_made(void *context, const json_t *reply, const struct error *err)
{
	struct resolving resolving = *(struct resolving *)context;
	free(context);
	/* Another host was faster, and made it with other attributes. */
	if (err && err->kind == ERROR_CONFLICT && resolving.queue->lost_races++ < LOST_RACES_MAX)
		ask(resolving.sqs, resolving.queue);
	else
		keep_url(&resolving, reply, err);
}

static void on_url(void *context, const json_t *reply, const struct error *err)
{
	struct resolving resolving = *(struct resolving *)context;
	free(context);
	if (!err || err->kind != ERROR_NOT_FOUND || !resolving.sqs->place.may_create) {
		keep_url(&resolving, reply, err);
		return;
	}
	json_t *attributes =
		resolving.queue->is_fifo ? json_pack("{s:s}", "FifoQueue", "true") : NULL;
	begin(resolving.sqs, resolving.queue, "CreateQueue", attributes, on_made);
}

static void ask(struct sqs *sqs, struct sqs_queue *queue)
{
	begin(sqs, queue, "GetQueueUrl", NULL, on_url);
}

void sqs_queue_resolve(struct sqs *sqs, struct sqs_queue *queue)
{
	if (queue->is_resolving)
		return;
	queue->is_resolving = true;
	ask(sqs, queue);
}
