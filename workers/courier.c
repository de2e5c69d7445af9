/*
 * The courier: moves messages in (receive, adopt, ack) and references out (claim, send, mark), in
 * batches, for all queues of one host. One libev loop; acts on the store are short and wait for
 * nobody. Where store or broker are out, the rest goes on.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"
#include "workers/doors.h"

#include <stdatomic.h>

#define TICK_S         1
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 30000
#define STORE_MAX_MS   5000
#define SCAN_LEAST_MS  5
#define SCAN_SHARE     2 /* a scan of the outboxes takes a third of the time at most */
#define DRAIN_MS       1500
#define OPEN_AGAIN_MS  1000
#define SILENCE_MS     5000 /* of the broker at first, until it is told */

/* For the signal handler, see self_set_wake. */
static struct {
	struct ev_loop *loop;
	ev_async *wake;
} signalled;

static void wake_loop(void)
{
	ev_async_send(signalled.loop, signalled.wake);
}

void courier_arm(struct courier *courier, ev_timer *timer, int64_t ms)
{
	ev_timer_stop(courier->loop, timer);
	ev_now_update(courier->loop);
	ev_timer_set(timer, (double)ms / 1000, 0);
	ev_timer_start(courier->loop, timer);
}

/* Uniform in [ms/2, ms]: couriers do not come back as one. */
static int64_t with_jitter(int64_t ms)
{
	return ms - (int64_t)(ids_random64() % (uint64_t)(ms / 2 + 1));
}

void courier_back_off(struct courier *courier, struct courier_backoff *backoff)
{
	backoff->ms = backoff->ms ? backoff->ms * 2 : BACKOFF_MIN_MS;
	if (backoff->ms > BACKOFF_MAX_MS)
		backoff->ms = BACKOFF_MAX_MS;
	courier_arm(courier, &backoff->timer, with_jitter(backoff->ms));
}

void courier_count(_Atomic uint64_t *counter, size_t more)
{
	if (counter)
		atomic_fetch_add(counter, more);
}

bool courier_is_store_out(const struct courier *courier)
{
	return ev_is_active(&courier->store_again);
}

bool courier_note_store(struct courier *courier, bool ok, const char *what, const struct error *err)
{
	if (ok || err->kind == ERROR_UNAVAILABLE)
		self_note_store(&courier->self, ok, err);
	else
		log_line(LOG_ERROR, "%s: %s", what, err->text);
	if (ok) {
		courier->store_backoff_ms = 0;
		return true;
	}
	int64_t *ms = &courier->store_backoff_ms;
	*ms = *ms == 0 ? BACKOFF_MIN_MS : *ms * 2 < STORE_MAX_MS ? *ms * 2 : STORE_MAX_MS;
	courier_arm(courier, &courier->store_again, with_jitter(*ms));
	return false;
}

void courier_note_broker(const struct courier_queue *queue, const struct error *err)
{
	struct courier *courier = queue->courier;
	if (err && !courier->is_broker_out)
		log_line(LOG_WARN, "%s: %s; trying again", queue->name, err->text);
	else if (!err && courier->is_broker_out)
		log_line(LOG_INFO, "%s: the broker answers again", queue->name);
	courier->is_broker_out = err != NULL;
}

static void on_prepared(void *context, const bool *is_done, size_t count, const struct error *err)
{
	struct courier_queue *queue = context;
	(void)is_done, (void)count;
	courier_note_broker(queue, err);
	queue->prepared = err ? DOOR_UNKNOWN : DOOR_READY;
	if (err)
		courier_back_off(queue->courier, &queue->preparing);
	else
		queue->preparing.ms = 0;
	courier_drive(queue);
}

bool courier_prepare(struct courier_queue *queue)
{
	struct broker *broker = queue->courier->broker;
	if (queue->prepared == DOOR_UNKNOWN && !ev_is_active(&queue->preparing.timer) &&
		!queue->courier->is_stopping) {
		queue->prepared = DOOR_ASKED;
		queue->asked_at_ms = clock_steady_ms();
		broker->ops->prepare(broker, queue->name, on_prepared, queue);
	}
	return queue->prepared == DOOR_READY;
}

void courier_drive(struct courier_queue *queue)
{
	courier_out_drive(queue);
	courier_in_drive(queue);
}

static void drive_all(struct courier *courier)
{
	for (size_t i = 0; i < courier->queue_count; i++)
		courier_drive(&courier->queues[i]);
}

static bool is_busy(const struct courier *courier)
{
	for (size_t i = 0; i < courier->queue_count; i++)
		if (courier_in_is_busy(&courier->queues[i]) ||
			courier_out_is_busy(&courier->queues[i]))
			return true;
	return courier_notices_are_busy(courier);
}

void courier_end_if_done(struct courier *courier)
{
	if (courier->is_stopping && !is_busy(courier))
		ev_break(courier->loop, EVBREAK_ALL);
}

static void begin_to_stop(struct courier *courier)
{
	courier->is_stopping = true;
	scoreboard_set_state(courier->self.setup->slot, SLOT_DRAINING);
	for (size_t i = 0; i < courier->queue_count; i++) {
		courier_in_stop(&courier->queues[i]);
		courier_out_drive(&courier->queues[i]);
	}
	courier_arm(courier, &courier->late, DRAIN_MS);
	courier_end_if_done(courier);
}

static void obey(struct courier *courier)
{
	enum slot_command command = self_command(&courier->self);
	if (command == COMMAND_HALT)
		ev_break(courier->loop, EVBREAK_ALL);
	else if (command == COMMAND_DRAIN && !courier->is_stopping)
		begin_to_stop(courier);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	(void)loop, (void)events;
	obey(wake->data);
}

/* A wait that nobody is there for any more ends: the message is others' then. */
static void look_at_crew(struct courier_queue *queue)
{
	if (queue->in.is_receiving && !courier_is_worked_on(queue))
		courier_in_stop(queue);
}

/* A broker repeats for a minute before it says what is wrong: too late for who has just begun. */
static void look_at_silence(struct courier_queue *queue)
{
	struct courier *courier = queue->courier;
	if (courier->is_broker_out || queue->prepared != DOOR_ASKED ||
		clock_steady_ms() - queue->asked_at_ms < SILENCE_MS)
		return;
	OWNED(free) char *shown = url_show(courier->self.setup->config->broker_url);
	log_line(LOG_WARN, "%s: no answer of the broker %s yet; trying on", queue->name, shown);
	courier->is_broker_out = true;
	queue->asked_at_ms = INT64_MAX; /* once, also where other queues are answered */
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
	(void)loop, (void)events;
	struct courier *courier = tick->data;
	atomic_store(&courier->self.setup->slot->beat_ms, clock_steady_ms());
	obey(courier);
	for (size_t i = 0; i < courier->queue_count && !courier->is_stopping; i++) {
		look_at_crew(&courier->queues[i]);
		look_at_silence(&courier->queues[i]);
		courier_resend_look(&courier->queues[i]);
		if (!courier->bell)
			courier_out_drive(&courier->queues[i]);
	}
	courier_notices_look(courier);
}

static void on_store_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct courier *courier = timer->data;
	drive_all(courier);
	courier_end_if_done(courier);
}

/* The bell does not say whose outbox: all are looked at, and not too often. */
static void scan(struct courier *courier)
{
	int64_t began_ms = clock_steady_ms();
	courier->is_rung = false;
	for (size_t i = 0; i < courier->queue_count; i++)
		courier_out_drive(&courier->queues[i]);
	int64_t rest_ms = SCAN_SHARE * (clock_steady_ms() - began_ms);
	courier_arm(courier, &courier->scan, rest_ms > SCAN_LEAST_MS ? rest_ms : SCAN_LEAST_MS);
}

static void on_scan(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct courier *courier = timer->data;
	if (courier->is_rung)
		scan(courier);
}

static void on_outbox(struct ev_loop *loop, ev_async *outbox, int events)
{
	(void)loop, (void)events;
	struct courier *courier = outbox->data;
	courier->is_rung = true;
	if (!ev_is_active(&courier->scan))
		scan(courier);
}

static void on_request(void *context, const char *name)
{
	struct courier *courier = context;
	for (size_t i = 0; i < courier->queue_count; i++)
		if (strcmp(courier->queues[i].name, name) == 0 && courier->queues[i].row)
			courier_count(&courier->queues[i].row->requests, 1);
}

/* `run --only` serves some of the queues; what their tasks start may go to any. */
static bool is_served(const struct worker_setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->idle_queue_count; i++)
		if (strcmp(setup->idle_queues[i], name) == 0)
			return true;
	return setup->idle_queue_count == 0;
}

static void on_prepare_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	courier_drive(timer->data);
}

/* Whether a pool that is meant takes tasks of it. */
static bool is_pulled(const struct worker_setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->config->queue_count; i++) {
		const struct config_queue *pool = &setup->config->queues[i];
		if (is_served(setup, pool->name) && config_pulls(pool, name))
			return true;
	}
	return false;
}

static void open_queue(struct courier *courier, const struct config_served *served)
{
	const struct config_queue *config = served->queue;
	const struct worker_setup *setup = courier->self.setup;
	struct courier_queue *queue = &courier->queues[courier->queue_count++];
	const char *dot = strrchr(served->name, '.');
	*queue = (struct courier_queue){ .courier = courier,
		.config = config,
		.name = served->name,
		.row = scoreboard_find_queue(setup->board, served->name),
		.has_door = doors_has(setup->config, config),
		.is_served = is_pulled(setup, served->name),
		.is_fifo = dot && strcmp(dot, ".fifo") == 0 };
	ev_init(&queue->preparing.timer, on_prepare_again);
	queue->preparing.timer.data = queue;
	courier_in_open(queue);
	courier_out_open(queue);
}

/* A gate's queue has no messages: nothing is sent there, and no payload says what it awaits. What a
 * program pulls for itself is not ours to take. */
static void open_queues(struct courier *courier)
{
	const struct config *config = courier->self.setup->config;
	struct config_served served = { 0 };
	size_t count = 1;
	while (config_next_served(config, &served))
		count++;
	courier->queues = xcalloc(count, sizeof *courier->queues);
	served = (struct config_served){ 0 };
	while (config_next_served(config, &served))
		if (served.queue->type != QUEUE_SYNC && served.queue->type != QUEUE_PROGRAM)
			open_queue(courier, &served);
}

static void init_timer(
	struct courier *courier, ev_timer *timer, void (*on)(struct ev_loop *, ev_timer *, int))
{
	ev_init(timer, on);
	timer->data = courier;
}

static void open_loop(struct courier *courier)
{
	courier->loop = ev_loop_new(EVFLAG_AUTO);
	if (!courier->loop)
		abort();
	init_timer(courier, &courier->tick, on_tick);
	init_timer(courier, &courier->scan, on_scan);
	init_timer(courier, &courier->store_again, on_store_again);
	init_timer(courier, &courier->late, on_late);
	courier_open_hold(courier);
	ev_async_init(&courier->wake, on_wake);
	ev_async_init(&courier->outbox, on_outbox);
	courier->wake.data = courier->outbox.data = courier;
	ev_async_start(courier->loop, &courier->wake);
	ev_async_start(courier->loop, &courier->outbox);
	courier->tick.repeat = TICK_S;
	ev_timer_again(courier->loop, &courier->tick);
	signalled.loop = courier->loop;
	signalled.wake = &courier->wake;
	self_set_wake(wake_loop);
}

/* Nothing can be carried before the configuration changes: said once, and not by dying again and
 * again. */
static void stay_idle(struct courier *courier)
{
	while (self_command(&courier->self) == COMMAND_RUN)
		self_sleep(&courier->self, OPEN_AGAIN_MS);
}

/* A broker that can't be right is told once; its tasks wait in their outboxes. */
static bool open_broker(struct courier *courier)
{
	const struct worker_setup *setup = courier->self.setup;
	struct error err;
	if (broker_open(setup->config->broker_url, setup->owner, courier->loop, &courier->broker,
		    &err)) {
		courier->broker->on_request = on_request;
		courier->broker->request_context = courier;
		return true;
	}
	log_line(LOG_ERROR, "%s", err.text);
	stay_idle(courier);
	return false;
}

/* Whatever the store says, others may mend it: a database that is being made anew, too. */
static bool open_doors(struct courier *courier)
{
	struct self *self = &courier->self;
	struct error err;
	bool ok, is_told = false;
	while (true) {
		ok = doors_set(self->store, self->setup->config, NULL, &err);
		bool tries_again = self_tries_again(self, ok, &err);
		if (ok || self_command(self) != COMMAND_RUN)
			return ok;
		if (tries_again)
			continue;
		if (!is_told)
			log_line(LOG_ERROR, "doors of queues: %s; trying again", err.text);
		is_told = true;
		self_sleep(self, OPEN_AGAIN_MS);
	}
}

static void carry(struct courier *courier)
{
	OWNED(free) char *shown = url_show(courier->self.setup->config->broker_url);
	log_line(LOG_DEBUG, "carries messages of %s", shown);
	scoreboard_set_state(courier->self.setup->slot, SLOT_IDLE);
	open_queues(courier);
	courier_notices_open(courier);
	courier_depth_open(courier);
	courier->bell = courier_bell_create(courier);
	drive_all(courier);
	/* A command that came before the loop could be woken. */
	obey(courier);
	if (!courier->is_stopping || is_busy(courier))
		ev_run(courier->loop, 0);
	courier_bell_destroy(courier->bell);
}

/* What was claimed and not sent is free at once; the supervisor's word would come a little later.
 */
static void give_back(struct courier *courier)
{
	struct store *store = courier->self.store;
	size_t released;
	struct error err;
	if (!store->ops->release_owner(
		    store, courier->self.setup->owner, NULL, NULL, &released, &err))
		log_line(LOG_WARN, "release: %s", err.text);
}

static void close_queues(struct courier *courier)
{
	for (size_t i = 0; i < courier->queue_count; i++) {
		courier_in_close(&courier->queues[i]);
		courier_out_close(&courier->queues[i]);
	}
	free(courier->queues);
	courier_notices_close(courier);
	courier_depth_close(courier);
}

_Noreturn void courier_main(const struct worker_setup *setup)
{
	struct courier courier = { 0 };
	struct error err;
	self_begin(&courier.self, setup, "courier");
	if (!self_open_store(&courier.self, CONFIG_NO_LIMIT, &err)) {
		bool is_told = self_command(&courier.self) != COMMAND_RUN;
		if (!is_told)
			log_line(LOG_ERROR, "%s", err.text);
		self_end(&courier.self, is_told ? WORKER_EXIT_OK : WORKER_EXIT_STORE);
	}
	open_loop(&courier);
	if (open_doors(&courier) && open_broker(&courier)) {
		carry(&courier);
		broker_close(courier.broker);
		give_back(&courier);
	}
	close_queues(&courier);
	self_set_wake(NULL);
	self_end(&courier.self, WORKER_EXIT_OK);
}
