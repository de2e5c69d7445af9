/*
 * One request to SQS with all its repeats. A call goes through the steps of sqs.h; whatever it
 * waited for sets its timer to now, and `advance` looks again what is still missing. So nothing
 * calls back from within what began it. See sqs.h.
 */
#include "base/clock.h"
#include "base/ids.h"
#include "brokers/sqs.h"

#include <stdio.h>

#define HEADERS 7

static void advance(struct sqs_call *call);

int64_t sqs_backoff_ms(int failures)
{
	int64_t bound = SQS_BACKOFF_FIRST_MS;
	for (int i = 1; i < failures && bound < SQS_BACKOFF_MAX_MS; i++)
		bound *= 2;
	bound = bound > SQS_BACKOFF_MAX_MS ? SQS_BACKOFF_MAX_MS : bound;
	return (int64_t)(ids_random64() % (uint64_t)(bound + 1));
}

static void go_on_after(struct sqs_call *call, int64_t delay_ms)
{
	struct ev_loop *loop = call->sqs->loop;
	call->step = SQS_READY;
	ev_timer_stop(loop, &call->timer);
	ev_now_update(loop);
	ev_timer_set(&call->timer, (double)delay_ms / 1000.0, 0.);
	ev_timer_start(loop, &call->timer);
}

static void give_room(struct sqs_call *call)
{
	if (!call->has_room)
		return;
	call->has_room = false;
	call->sqs->requests--;
	for (struct sqs_call *other = call->sqs->calls; other; other = other->next)
		if (other->step == SQS_ROOM && other != call) {
			go_on_after(other, 0);
			return;
		}
}

static void free_call(struct sqs_call *call)
{
	give_room(call);
	ev_timer_stop(call->sqs->loop, &call->timer);
	if (call->http)
		http_cancel(call->http);
	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
	json_decref(call->parameters);
	free(call->key_id);
	free(call);
}

void sqs_call_drop(struct sqs_call *call)
{
	if (call->drop)
		call->drop(call->context);
	free_call(call);
}

/* Calls back; nothing of the call or the broker may be touched after it. */
static void conclude(struct sqs_call *call, const json_t *reply, const struct error *err)
{
	sqs_on_reply *on_reply = call->on_reply;
	void *context = call->context;
	struct error copy = err ? *err : (struct error){ 0 };
	free_call(call);
	on_reply(context, reply, err ? &copy : NULL);
}

static void refuse(struct sqs_call *call, enum error_kind kind, const struct error *why)
{
	struct error err;
	const char *action = call->action ? call->action : "GetQueueUrl";
	error_set(&err, kind, "sqs: %s of %s: %s", action, call->queue->name, why->text);
	conclude(call, NULL, &err);
}

/* Repeats later, or gives up after a minute of it. */
static void repeat(struct sqs_call *call, const struct error *why)
{
	int64_t now_ms = clock_steady_ms();
	if (call->failures++ == 0)
		call->failing_since_ms = now_ms;
	give_room(call);
	if (now_ms - call->failing_since_ms >= SQS_PATIENCE_MS)
		refuse(call, ERROR_UNAVAILABLE, why);
	else
		go_on_after(call, sqs_backoff_ms(call->failures));
}

/* Of a signature or its keys: our clock may be wrong, or the keys have ended. Each is tried once.
 */
static void mend_keys(struct sqs_call *call, int64_t date_ms, const struct error *why)
{
	struct sqs *sqs = call->sqs;
	bool is_corrected = call->clock_offset_ms != sqs->clock.offset_ms ||
			    aws_clock_correct(&sqs->clock, date_ms);
	if (!call->has_corrected && is_corrected) {
		call->has_corrected = true;
		go_on_after(call, 0);
	} else if (!call->has_renewed) {
		call->has_renewed = true;
		aws_credentials_refuse(sqs->credentials, call->key_id);
		go_on_after(call, 0);
	} else {
		refuse(call, ERROR_UNAVAILABLE, why);
	}
}

/* Ten long messages may make a reply that is too long: then one at a time. */
static bool shrink(struct sqs_call *call)
{
	json_t *max = json_object_get(call->parameters, "MaxNumberOfMessages");
	if (!max || json_integer_value(max) <= 1)
		return false;
	json_integer_set(max, 1);
	go_on_after(call, 0);
	return true;
}

static void lose_queue(struct sqs_call *call, const struct error *why)
{
	if (call->is_about_name) {
		refuse(call, ERROR_NOT_FOUND, why);
		return;
	}
	free(call->queue->url);
	call->queue->url = NULL;
	/* At first without a pause; one made anew may take a second to be seen everywhere. */
	if (call->failures == 0) {
		call->failures = 1;
		call->failing_since_ms = clock_steady_ms();
		go_on_after(call, 0);
	} else {
		repeat(call, why);
	}
}

static void on_http_reply(void *context, const struct http_reply *reply, const struct error *err)
{
	struct sqs_call *call = context;
	OWNED(json) json_t *body = NULL;
	struct error why;
	call->http = NULL;
	if (!reply && err->kind == ERROR_INVALID) {
		if (!shrink(call))
			refuse(call, ERROR_INVALID, err);
		return;
	}
	if (!reply) {
		repeat(call, err);
		return;
	}
	switch (sqs_judge(reply, &body, &why)) {
	case SQS_DONE:
		conclude(call, body, NULL);
		return;
	case SQS_REPEAT:
		repeat(call, &why);
		return;
	case SQS_KEYS_REFUSED:
		mend_keys(call, http_date_ms(reply), &why);
		return;
	case SQS_NO_QUEUE:
		lose_queue(call, &why);
		return;
	case SQS_REFUSED:
	case SQS_TAKEN:
		refuse(call, why.kind, &why);
		return;
	}
}

static char *body_of(const struct sqs_call *call)
{
	if (!call->is_about_name)
		json_object_set_new(call->parameters, "QueueUrl", json_string(call->queue->url));
	return jsontext_print(call->parameters);
}

static void post(struct sqs_call *call, const struct aws_keys *keys)
{
	struct sqs *sqs = call->sqs;
	OWNED(free) char *body = body_of(call);
	OWNED(free) char *target = xprintf("AmazonSQS.%s", call->action);
	char date[AWS_DATE_SIZE];
	aws_date(aws_clock_ms(&sqs->clock), date);
	struct http_header headers[HEADERS] = {
		{ "Host", sqs->place.endpoint.host },
		{ "Content-Type", "application/x-amz-json-1.0" },
		{ "X-Amz-Date", date },
		{ "X-Amz-Target", target },
	};
	size_t count = 4;
	if (keys->token)
		headers[count++] = (struct http_header){ "X-Amz-Security-Token", keys->token };
	struct aws_request to_sign = { "POST", sqs->place.endpoint.path, headers, count, body,
		strlen(body) };
	struct aws_scope scope = { sqs->place.region, "sqs" };
	OWNED(free) char *authorization = aws_sign(&to_sign, keys, &scope, date);
	headers[count++] = (struct http_header){ "Authorization", authorization };
	struct http_request request = {
		.method = "POST",
		.url = sqs->place.endpoint.url,
		.headers = headers,
		.header_count = count,
		.body = body,
		.length = strlen(body),
		.authorities = aws_variable("AWS_CA_BUNDLE"),
		.connect_timeout_ms = SQS_CONNECT_MS,
		.timeout_ms = SQS_TIMEOUT_MS + call->wait_ms,
	};
	free(call->key_id);
	call->key_id = xstrdup(keys->id);
	call->clock_offset_ms = sqs->clock.offset_ms;
	call->step = SQS_SENT;
	call->http = http_begin(sqs->http, &request, on_http_reply, call);
	if (sqs->base.on_request)
		sqs->base.on_request(sqs->base.request_context, call->queue->name);
}

/* What it waited for did not come. */
static void settle_failure(struct sqs_call *call)
{
	enum sqs_step failed_at = call->failed_at;
	struct error why = call->failure;
	call->failed_at = SQS_READY;
	if (failed_at == SQS_URL)
		conclude(call, NULL, &why);
	else if (why.kind == ERROR_UNAVAILABLE)
		repeat(call, &why);
	else /* A setting that people can mend while we run. */
		refuse(call, ERROR_UNAVAILABLE, &why);
}

static bool take_room(struct sqs_call *call)
{
	if (call->is_long_poll || call->has_room)
		return true;
	if (call->sqs->requests == SQS_REQUESTS_MAX)
		return false;
	call->has_room = true;
	call->sqs->requests++;
	return true;
}

static void advance(struct sqs_call *call)
{
	struct sqs *sqs = call->sqs;
	if (call->failed_at != SQS_READY && !call->is_stopped) {
		settle_failure(call);
		return;
	}
	if (!call->is_stopped && !call->is_about_name && !call->queue->url) {
		give_room(call);
		call->step = SQS_URL;
		sqs_queue_resolve(sqs, call->queue);
		return;
	}
	if (call->is_stopped || !call->action) {
		conclude(call, NULL, NULL);
		return;
	}
	if (!take_room(call)) {
		call->step = SQS_ROOM;
		return;
	}
	const struct aws_keys *keys = aws_credentials_find(sqs->credentials);
	if (keys)
		post(call, keys);
	else
		call->step = SQS_KEYS;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	advance(timer->data);
}

struct sqs_call *sqs_call_begin(const struct sqs_call *wanted)
{
	struct sqs *sqs = wanted->sqs;
	struct sqs_call *call = xcalloc(1, sizeof *call);
	*call = *wanted;
	call->next = NULL;
	/* At the end: who has waited longest goes first. */
	call->place = &sqs->calls;
	while (*call->place)
		call->place = &(*call->place)->next;
	*call->place = call;
	ev_timer_init(&call->timer, on_timer, 0., 0.);
	call->timer.data = call;
	go_on_after(call, 0);
	return call;
}

void sqs_call_stop(struct sqs_call *call)
{
	if (call->http && http_has_begun(call->http))
		return;
	if (call->http)
		http_cancel(call->http);
	call->http = NULL;
	call->is_stopped = true;
	go_on_after(call, 0);
}

void sqs_wake(
	struct sqs *sqs, enum sqs_step step, const struct sqs_queue *queue, const struct error *err)
{
	for (struct sqs_call *call = sqs->calls; call; call = call->next) {
		if (call->step != step || (queue && call->queue != queue))
			continue;
		if (err) {
			call->failed_at = step;
			call->failure = *err;
		}
		go_on_after(call, 0);
	}
}
