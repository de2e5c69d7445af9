/* Opening hours of queues; see opening.h. The timer is one of wall time, which may be set. */
#include "supervisor/opening.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/state.h"

/* Answers when that changes. */
static int64_t note(struct pool *pool, int64_t now_s)
{
	int64_t until_s = ZONE_NEVER;
	bool is_open = !pool->queue || config_is_open(pool->queue, now_s, &until_s);
	int64_t closed_until_s = is_open ? 0 : until_s;
	char text[CLOCK_TEXT_SIZE];
	if (is_open && pool->closed_until_s)
		log_line(LOG_INFO, "%s is open", pool->name);
	if (!is_open && pool->closed_until_s != closed_until_s)
		log_line(LOG_INFO, "%s is closed until %s", pool->name,
			clock_format(closed_until_s * 1000, text));
	pool->closed_until_s = closed_until_s;
	return until_s;
}

static void on_change(struct ev_loop *loop, ev_periodic *timer, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = timer->data;
	if (supervisor->stage != STAGE_SERVING)
		return;
	opening_look(supervisor);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_settle(supervisor->pools[i]);
	scaler_follow(supervisor);
}

void opening_look(struct supervisor *supervisor)
{
	int64_t now_s = clock_wall_ms() / 1000, next_s = ZONE_NEVER;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		int64_t until_s = note(supervisor->pools[i], now_s);
		next_s = until_s < next_s ? until_s : next_s;
	}
	opening_stop(supervisor);
	if (next_s == ZONE_NEVER)
		return;
	ev_periodic_init(&supervisor->opening, on_change, (double)next_s + 0.001, 0, NULL);
	supervisor->opening.data = supervisor;
	ev_periodic_start(supervisor->loop, &supervisor->opening);
}

void opening_stop(struct supervisor *supervisor)
{
	ev_periodic_stop(supervisor->loop, &supervisor->opening);
}
