#pragma once
/*
 * The parts of the broker sqs://, one file each: sqs_place.c what a URL says, sqs_call.c one
 * request with its repeats, sqs_errors.c what an answer means, sqs_queues.c URLs of queues,
 * sqs_receive.c, sqs_batch.c sends and acks, sqs_replies.c the JSON of replies. For brokers/ alone.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
 */
#include "base/jsontext.h"
#include "brokers/aws_credentials.h"
#include "brokers/aws_endpoint.h"
#include "brokers/broker.h"

#define SQS_BATCH_MAX        10
#define SQS_BATCH_BYTES      (256 * 1024) /* of bodies in one request: the limit before 2025 */
#define SQS_NAME_MAX         80
#define SQS_DELAY_MAX_MS     (15 * 60 * 1000)
#define SQS_WAIT_MAX_MS      (20 * 1000)
#define SQS_TIMEOUT_MS       10000 /* of a request, beside what it waits for */
#define SQS_CONNECT_MS       5000
#define SQS_PATIENCE_MS      60000 /* of repeats, from the first failure */
#define SQS_BACKOFF_FIRST_MS 200
#define SQS_BACKOFF_MAX_MS   20000
#define SQS_REQUESTS_MAX     16 /* at a time, long polls not counted */

/* sqs://REGION/PREFIX[?endpoint=URL&create=false] */
struct sqs_place {
	char *region, *prefix;
	struct aws_endpoint endpoint;
	bool may_create;
};
/* The region may be empty, and the endpoint unknown. */
bool sqs_place_read(const char *url, struct sqs_place *out, struct error *err);
/* Fills in region and AWS's own endpoint where the URL has none. */
bool sqs_place_complete(struct sqs_place *place, struct error *err);
void sqs_place_finish(struct sqs_place *place);
/* PREFIX + queue in out, or INVALID where SQS knows no such name. */
bool sqs_place_name(const struct sqs_place *place, const char *queue, char out[SQS_NAME_MAX + 1],
	struct error *err);

struct sqs_queue {
	struct sqs_queue *next;
	char *name; /* reeve's */
	char *url;  /* as SQS gave it; NULL: unknown */
	bool is_fifo, is_resolving;
	int lost_races;            /* with others that make the same queue */
	struct sqs_call *receive;  /* the one under way */
	struct sqs_batch *sending; /* FIFO: the one whose turn it is */
};

struct sqs {
	struct broker base;
	struct ev_loop *loop;
	struct sqs_place place;
	struct http *http;
	struct aws_clock clock;
	struct aws_credentials *credentials;
	struct sqs_queue *queues;
	struct sqs_call *calls;
	struct sqs_batch *batches;
	size_t requests; /* that hold a place of SQS_REQUESTS_MAX */
};

/* Borrowed, and one of them is NULL; both are where the call was stopped, or asked nothing. */
typedef void sqs_on_reply(void *context, const json_t *reply, const struct error *err);

enum sqs_step {
	SQS_READY, /* its timer goes on with it */
	SQS_URL,   /* waits for the queue's URL */
	SQS_KEYS,  /* waits for credentials */
	SQS_ROOM,  /* waits until others have ended */
	SQS_SENT,  /* under way */
};

struct sqs_call {
	struct sqs *sqs;
	struct sqs_call *next, **place; /* of sqs->calls */
	struct sqs_queue *queue;
	const char *action; /* "SendMessageBatch"; NULL: the queue's URL is all it is about */
	json_t *parameters; /* without QueueUrl */
	bool is_about_name; /* it takes no QueueUrl */
	bool is_long_poll;  /* takes no place of SQS_REQUESTS_MAX */
	int64_t wait_ms;
	sqs_on_reply *on_reply;
	void *context;
	void (*drop)(void *context); /* of the context where the broker is closed; or NULL */

	enum sqs_step step;
	struct ev_timer timer;
	struct http_call *http;
	char *key_id; /* whose keys signed it, and by which clock */
	int64_t clock_offset_ms;
	enum sqs_step failed_at; /* what it waited for did not come; SQS_READY: nothing */
	struct error failure;
	bool has_room, is_stopped, has_renewed, has_corrected;
	int failures;
	int64_t failing_since_ms; /* steady */
};

/* Begins a call; the caller sets what is above `step`. Takes parameters. */
struct sqs_call *sqs_call_begin(const struct sqs_call *wanted);
/* Ends it without its callback. */
void sqs_call_drop(struct sqs_call *call);
/* Ends it, with its callback, unless its reply has begun to come. */
void sqs_call_stop(struct sqs_call *call);
/* Goes on with the calls at this step, of this queue (NULL: all); err: what they wait for does not
 * come. */
void sqs_wake(struct sqs *sqs, enum sqs_step step, const struct sqs_queue *queue,
	const struct error *err);
/* Full jitter: at random up to a bound that doubles. */
int64_t sqs_backoff_ms(int failures);

enum sqs_verdict {
	SQS_DONE,
	SQS_REFUSED, /* INVALID */
	SQS_REPEAT,  /* throttled, or out of order for now */
	SQS_KEYS_REFUSED,
	SQS_NO_QUEUE,
	SQS_TAKEN, /* others are making the queue */
};
/* What a code of the service means ("QueueDoesNotExist"); status 0: that of one entry. */
enum sqs_verdict sqs_judge_code(const char *code, int status);
/* What a whole reply means; the error says it in one line without secrets. reply is set for
 * SQS_DONE, and is the caller's. */
enum sqs_verdict sqs_judge(const struct http_reply *reply, json_t **out, struct error *err);
/* "CODE: text", bounded, without what follows the first line: that may repeat the request. */
void sqs_describe(char *out, size_t size, const char *code, const char *text);

struct sqs_queue *sqs_queue_find(struct sqs *sqs, const char *name);
/* Finds the URL, and makes the queue where it may; then calls at SQS_URL go on. */
void sqs_queue_resolve(struct sqs *sqs, struct sqs_queue *queue);

void sqs_receive(struct broker *, const char *queue, size_t max, int64_t wait_ms,
	broker_on_messages *, void *context);
void sqs_stop_receiving(struct broker *, const char *queue);
void sqs_send(struct broker *, const char *queue, const struct broker_outgoing *, size_t count,
	broker_on_done *, void *context);
void sqs_ack(struct broker *, const char *queue, const char *const *receipts, size_t count,
	broker_on_done *, void *context);
void sqs_batch_drop(struct sqs_batch *batch);

/* Replies read: INVALID where they are not what the service documents. */
bool sqs_read_messages(
	const json_t *reply, bool is_fifo, struct broker_messages *out, struct error *err);
bool sqs_read_depth(const json_t *reply, struct broker_depth *out, struct error *err);
/* Which of count entries a part of a batch's reply is about. */
bool sqs_read_index(const json_t *entry, size_t count, size_t *out);
