/*
 * Goes on with cancels that were cut short, a page at a time: see acts_cancel.c. The store lists
 * them; they are looked for soon after anything was cancelled, when whoever did it should have come
 * to his end, and now and then.
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "base/fault.h"
#include "workers/acts.h"
#include "workers/nested.h"

#define SOON_MS  2000
#define LATER_MS 30000
#define JOBS     16
#define PAGE     200
#define STEPS    10 /* at one look */

/* Whether the job is new to us, or the one that is under way. */
static void take_up(struct acts_cancel *cancel, const char *id)
{
	if (strcmp(cancel->job, id) == 0 && !cancel->is_done)
		return;
	*cancel = (struct acts_cancel){ 0 };
	snprintf(cancel->job, sizeof cancel->job, "%s", id);
}

/* True where the job is done with, or fails by itself. */
static bool follow(struct keeper *keeper, const char *id, int *steps)
{
	struct store *store = keeper->self.store;
	struct acts_cancel *cancel = &keeper->cancels.cancel;
	struct error err;
	bool ok = true;
	take_up(cancel, id);
	for (; ok && !cancel->is_done && *steps < STEPS; ++*steps)
		ok = keeper_note(
			keeper, acts_cancel_step(store, cancel, PAGE, &err), "cancel", &err);
	if (cancel->is_done)
		ok = keeper_note(keeper, nested_told(store, keeper->self.setup->owner, id, &err),
			"nested", &err);
	return !ok || cancel->is_done;
}

/* The one that is under way comes first, wherever it stands in the list. */
static void follow_all(struct keeper *keeper, const struct job_list *jobs)
{
	int steps = 0;
	bool is_left = jobs->count == JOBS;
	for (size_t i = 0; i < jobs->count; i++)
		if (strcmp(jobs->rows[i].id, keeper->cancels.cancel.job) == 0)
			follow(keeper, jobs->rows[i].id, &steps);
	for (size_t i = 0; i < jobs->count && steps < STEPS; i++)
		if (strcmp(jobs->rows[i].id, keeper->cancels.cancel.job) != 0 &&
			!follow(keeper, jobs->rows[i].id, &steps))
			is_left = true;
	if (is_left || steps >= STEPS) {
		keeper->cancels.at_ms = clock_steady_ms();
		scoreboard_ring_keeper(keeper->self.setup->board);
	}
}

void keeper_follow_cancels(struct keeper *keeper)
{
	struct store *store = keeper->self.store;
	struct keeper_cancels *cancels = &keeper->cancels;
	const struct job_filter filter = { .state = -1, .ending = true, .limit = JOBS };
	uint32_t rung = store->ops->cancel_bell(store);
	int64_t now = clock_steady_ms();
	struct job_list jobs;
	struct error err;
	int64_t soon_ms = fault_number("REEVE_CANCELS_SOON_MS", SOON_MS);
	if (rung != cancels->seen && cancels->at_ms > now + soon_ms)
		cancels->at_ms = now + soon_ms;
	cancels->seen = rung;
	if (now < cancels->at_ms)
		return;
	cancels->at_ms = now + LATER_MS;
	bool ok = store->ops->list_jobs(store, &filter, &jobs, &err);
	if (!keeper_note(keeper, ok, "list_jobs", &err))
		return;
	follow_all(keeper, &jobs);
	job_list_finish(&jobs);
}
