/*
 * How much may come in: only what local workers can start soon, so that the backlog stays in the
 * broker, where others see it. A queue whose line of ready tasks is long is held; then its workers'
 * counters on the scoreboard say when to look at the store again.
 */
#include "workers/courier.h"

#include "base/clock.h"

#define LINE_LEAST    10 /* ready tasks, with few workers */
#define LINE_A_WORKER 2
#define HOLD_FIRST_MS 2
#define HOLD_MAX_MS   250
#define IDLE_MAX_MS   1000 /* while nobody works on what is held */
#define LOOK_MS       1000 /* at the latest: others may have emptied the line */
#define FREE_RUN      64   /* so many free slots in a row: nobody is behind them */

static struct courier_queue *find_queue(const struct courier *courier, const char *name)
{
	for (size_t i = 0; i < courier->queue_count; i++)
		if (strcmp(courier->queues[i].name, name) == 0)
			return &courier->queues[i];
	return NULL;
}

static void add_worker(struct courier_queue *queue, const struct slot *slot)
{
	queue->crew.alive++;
	queue->crew.paused += atomic_load(&slot->is_paused) != 0;
	queue->crew.ended += atomic_load(&slot->completed) + atomic_load(&slot->failed) +
			     atomic_load(&slot->retried);
}

static void read_slot(const struct courier *courier, const struct slot *slot)
{
	char name[SCOREBOARD_TEXT];
	memcpy(name, slot->queue, sizeof name);
	name[sizeof name - 1] = '\0';
	int state = atomic_load(&slot->state);
	const struct config_queue *pool = config_find_queue(courier->self.setup->config, name);
	if (!pool || state < SLOT_STARTING || state > SLOT_BUSY)
		return;
	for (size_t i = 0; i < config_pull_count(pool); i++) {
		struct courier_queue *queue = find_queue(courier, config_pull_name(pool, i));
		if (queue)
			add_worker(queue, slot);
	}
}

/* One walk tells of all queues. Untouched slots have no memory behind them, and reading would give
 * them some. */
static void read_crews(struct courier *courier)
{
	const struct scoreboard *board = courier->self.setup->board;
	int64_t now = clock_steady_ms();
	int free_run = 0;
	if (courier->crew_at_ms == now)
		return;
	courier->crew_at_ms = now;
	for (size_t i = 0; i < courier->queue_count; i++)
		courier->queues[i].crew = (struct courier_crew){ 0 };
	for (size_t i = 0; i < SCOREBOARD_SLOTS && free_run < FREE_RUN; i++) {
		const struct slot *slot = &board->slots[i];
		bool is_free = atomic_load(&slot->pid) == 0;
		free_run = is_free ? free_run + 1 : 0;
		if (!is_free)
			read_slot(courier, slot);
	}
}

bool courier_is_worked_on(struct courier_queue *queue)
{
	read_crews(queue->courier);
	return queue->crew.alive > queue->crew.paused;
}

static size_t line_max(const struct courier_queue *queue)
{
	size_t most = LINE_A_WORKER * queue->crew.alive;
	return most > LINE_LEAST ? most : LINE_LEAST;
}

/* What stands ready: all that is due less what is in the outbox. Some of the outbox is due later,
 * and so is some of the line: the lesser bound of the two that can be had. */
static int64_t count_ready(const struct courier_queue *queue, const struct queue_stats *stats)
{
	int64_t bound = stats->depth + stats->delayed - stats->unsent - stats->sent;
	if (!queue->has_door || bound > stats->depth)
		return stats->depth;
	return bound > 0 ? bound : 0;
}

static size_t hold(struct courier_queue *queue, bool is_uncrewed)
{
	struct courier *courier = queue->courier;
	queue->in.is_held = true;
	queue->in.is_uncrewed = is_uncrewed;
	queue->in.held_at_ms = clock_steady_ms();
	queue->in.ended_then = queue->crew.ended;
	if (!ev_is_active(&courier->hold)) {
		courier->hold_ms = HOLD_FIRST_MS;
		courier_arm(courier, &courier->hold, courier->hold_ms);
	}
	return 0;
}

size_t courier_find_room(struct courier_queue *queue)
{
	struct store *store = queue->courier->self.store;
	struct queue_stats stats;
	struct error err;
	queue->in.is_held = false;
	if (!courier_is_worked_on(queue))
		return hold(queue, true);
	bool ok = store->ops->get_queue(store, queue->name, &stats, &err);
	if (!courier_note_store(queue->courier, ok, queue->name, &err))
		return 0;
	size_t line = (size_t)count_ready(queue, &stats);
	size_t most = line_max(queue);
	/* Whole batches: a request costs the same for one and for ten. */
	return line <= most ? most : hold(queue, false);
}

/* Enough has ended for half a line, or nobody knows how much. */
static bool has_moved(const struct courier_queue *queue, int64_t now)
{
	bool is_uncrewed = queue->crew.alive == queue->crew.paused;
	if (is_uncrewed || queue->in.is_uncrewed)
		return is_uncrewed != queue->in.is_uncrewed;
	uint64_t ended = queue->crew.ended - queue->in.ended_then;
	return ended >= line_max(queue) / 2 || now - queue->in.held_at_ms >= LOOK_MS;
}

static void on_hold(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct courier *courier = timer->data;
	int64_t now = clock_steady_ms();
	bool any_held = false, any_line = false, any_moved = false;
	read_crews(courier);
	for (size_t i = 0; i < courier->queue_count; i++) {
		struct courier_queue *queue = &courier->queues[i];
		if (queue->in.is_held && has_moved(queue, now)) {
			any_moved = true;
			queue->in.is_held = false;
			courier_in_drive(queue);
		}
		any_held |= queue->in.is_held;
		any_line |= queue->in.is_held && !queue->in.is_uncrewed;
	}
	const int64_t most_ms = any_line ? HOLD_MAX_MS : IDLE_MAX_MS;
	courier->hold_ms = any_moved ? courier->hold_ms / 2 : courier->hold_ms * 2;
	if (courier->hold_ms < HOLD_FIRST_MS)
		courier->hold_ms = HOLD_FIRST_MS;
	if (courier->hold_ms > most_ms)
		courier->hold_ms = most_ms;
	if (any_held)
		courier_arm(courier, timer, courier->hold_ms);
}

void courier_open_hold(struct courier *courier)
{
	ev_init(&courier->hold, on_hold);
	courier->hold.data = courier;
}
