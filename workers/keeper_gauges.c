/*
 * Depths of queues for `status` and for scaling. The store is asked only where memory shows signs
 * of a change: a queue's bell was rung (by any process), or a worker of it counted or changed its
 * state, or the courier carried something. What other hosts and supervisors take leaves no signs,
 * so where the number of workers depends on a depth the store is asked each second while anything
 * is there.
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "workers/doors.h"
#include "workers/pulls.h"

#include <errno.h>
#include <unistd.h>

#define LEAST_MS  1000  /* between two measurements of a queue */
#define ACTIVE_MS 5000  /* at the latest, while something is in it */
#define QUIET_MS  30000 /* at the latest, else: other hosts leave no signs */
#define FREE_RUN  64    /* so many free slots in a row: nobody is behind them */
/* Of queues that are followed: a little less than the pause between two looks, so that none is
 * missed. */
#define FOLLOWED_MS 900
#define HASTY_MS    400 /* with signs of change */

void keeper_open_gauges(struct keeper *keeper)
{
	const struct worker_setup *setup = keeper->self.setup;
	const struct config *config = setup->config;
	keeper->gauges = xcalloc(config->queue_count, sizeof *keeper->gauges);
	for (size_t i = 0; i < config->queue_count; i++) {
		struct queue_board *row =
			scoreboard_find_queue(setup->board, config->queues[i].name);
		if (row)
			keeper->gauges[keeper->gauge_count++] =
				(struct gauge){ .queue = config->queues[i].name,
					.config = &config->queues[i],
					.row = row,
					.has_door = doors_has(config, &config->queues[i]),
					.is_brokers = config->queues[i].type == QUEUE_PROGRAM &&
						      config_scales(&config->queues[i]) };
	}
}

static uint64_t mix(uint64_t signs, uint64_t sign)
{
	return (signs ^ sign) * 0x100000001b3ULL; /* FNV-1a's step with 64 bits */
}

static struct gauge *find_gauge(struct keeper *keeper, const char *queue)
{
	for (size_t i = 0; i < keeper->gauge_count; i++)
		if (strcmp(keeper->gauges[i].queue, queue) == 0)
			return &keeper->gauges[i];
	return NULL;
}

static void read_slot(struct gauge *gauge, const struct slot *slot)
{
	gauge->signs = mix(gauge->signs, atomic_load(&slot->completed));
	gauge->signs = mix(gauge->signs, atomic_load(&slot->failed));
	gauge->signs = mix(gauge->signs, atomic_load(&slot->retried));
	gauge->signs = mix(gauge->signs, (uint64_t)atomic_load(&slot->since_ms));
	gauge->workers++;
	gauge->busy += atomic_load(&slot->state) == SLOT_BUSY;
	/* The worker writes them the other way round. */
	gauge->served += atomic_load(&slot->served);
	gauge->busy_ms += atomic_load(&slot->busy_ms);
}

/* Untouched slots have no memory behind them, and reading would give them some. */
static void read_slots(struct keeper *keeper)
{
	const struct scoreboard *board = keeper->self.setup->board;
	int free_run = 0;
	for (size_t i = 0; i < SCOREBOARD_SLOTS && free_run < FREE_RUN; i++) {
		const struct slot *slot = &board->slots[i];
		if (atomic_load(&slot->pid) == 0) {
			free_run++;
			continue;
		}
		free_run = 0;
		char queue[SCOREBOARD_TEXT];
		memcpy(queue, slot->queue, sizeof queue);
		queue[sizeof queue - 1] = '\0';
		struct gauge *gauge = find_gauge(keeper, queue);
		if (gauge)
			read_slot(gauge, slot);
	}
}

bool keeper_sees_change(struct keeper *keeper)
{
	struct store *store = keeper->self.store;
	uint32_t outbox = store->ops->bell(store, NULL);
	bool is_changed = false;
	for (size_t i = 0; i < keeper->gauge_count; i++) {
		struct gauge *gauge = &keeper->gauges[i];
		gauge->signs = 1;
		for (size_t j = 0; j < config_pull_count(gauge->config); j++)
			gauge->signs = mix(gauge->signs,
				store->ops->bell(store, config_pull_name(gauge->config, j)));
		/* What goes to the outbox rings no worker. */
		gauge->signs = mix(gauge->signs, gauge->has_door ? outbox : 0);
		gauge->signs = mix(gauge->signs, atomic_load(&gauge->row->sent_total));
		gauge->signs = mix(gauge->signs, atomic_load(&gauge->row->received));
		gauge->workers = gauge->busy = 0;
		gauge->served = 0;
		gauge->busy_ms = 0;
	}
	read_slots(keeper);
	for (size_t i = 0; i < keeper->gauge_count; i++)
		is_changed |= keeper->gauges[i].signs != keeper->gauges[i].seen;
	return is_changed;
}

static void show_depth(struct queue_board *row, const struct queue_stats *stats)
{
	atomic_store(&row->depth, stats->depth);
	atomic_store(&row->delayed, stats->delayed);
	atomic_store(&row->working, stats->working);
	atomic_store(&row->measured_at_ms, clock_wall_ms());
}

static void show(struct queue_board *row, const struct queue_stats *stats)
{
	atomic_store(&row->dead, stats->dead);
	atomic_store(&row->oldest_ms, stats->oldest_ms);
	atomic_store(&row->completed, stats->completed);
	atomic_store(&row->failed, stats->failed);
	atomic_store(&row->unsent, stats->unsent);
	atomic_store(&row->sent, stats->sent);
	atomic_store(&row->paused_at_ms, stats->paused_at_ms);
}

bool keeper_is_awaiting(const struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->gauge_count; i++)
		if (atomic_load(&keeper->gauges[i].row->attention) == ATTENTION_AWAITED)
			return true;
	return false;
}

/* How old a measurement may become. */
static int64_t patience_ms(const struct keeper *keeper, const struct gauge *gauge)
{
	const struct queue_board *row = gauge->row;
	bool is_changed = gauge->signs != gauge->seen;
	bool is_active = atomic_load(&row->depth) || atomic_load(&row->delayed) ||
			 atomic_load(&row->working);
	switch (atomic_load(&row->attention)) {
	case ATTENTION_AWAITED:
		if (is_changed)
			return 0;
		break;
	case ATTENTION_FOLLOWED:
		if (is_changed)
			return HASTY_MS;
		break;
	default:
		if (is_changed)
			return LEAST_MS;
		return is_active ? ACTIVE_MS : QUIET_MS;
	}
	bool is_remote = config_has_remote_store(keeper->self.setup->config);
	return is_active || is_remote ? FOLLOWED_MS : QUIET_MS;
}

/* The parent looks at its counts once a second; the first task shall not wait for that. */
static void ring_parent(
	const struct keeper *keeper, const struct gauge *gauge, int64_t before, int64_t depth)
{
	static const uint64_t one = 1;
	if (atomic_load(&gauge->row->attention) == ATTENTION_NONE || before > 0 || depth == 0)
		return;
	/* Full: it is rung already. */
	if (write(keeper->self.setup->depth_bell, &one, sizeof one) < 0 && errno != EAGAIN)
		log_line(LOG_DEBUG, "the supervisor's bell: %s", strerror(errno));
}

static bool measure(struct keeper *keeper, struct gauge *gauge, int64_t now)
{
	struct store *store = keeper->self.store;
	struct queue_stats stats;
	struct error err;
	bool ok = pulls_get_stats(store, gauge->config, &stats, &err);
	if (!keeper_note(keeper, ok, gauge->queue, &err))
		return false;
	/* The signs were read before the store was: what came since shows next time. */
	gauge->seen = gauge->signs;
	gauge->measured_at_ms = now;
	int64_t before = atomic_load(&gauge->row->depth);
	show(gauge->row, &stats);
	if (gauge->is_brokers)
		return true;
	show_depth(gauge->row, &stats);
	ring_parent(keeper, gauge, before, stats.depth);
	return true;
}

void keeper_measure(struct keeper *keeper)
{
	int64_t now = clock_steady_ms();
	for (size_t i = 0; i < keeper->gauge_count; i++) {
		struct gauge *gauge = &keeper->gauges[i];
		bool is_due = gauge->measured_at_ms == 0 ||
			      now - gauge->measured_at_ms >= patience_ms(keeper, gauge);
		if (is_due && !measure(keeper, gauge, now))
			return;
		if (!gauge->is_brokers && (is_due || keeper->self.out_since_ms == 0))
			atomic_store(&gauge->row->known_at_ms, now);
	}
}
