/*
 * What was sent and did not come back in time is sent again: the store is the truth, the broker a
 * bell. Only as far as the broker has fewer messages than the store has sent: a long backlog is no
 * loss.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/log.h"

#define LOOK_LEAST_MS 1000
#define LOOK_MOST_MS  60000

static bool measure(struct courier_queue *queue, struct queue_stats *stats)
{
	struct store *store = queue->courier->self.store;
	struct error err;
	bool ok = store->ops->get_queue(store, queue->name, stats, &err);
	return courier_note_store(queue->courier, ok, queue->name, &err);
}

static void resend(struct courier_queue *queue, size_t max)
{
	struct courier *courier = queue->courier;
	struct store *store = courier->self.store;
	size_t count = 0;
	struct error err;
	bool ok = store->ops->resend(store, queue->name,
		courier->self.setup->config->broker_resend_ms, max, &count, &err);
	if (!courier_note_store(courier, ok, "resend", &err) || count == 0)
		return;
	log_line(LOG_INFO, "%s: %zu %s sent again: %s not come back", queue->name, count,
		count == 1 ? "task is" : "tasks are",
		count == 1 ? "its message has" : "their messages have");
	courier_out_drive(queue);
}

static void on_depth(void *context, const struct broker_depth *depth, const struct error *err)
{
	struct courier_queue *queue = context;
	struct queue_stats stats;
	queue->is_measuring = false;
	courier_note_broker(queue, err);
	if (!err && !queue->courier->is_stopping && !courier_is_store_out(queue->courier) &&
		measure(queue, &stats)) {
		int64_t there = depth->ready + depth->in_flight + depth->delayed;
		if (there < stats.sent)
			resend(queue, (size_t)(stats.sent - there));
	}
	courier_end_if_done(queue->courier);
}

void courier_resend_look(struct courier_queue *queue)
{
	struct courier *courier = queue->courier;
	int64_t resend_ms = courier->self.setup->config->broker_resend_ms;
	int64_t now = clock_steady_ms(), pause_ms = resend_ms / 2;
	struct queue_stats stats;
	if (!queue->has_door || queue->prepared != DOOR_READY || queue->is_measuring ||
		now < queue->resend_look_at_ms || courier_is_store_out(courier))
		return;
	pause_ms = pause_ms < LOOK_LEAST_MS  ? LOOK_LEAST_MS
		   : pause_ms > LOOK_MOST_MS ? LOOK_MOST_MS
					     : pause_ms;
	queue->resend_look_at_ms = now + pause_ms;
	if (!measure(queue, &stats))
		return;
	if (stats.sent == 0)
		queue->sent_since_ms = 0;
	else if (!queue->was_looked_at)
		queue->sent_since_ms = now - resend_ms; /* how long before us, nobody knows */
	else if (queue->sent_since_ms == 0)
		queue->sent_since_ms = now;
	queue->was_looked_at = true;
	/* The broker is asked only where something may have been out for too long. */
	if (stats.sent == 0 || now - queue->sent_since_ms < resend_ms)
		return;
	queue->is_measuring = true;
	courier->broker->ops->depth(courier->broker, queue->name, on_depth, queue);
}
