/* Scaling of this supervisor's queues; see scaler.h. */
#include "supervisor/scaler.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/fleet.h"
#include "supervisor/room.h"
#include "supervisor/state.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_S       1.0
#define KNOWN_MS     5000  /* a depth that was true so long ago counts as measured */
#define FLEET_MS     15000 /* so does what other hosts have said */
#define FREE_READ_MS 900
#define WEIGH_MS     1000  /* between two weighings of a queue's workers, … */
#define WEIGH_BIG_MS 10000 /* … where that means walking through many pages */
#define BIG_BYTES    (INT64_C(256) << 20)
#define WEIGHED_MAX  3   /* workers of a queue, each time */
#define SLOWLY       32  /* the share of a difference by which a weight falls each time */
#define ROUGHLY_MAX  256 /* workers of a queue that are looked at in a round */
#define SAY_AGAIN_MS 60000

static bool is_followed(const struct pool *pool)
{
	return pool->queue && !pool->is_removed && pool->board && config_scales(pool->queue);
}

static enum attention attention_of(const struct pool *pool)
{
	bool awaits = pool->desired == 0 && !pool->is_paused && !pool->scaling.is_overridden &&
		      pool->closed_until_s == 0;
	if (!is_followed(pool))
		return ATTENTION_NONE;
	return awaits ? ATTENTION_AWAITED : ATTENTION_FOLLOWED;
}

static void pay_attention(struct pool *pool)
{
	int32_t attention = (int32_t)attention_of(pool);
	if (!pool->board || atomic_exchange(&pool->board->attention, attention) == attention)
		return;
	/* It may be asleep for longer than this one has patience. */
	scoreboard_ring_keeper(pool->supervisor->board);
}

/* --- what is seen --- */

static void add_served(const struct pool *pool, struct scaling_sample *sample)
{
	sample->served = pool->scaling.served;
	sample->busy_ms = pool->scaling.busy_ms;
	for (size_t i = 0; i < pool->count; i++) {
		const struct slot *slot = pool->children[i]->slot;
		if (!slot)
			continue;
		/* The worker writes them the other way round. */
		sample->served += atomic_load(&slot->served);
		sample->busy_ms += atomic_load(&slot->busy_ms);
	}
}

static int64_t weigh_some(const struct pool *pool)
{
	int64_t most = 0;
	int weighed = 0;
	for (size_t i = 0; i < pool->count && weighed < WEIGHED_MAX; i++) {
		const struct child *child = pool->children[i];
		if (!child_is_alive(child) || !child_is_busy(child))
			continue;
		int64_t bytes = room_weigh("", child->pid);
		most = bytes > most ? bytes : most;
		weighed++;
	}
	return most;
}

static void weigh(struct pool *pool, int64_t now_ms)
{
	struct pool_scaling *scaling = &pool->scaling;
	bool is_big = scaling->worker_bytes > BIG_BYTES;
	if (now_ms - scaling->weighed_at_ms < (is_big ? WEIGH_BIG_MS : WEIGH_MS))
		return;
	int64_t bytes = weigh_some(pool);
	if (bytes == 0)
		return;
	/* Up at once, down slowly: what a task needs differs. */
	scaling->worker_bytes =
		bytes > scaling->worker_bytes
			? bytes
			: scaling->worker_bytes - (scaling->worker_bytes - bytes) / SLOWLY;
	scaling->weighed_at_ms = now_ms;
}

/* What the workers that are there will still take: each may become as big as the biggest, and has
 * perhaps no handler yet. Of very many only some are looked at. */
static int64_t weigh_coming(const struct pool *pool)
{
	int64_t bytes = 0;
	size_t stride = pool->count / ROUGHLY_MAX + 1;
	for (size_t i = 0; i < pool->count; i += stride) {
		const struct child *child = pool->children[i];
		int64_t taken = child_is_alive(child) ? room_weigh_roughly("", child->pid) : 0;
		if (child_is_wanted(child) && taken < pool->scaling.worker_bytes)
			bytes += pool->scaling.worker_bytes - taken;
	}
	return bytes * (int64_t)stride;
}

/* Read once for all queues of a round. */
static int64_t read_free_bytes(struct supervisor *supervisor, int64_t now_ms)
{
	if (supervisor->scaler.free_read_ms == 0 ||
		now_ms - supervisor->scaler.free_read_ms >= FREE_READ_MS) {
		supervisor->scaler.free_bytes = room_free_bytes("");
		supervisor->scaler.free_read_ms = now_ms;
	}
	return supervisor->scaler.free_bytes;
}

static void take_room(const struct pool *pool, int workers)
{
	struct supervisor *supervisor = pool->supervisor;
	if (supervisor->scaler.free_bytes != ROOM_UNKNOWN && workers > 0)
		supervisor->scaler.free_bytes -= workers * pool->scaling.worker_bytes;
}

static int find_room(struct pool *pool, const struct scaling_sample *sample)
{
	bool may_grow =
		pool->desired < pool->queue->workers_max && sample->depth + sample->busy > 0;
	if (!may_grow || sample->is_held || !sample->is_measured)
		return SCALING_ROOM_UNKNOWN;
	int64_t free_bytes = read_free_bytes(pool->supervisor, sample->now_ms);
	weigh(pool, sample->now_ms);
	if (free_bytes == ROOM_UNKNOWN)
		return SCALING_ROOM_UNKNOWN;
	return room_count(free_bytes, pool->scaling.worker_bytes, weigh_coming(pool));
}

/* What other hosts have said of the queue. */
static void add_others(const struct pool *pool, struct scaling_sample *sample)
{
	struct fleet_view view;
	scoreboard_read_view(pool->fleet, &view);
	sample->before = (struct scaling_host){ view.before_capacity, view.before_kept, false };
	sample->behind = (struct scaling_host){ view.behind_capacity, view.behind_kept, false };
	sample->busy += view.busy;
	sample->served += view.served;
	sample->busy_ms += view.busy_ms;
}

static bool is_measured(const struct pool *pool, int64_t now_ms)
{
	const struct queue_board *row = pool->board;
	int64_t heard_ms = atomic_load(&pool->supervisor->board->fleet_known_at_ms);
	return atomic_load(&row->measured_at_ms) != 0 &&
	       now_ms - atomic_load(&row->known_at_ms) < KNOWN_MS && heard_ms != 0 &&
	       now_ms - heard_ms < FLEET_MS;
}

static struct scaling_sample take_sample(struct pool *pool)
{
	int64_t now_ms = clock_steady_ms();
	const struct queue_board *row = pool->board;
	bool is_paused = pool->is_paused || atomic_load(&row->paused_at_ms) != 0 ||
			 pool->closed_until_s != 0;
	struct scaling_sample sample = {
		.now_ms = now_ms,
		.is_measured = is_measured(pool, now_ms),
		.is_held = is_paused || pool->scaling.is_overridden,
		.workers = pool->desired,
		.own_busy = (int)pool_busy(pool),
		.depth = atomic_load(&row->depth),
		.working = atomic_load(&row->working),
	};
	sample.busy = sample.own_busy;
	add_served(pool, &sample);
	add_others(pool, &sample);
	sample.room = find_room(pool, &sample);
	pool->scaling.has_room_limit = sample.room != SCALING_ROOM_UNKNOWN;
	pool->scaling.room_limit = sample.workers + sample.room;
	return sample;
}

/* --- what is done --- */

static void say_short(struct pool *pool, int64_t now_ms)
{
	struct pool_scaling *scaling = &pool->scaling;
	bool is_new =
		scaling->told_short_ms == 0 || now_ms - scaling->told_short_ms >= SAY_AGAIN_MS;
	if (scaling->advice.limit != SCALING_BY_MEMORY)
		return;
	if (is_new)
		log_line(LOG_WARN,
			"%s: held at %d workers where %d are needed: one takes %lld MiB, and no "
			"more memory is left above the reserve",
			pool->name, scaling->advice.desired, scaling->advice.needed,
			(long long)(scaling->worker_bytes >> 20));
	scaling->told_short_ms = now_ms;
}

/* What its queues let in together; no bound where one of them has none. */
static void find_limits(const struct pool *pool, struct scaling_rules *rules)
{
	bool has_rates = true, has_places = true;
	for (size_t i = 0; i < config_pull_count(pool->queue); i++) {
		const struct config_queue *queue = config_find_served(
			pool->supervisor->config, config_pull_name(pool->queue, i));
		has_rates &= queue->rate.count > 0;
		has_places &= queue->max_working > 0;
		if (has_rates)
			rules->rate_per_s +=
				(double)queue->rate.count * 1000 / (double)queue->rate.ms;
		rules->max_working += queue->max_working;
	}
	if (!has_rates)
		rules->rate_per_s = 0;
	if (!has_places)
		rules->max_working = 0;
}

static void step(struct pool *pool)
{
	struct scaling_sample sample = take_sample(pool);
	struct scaling_rules rules = {
		.scale = pool->queue->scale,
		.min = pool->queue->workers_min,
		.max = pool->queue->workers_max,
	};
	find_limits(pool, &rules);
	pool->scaling.advice = scaling_step(&rules, &sample, &pool->scaling.state);
	say_short(pool, sample.now_ms);
	int desired = pool->scaling.advice.desired;
	if (desired != pool->desired) {
		log_line(LOG_INFO, "%s: %d to %d workers, %d busy, %lld tasks ready", pool->name,
			pool->desired, desired, sample.busy, (long long)sample.depth);
		take_room(pool, desired - pool->desired);
		pool_scale(pool, desired);
	}
	fleet_tell(pool);
	pay_attention(pool);
}

static void step_all(struct supervisor *supervisor)
{
	if (supervisor->stage != STAGE_SERVING)
		return;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (is_followed(supervisor->pools[i]))
			step(supervisor->pools[i]);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	step_all(timer->data);
}

static void on_bell(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	uint64_t rings;
	if (read(watcher->fd, &rings, sizeof rings) == sizeof rings)
		step_all(watcher->data);
}

bool scaler_init(struct supervisor *supervisor, int bell_fd)
{
	supervisor->scaler.bell_fd =
		bell_fd >= 0 ? bell_fd : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (supervisor->scaler.bell_fd < 0)
		return false;
	ev_init(&supervisor->scaler.timer, on_look);
	supervisor->scaler.timer.repeat = LOOK_S;
	supervisor->scaler.timer.data = supervisor;
	ev_io_init(&supervisor->scaler.bell, on_bell, supervisor->scaler.bell_fd, EV_READ);
	supervisor->scaler.bell.data = supervisor;
	return true;
}

void scaler_follow(struct supervisor *supervisor)
{
	bool follows = false;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		follows |= is_followed(supervisor->pools[i]);
		pay_attention(supervisor->pools[i]);
	}
	if (!follows) {
		scaler_stop(supervisor);
		return;
	}
	ev_io_start(supervisor->loop, &supervisor->scaler.bell);
	if (!ev_is_active(&supervisor->scaler.timer))
		ev_timer_again(supervisor->loop, &supervisor->scaler.timer);
}

void scaler_stop(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->scaler.timer);
	ev_io_stop(supervisor->loop, &supervisor->scaler.bell);
}

void scaler_finish(struct supervisor *supervisor)
{
	scaler_stop(supervisor);
	memory_close_fd(&supervisor->scaler.bell_fd);
}

/* --- what is shown --- */

static json_t *describe(const struct pool *pool)
{
	static const char *const strategies[] = {
		[SCALE_OFFERED] = "offered",
		[SCALE_DEPTH] = "depth",
		[SCALE_FIXED] = "fixed",
	};
	const struct pool_scaling *scaling = &pool->scaling;
	const struct scaling_rules rules = { .scale = pool->queue->scale };
	bool knows = scaling->state.knows_service;
	json_t *object = json_pack("{s:s, s:b}", "strategy",
		strategies[pool->queue->scale.strategy], "overridden", (int)scaling->is_overridden);
	if (!is_followed(pool))
		return object;
	struct fleet_view view;
	scoreboard_read_view(pool->fleet, &view);
	json_t *rest = json_pack("{s:i, s:i, s:i, s:s, s:I, s:o, s:f, s:I}", "needed",
		scaling->advice.needed, "needed_by_all", scaling->advice.needed_by_all,
		"other_hosts", view.hosts, "limit", scaling_limit_names[scaling->advice.limit],
		"window_s", (json_int_t)(scaling_window_ms(&rules, &scaling->state) / 1000),
		"service_s", knows ? json_real(scaling->state.service_s) : json_null(),
		"arrivals_per_s", scaling->state.arrivals_per_s, "worker_bytes",
		(json_int_t)scaling->worker_bytes);
	json_object_update(object, rest);
	json_decref(rest);
	return object;
}

json_t *scaler_describe(const struct supervisor *supervisor)
{
	json_t *queues = json_object();
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		const struct pool *pool = supervisor->pools[i];
		if (pool->queue && (is_followed(pool) || pool->scaling.is_overridden))
			json_object_set_new(queues, pool->name, describe(pool));
	}
	return queues;
}
