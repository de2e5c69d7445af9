/* What this supervisor has for a queue; see fleet.h. */
#include "supervisor/fleet.h"

#include "supervisor/fatal.h"
#include "supervisor/state.h"

/* Where every worker dies again and again, others had better take the tasks. */
static int capacity_by_load(const struct pool *pool)
{
	const struct pool_scaling *scaling = &pool->scaling;
	int most = pool->queue->workers_max;
	if (fatal_is_failing(pool))
		return 0;
	return scaling->has_room_limit && scaling->room_limit < most ? scaling->room_limit : most;
}

void fleet_tell(const struct pool *pool)
{
	struct fleet_row *row = pool->fleet;
	if (!row)
		return;
	enum presence presence = !pool->queue || pool->is_removed ? PRESENCE_NONE
				 : pool->is_paused                ? PRESENCE_PAUSED
								  : PRESENCE_SERVING;
	bool is_here = presence == PRESENCE_SERVING && pool->closed_until_s == 0;
	bool follows_load =
		pool->queue && config_scales(pool->queue) && !pool->scaling.is_overridden;
	int capacity = follows_load ? capacity_by_load(pool) : pool->desired;
	int floor = follows_load ? pool->queue->workers_min : pool->desired;
	atomic_store(&row->capacity, is_here ? capacity : 0);
	atomic_store(&row->floor, is_here ? floor : 0);
	atomic_store(&row->presence, presence);
	atomic_store(&row->past_served, pool->scaling.served);
	atomic_store(&row->past_busy_ms, pool->scaling.busy_ms);
}
