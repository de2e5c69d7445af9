/* Pools and children in the state that is handed over; see handover_pools.h. */
#include "supervisor/handover_pools.h"

#include "supervisor/fields.h"
#include "supervisor/fleet.h"
#include "supervisor/pools.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"

#define SCALING(member) FIELD(struct pool, scaling.member)

static const struct field pool_fields[] = {
	FIELD(struct pool, desired),
	FIELD(struct pool, is_paused),
	FIELD(struct pool, completed),
	FIELD(struct pool, failed),
	FIELD(struct pool, retried),
	FIELD(struct pool, restarts),
	FIELD(struct pool, deaths),
	FIELD(struct pool, recycled),
	FIELD(struct pool, base.at_ms),
	FIELD(struct pool, base.ended),
	FIELD(struct pool, latest.at_ms),
	FIELD(struct pool, latest.ended),
	FIELD(struct pool, restart.delay_ms),
	FIELD(struct pool, restart.max_delay_ms),
	FIELD(struct pool, restart.good_after_ms),
	FIELD(struct pool, restart.probe_ms),
	FIELD(struct pool, kill_after_ms),
	FIELD(struct pool, max_unavailable),
	FIELD(struct pool, max_unavailable_percent),
	SCALING(is_overridden),
	SCALING(served),
	SCALING(busy_ms),
	SCALING(has_room_limit),
	SCALING(room_limit),
	SCALING(worker_bytes),
	SCALING(weighed_at_ms),
	SCALING(told_short_ms),
	SCALING(state.at_ms),
	SCALING(state.has_begun),
	SCALING(state.has_flow),
	SCALING(state.knows_service),
	SCALING(state.busy),
	SCALING(state.service_s),
	SCALING(state.arrivals_per_s),
	SCALING(state.served),
	SCALING(state.busy_ms),
	SCALING(state.flow_at_ms),
	SCALING(state.flow),
	SCALING(state.newest),
	SCALING(state.slot_count),
	SCALING(state.doublings),
	SCALING(state.doubled_at_ms),
	SCALING(state.has_shrunk),
	SCALING(state.shrunk_at_ms),
};

/* One recommendation of the window. */
struct window_slot {
	int64_t since_ms;
	int highest;
};
static const struct field window_fields[] = {
	FIELD(struct window_slot, since_ms),
	FIELD(struct window_slot, highest),
};

static const struct field child_fields[] = {
	FIELD(struct child, number),
	FIELD(struct child, backoff.streak),
	FIELD(struct child, backoff.recent_ms),
	FIELD(struct child, backoff.is_probing),
	FIELD(struct child, is_stale),
	FIELD(struct child, pid),
	FIELD(struct child, owner),
	FIELD(struct child, start_tick),
	FIELD(struct child, forked_at_ms),
	FIELD(struct child, told_at_ms),
	FIELD(struct child, exit_status),
	FIELD(struct child, seen_beat_ms),
	FIELD(struct child, seen_ticks),
	FIELD(struct child, quiet_looks),
	FIELD(struct child, late_looks),
	FIELD(struct child, is_hung),
	FIELD(struct child, was_stopped),
};

/* --- out --- */

/* Seconds that are left; null where it does not run. */
static json_t *write_timer(struct ev_loop *loop, const ev_timer *timer)
{
	ev_timer copy = *timer;
	return ev_is_active(timer) ? json_real(ev_timer_remaining(loop, &copy)) : json_null();
}

static json_t *write_child(const struct child *child)
{
	const struct supervisor *supervisor = child->pool->supervisor;
	json_t *object = fields_write(child_fields, ARRAY_SIZE(child_fields), child);
	json_object_set_new(object, "state", json_string(child_state_names[child->state]));
	json_object_set_new(object, "slot",
		child->slot ? json_integer(child->slot - supervisor->board->slots) : json_null());
	json_object_set_new(object, "due_in_s", write_timer(supervisor->loop, &child->timer));
	return object;
}

static json_t *write_window(const struct scaling_state *state)
{
	json_t *list = json_array();
	for (size_t i = 0; i < SCALING_SLOTS; i++) {
		const struct window_slot slot = { state->slots[i].since_ms,
			state->slots[i].highest };
		json_array_append_new(
			list, fields_write(window_fields, ARRAY_SIZE(window_fields), &slot));
	}
	return list;
}

static json_t *write_pool(const struct pool *pool)
{
	json_t *object = fields_write(pool_fields, ARRAY_SIZE(pool_fields), pool);
	json_t *children = json_array();
	for (size_t i = 0; i < pool->count; i++)
		if (pool->children[i]->state != CHILD_FREE)
			json_array_append_new(children, write_child(pool->children[i]));
	json_object_set_new(object, "name", json_string(pool->name));
	json_object_set_new(object, "is_process", json_boolean(pool->process));
	json_object_set_new(object, "window", write_window(&pool->scaling.state));
	json_object_set_new(
		object, "fatal_in_s", write_timer(pool->supervisor->loop, &pool->fatal));
	json_object_set_new(object, "children", children);
	return object;
}

json_t *handover_write_pools(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		json_array_append_new(list, write_pool(supervisor->processes[i]));
	for (size_t i = 0; i < supervisor->pool_count; i++)
		json_array_append_new(list, write_pool(supervisor->pools[i]));
	return list;
}

/* --- in --- */

static void restore_timer(struct ev_loop *loop, ev_timer *timer, const json_t *left)
{
	if (!json_is_number(left))
		return;
	ev_timer_set(timer, json_number_value(left), 0);
	ev_timer_start(loop, timer);
}

static bool find_state(const char *name, enum child_state *out)
{
	for (int i = 0; i < CHILD_STATES; i++)
		if (strcmp(child_state_names[i], name) == 0) {
			*out = (enum child_state)i;
			return true;
		}
	return false;
}

static bool has_process(enum child_state state)
{
	return state >= CHILD_RUNNING && state <= CHILD_KILLED;
}

/* What must be true of every place; nothing is believed that would be a crash later. */
static bool is_sane(const struct child *child)
{
	bool has_slot = has_process(child->state) || child->state == CHILD_CLEARING ||
			child->state == CHILD_CLOSING;
	return child->state != CHILD_FREE && (child->pid > 0) == has_process(child->state) &&
	       (child->slot != NULL) == has_slot && child->backoff.streak >= 0;
}

static bool restore_slot(struct child *child, const json_t *index, struct error *err)
{
	struct scoreboard *board = child->pool->supervisor->board;
	if (!json_is_integer(index))
		return true;
	json_int_t number = json_integer_value(index);
	if (number < 0 || number >= SCOREBOARD_SLOTS)
		return error_set(err, ERROR_INVALID, "slot %lld is not there", (long long)number);
	child->slot = &board->slots[number];
	return true;
}

static bool restore_child(struct pool *pool, const json_t *object, struct error *err)
{
	struct supervisor *supervisor = pool->supervisor;
	const char *state = json_string_value(json_object_get(object, "state"));
	int number = (int)json_integer_value(json_object_get(object, "number"));
	int last = pool->count > 0 ? pool->children[pool->count - 1]->number : 0;
	if (number <= last)
		return error_set(err, ERROR_INVALID, "place %d comes after %d", number, last);
	struct child *child = pool_append_child(pool, number);
	if (!fields_read(child_fields, ARRAY_SIZE(child_fields), object, child, err) ||
		!restore_slot(child, json_object_get(object, "slot"), err))
		return error_wrap(err, "%s", child->name);
	if (!state || !find_state(state, &child->state) || !is_sane(child)) {
		child->pid = 0;
		return error_set(err, ERROR_INVALID, "%s: the state \"%.20s\" can't be",
			child->name, state ? state : "");
	}
	child->is_stale |= child->state == CHILD_RUNNING;
	if (child->pid > 0)
		pids_add(&supervisor->pids, child);
	restore_timer(supervisor->loop, &child->timer, json_object_get(object, "due_in_s"));
	return true;
}

static bool restore_window(struct scaling_state *state, const json_t *list, struct error *err)
{
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count && i < SCALING_SLOTS; i++) {
		struct window_slot slot = { 0 };
		if (!fields_read(window_fields, ARRAY_SIZE(window_fields), json_array_get(list, i),
			    &slot, err))
			return false;
		state->slots[i].since_ms = slot.since_ms;
		state->slots[i].highest = slot.highest;
	}
	if (state->newest < 0 || state->newest >= SCALING_SLOTS || state->slot_count < 0 ||
		state->slot_count > SCALING_SLOTS)
		*state = (struct scaling_state){ 0 };
	return true;
}

/* A count that was set by hand stays; another is the file's, or follows the load on from here. */
static void restore_count(struct pool *pool)
{
	int desired = pool->desired;
	bool is_overridden = pool->scaling.is_overridden;
	if (!pool->queue)
		return;
	pool_configure(pool, pool->queue);
	pool->scaling.is_overridden = is_overridden;
	if (is_overridden)
		pool->desired = desired;
}

static bool restore_pool(struct supervisor *supervisor, const json_t *object, struct error *err)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	if (!name || strlen(name) >= SCOREBOARD_TEXT - 8)
		return error_set(err, ERROR_INVALID, "a pool has no name");
	struct pool *pool = pools_find_or_remove(
		supervisor, name, json_is_true(json_object_get(object, "is_process")));
	bool is_removed = pool->is_removed;
	if (pool->count > 0)
		return error_set(err, ERROR_INVALID, "%s comes twice", name);
	if (!fields_read(pool_fields, ARRAY_SIZE(pool_fields), object, pool, err) ||
		!restore_window(&pool->scaling.state, json_object_get(object, "window"), err))
		return error_wrap(err, "%s", name);
	restore_count(pool);
	if (is_removed)
		pool->desired = 0;
	fleet_tell(pool);
	restore_timer(supervisor->loop, &pool->fatal,
		pool->queue ? json_object_get(object, "fatal_in_s") : NULL);
	const json_t *children = json_object_get(object, "children");
	for (size_t i = 0; i < json_array_size(children); i++)
		if (!restore_child(pool, json_array_get(children, i), err))
			return false;
	return true;
}

bool handover_restore_pools(struct supervisor *supervisor, const json_t *list, struct error *err)
{
	if (!json_is_array(list))
		return error_set(err, ERROR_INVALID, "there are no pools");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!restore_pool(supervisor, json_array_get(list, i), err))
			return false;
	return slots_recount(supervisor) ||
	       error_set(err, ERROR_INVALID, "two places have one slot");
}
