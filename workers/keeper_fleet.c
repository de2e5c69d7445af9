/*
 * Heartbeats: what this supervisor tells the others that share its store, and what they tell of the
 * queues whose counts follow the load here. A heartbeat that says something new is written each
 * second, else every few seconds; it lapses on the store's clock.
 *
 * Its text is JSON, for other versions too: members are only added, and a reader does without those
 * that it does not find. docs/control.md shows it (status --all).
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "workers/fleet.h"

/* A little less than the pause between two looks, or than three of them. */
#define PACE_MS       900
#define QUIET_PACE_MS 2900
#define HOLD_MS       5000
#define QUIET_HOLD_MS 9000

static enum presence presence_of(const struct keeper *keeper, const struct gauge *gauge)
{
	struct scoreboard *board = keeper->self.setup->board;
	return atomic_load(&scoreboard_fleet_row(board, gauge->row)->presence);
}

static json_t *describe_queue(struct keeper *keeper, const struct gauge *gauge)
{
	const struct worker_setup *setup = keeper->self.setup;
	const struct fleet_row *row = scoreboard_fleet_row(setup->board, gauge->row);
	const struct config_queue *queue = config_find_queue(setup->config, gauge->queue);
	bool is_ending = atomic_load(&setup->board->is_ending);
	const struct fleet_queue told = {
		.workers = gauge->workers,
		.busy = gauge->busy,
		.min = queue->workers_min,
		.max = queue->workers_max,
		.capacity = is_ending ? 0 : atomic_load(&row->capacity),
		.floor = atomic_load(&row->floor),
		.served = atomic_load(&row->past_served) + gauge->served,
		.busy_ms = atomic_load(&row->past_busy_ms) + gauge->busy_ms,
		.is_paused = presence_of(keeper, gauge) == PRESENCE_PAUSED,
	};
	return fleet_print_queue(&told);
}

static char *compose(struct keeper *keeper)
{
	const struct worker_setup *setup = keeper->self.setup;
	json_t *queues = json_object();
	for (size_t i = 0; i < keeper->gauge_count; i++)
		if (presence_of(keeper, &keeper->gauges[i]) != PRESENCE_NONE)
			json_object_set_new(queues, keeper->gauges[i].queue,
				describe_queue(keeper, &keeper->gauges[i]));
	OWNED(json)
	json_t *text = fleet_print_host(setup->board, setup->supervisor, setup->config->path);
	json_object_set_new(text, "queues", queues);
	return jsontext_print(text);
}

static bool is_followed(const struct gauge *gauge)
{
	return atomic_load(&gauge->row->attention) != ATTENTION_NONE;
}

/* Whether others are to be heard, and whether something goes on that they share in. */
static void look_at_queues(const struct keeper *keeper, bool *follows, bool *is_active)
{
	*follows = *is_active = false;
	for (size_t i = 0; i < keeper->gauge_count; i++) {
		const struct gauge *gauge = &keeper->gauges[i];
		if (!is_followed(gauge))
			continue;
		*follows = true;
		*is_active |=
			atomic_load(&gauge->row->depth) + atomic_load(&gauge->row->working) > 0;
	}
}

/* What one other host has for the queue. What it served is counted from when it was first heard. */
static void add_host(const json_t *told, const json_t *heard, bool is_behind, const char *queue,
	struct fleet_view *view)
{
	struct fleet_queue now, last;
	if (!fleet_read_queue(told, queue, &now))
		return;
	int kept = now.busy > now.floor ? now.busy : now.floor;
	kept = kept < now.capacity ? kept : now.capacity;
	*(is_behind ? &view->behind_capacity : &view->before_capacity) += now.capacity;
	*(is_behind ? &view->behind_kept : &view->before_kept) += kept;
	view->hosts++;
	view->busy += now.busy;
	if (!fleet_read_queue(heard, queue, &last) || now.served < last.served ||
		now.busy_ms < last.busy_ms)
		return;
	view->served += now.served - last.served;
	view->busy_ms += now.busy_ms - last.busy_ms;
}

static void update_view(struct keeper *keeper, const struct gauge *gauge, const json_t *hosts)
{
	struct scoreboard *board = keeper->self.setup->board;
	struct fleet_row *row = scoreboard_fleet_row(board, gauge->row);
	struct fleet_view before, view;
	const char *id;
	json_t *host;
	scoreboard_read_view(row, &before);
	view = (struct fleet_view){ .served = before.served, .busy_ms = before.busy_ms };
	json_object_foreach((json_t *)hosts, id, host)
	{
		add_host(host, json_object_get(keeper->beats.heard, id),
			strcmp(id, board->fleet_id) > 0, gauge->queue, &view);
	}
	scoreboard_set_view(row, &view);
}

/* Takes up what the others say. */
static void hear(struct keeper *keeper, const struct beat_list *list)
{
	struct scoreboard *board = keeper->self.setup->board;
	json_t *hosts = json_object();
	for (size_t i = 0; i < list->count; i++) {
		json_t *told;
		if (strcmp(list->rows[i].id, board->fleet_id) != 0 &&
			jsontext_parse(list->rows[i].text, strlen(list->rows[i].text), &told, NULL))
			json_object_set_new(hosts, list->rows[i].id, told);
	}
	for (size_t i = 0; i < keeper->gauge_count; i++)
		if (is_followed(&keeper->gauges[i]))
			update_view(keeper, &keeper->gauges[i], hosts);
	json_decref(keeper->beats.heard);
	keeper->beats.heard = hosts;
	atomic_store(&board->fleet_known_at_ms, clock_steady_ms());
}

static bool beat(struct keeper *keeper, const char *text, int64_t hold_ms, struct beat_list *list)
{
	struct store *store = keeper->self.store;
	const struct heartbeat own = { keeper->self.setup->board->fleet_id, text, hold_ms };
	struct error err = { 0 };
	bool ok = store->ops->beat(store, &own, list, &err);
	/* Said once: on a full disk it fails time and again while all that reads goes well. */
	if (ok || keeper->beats.failed_at_ms == 0)
		keeper_note(keeper, ok, "heartbeat", &err);
	keeper->beats.failed_at_ms = ok ? 0 : clock_steady_ms();
	return ok;
}

void keeper_beat(struct keeper *keeper)
{
	struct keeper_beats *beats = &keeper->beats;
	int64_t now = clock_steady_ms();
	bool follows, is_active;
	look_at_queues(keeper, &follows, &is_active);
	OWNED(free) char *text = compose(keeper);
	bool is_news = is_active || !beats->said || strcmp(text, beats->said) != 0;
	bool is_first = !beats->said || (follows && !beats->heard);
	/* An act that fails may take long, and others wait behind it. */
	if (beats->failed_at_ms && now - beats->failed_at_ms < QUIET_PACE_MS)
		return;
	if (!is_first && now - beats->at_ms < (is_news ? PACE_MS : QUIET_PACE_MS))
		return;
	struct beat_list list = { 0 };
	if (!beat(keeper, text, is_news ? HOLD_MS : QUIET_HOLD_MS, follows ? &list : NULL))
		return;
	beats->at_ms = now;
	free(beats->said);
	beats->said = GIVE(text);
	if (follows)
		hear(keeper, &list);
	beat_list_finish(&list);
}

/* A keeper that is only replaced leaves the heartbeat to the next one. */
void keeper_end_beats(struct keeper *keeper)
{
	struct keeper_beats *beats = &keeper->beats;
	bool is_last = keeper->self.orphaned_at_ms != 0 ||
		       atomic_load(&keeper->self.setup->board->is_ending);
	if (is_last)
		beat(keeper, "", 0, NULL);
	free(beats->said);
	json_decref(beats->heard);
}
