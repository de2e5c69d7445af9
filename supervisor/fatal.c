/* A queue that can't be worked ends the supervisor, where its configuration wants that; see
 * fatal.h. */
#include "supervisor/fatal.h"

#include "base/log.h"
#include "supervisor/deaths.h"
#include "supervisor/drain.h"
#include "supervisor/state.h"

/* A probe that runs just now is in trouble still, unless it serves well. */
static bool is_in_trouble(const struct child *child)
{
	return child->backoff.is_probing && !(child->slot && deaths_served_well(child));
}

bool fatal_is_failing(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (!is_in_trouble(pool->children[i]))
			return false;
	return pool->count > 0;
}

static bool is_hopeless(const struct pool *pool)
{
	return pool->queue && pool->queue->exit_on == EXIT_ON_FATAL && fatal_is_failing(pool);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct pool *pool = timer->data;
	if (!is_hopeless(pool) || pool->supervisor->stage != STAGE_SERVING)
		return;
	log_line(LOG_ERROR, "%s: no worker serves, and exit_on is fatal", pool->name);
	pool->supervisor->drain.is_fatal = true;
	drain_begin(pool->supervisor);
}

void fatal_init(struct pool *pool)
{
	ev_init(&pool->fatal, on_due);
	pool->fatal.data = pool;
}

void fatal_consider(struct pool *pool)
{
	bool is_on = ev_is_active(&pool->fatal);
	if (!is_hopeless(pool)) {
		ev_timer_stop(pool->supervisor->loop, &pool->fatal);
		return;
	}
	if (is_on)
		return;
	ev_timer_set(&pool->fatal, (double)pool->queue->exit_after_ms / 1000, 0);
	ev_timer_start(pool->supervisor->loop, &pool->fatal);
}
