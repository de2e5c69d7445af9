/*
 * Depths of queues whose programs pull for themselves: nothing of them is carried here, but where
 * the number of programs follows the depth the broker is asked for it.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/log.h"

#define ASK_MS 2000

struct courier_depth {
	const char *name;
	struct queue_board *row;
	bool is_asked, is_told;
};

static void on_depth(void *context, const struct broker_depth *depth, const struct error *err)
{
	struct courier_depth *queue = context;
	queue->is_asked = false;
	if (err && !queue->is_told)
		log_line(LOG_WARN, "%s: its depth: %s; the number of programs stays as it is",
			queue->name, err->text);
	queue->is_told = err != NULL;
	if (err)
		return;
	atomic_store(&queue->row->depth, depth->ready);
	atomic_store(&queue->row->working, depth->in_flight);
	atomic_store(&queue->row->delayed, depth->delayed);
	atomic_store(&queue->row->measured_at_ms, clock_wall_ms());
	atomic_store(&queue->row->known_at_ms, clock_steady_ms());
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct courier *courier = timer->data;
	struct broker *broker = courier->broker;
	for (size_t i = 0; i < courier->depth_count && !courier->is_stopping; i++) {
		struct courier_depth *queue = &courier->depths[i];
		if (queue->is_asked)
			continue;
		queue->is_asked = true;
		broker->ops->depth(broker, queue->name, on_depth, queue);
	}
	courier_arm(courier, timer, ASK_MS);
}

void courier_depth_open(struct courier *courier)
{
	const struct worker_setup *setup = courier->self.setup;
	const struct config *config = setup->config;
	courier->depths = xcalloc(config->queue_count + 1, sizeof *courier->depths);
	ev_init(&courier->depth_look, on_look);
	courier->depth_look.data = courier;
	for (size_t i = 0; i < config->queue_count; i++) {
		const struct config_queue *queue = &config->queues[i];
		struct queue_board *row = scoreboard_find_queue(setup->board, queue->name);
		if (queue->type == QUEUE_PROGRAM && config_scales(queue) && row)
			courier->depths[courier->depth_count++] =
				(struct courier_depth){ .name = queue->name, .row = row };
	}
	if (courier->depth_count > 0)
		courier_arm(courier, &courier->depth_look, 0);
}

void courier_depth_close(struct courier *courier)
{
	ev_timer_stop(courier->loop, &courier->depth_look);
	free(courier->depths);
}
