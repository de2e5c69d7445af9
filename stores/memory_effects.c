/* What one step of a job changes beside its task: counters, counts, births, wake-ups. */
#include "base/clock.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

static void change_counters(struct job *job, const struct effects *effects)
{
	for (size_t i = 0; i < effects->counters_count; i++) {
		const struct counter_change *change = &effects->counters[i];
		struct counter *counter = memory_counter(job, change->scope, change->gate);
		if (!counter->is_touched)
			counter->was_positive = counter->pending > 0;
		counter->is_touched = true;
		counter->pending += change->pending;
	}
}

static void list_name(struct job *job, struct census *census)
{
	if (census->is_listed || census->tally.born == 0)
		return;
	census->is_listed = true;
	job->names = xgrow(job->names, job->names_count, &job->names_room, sizeof(struct census *));
	job->names[job->names_count++] = census;
}

static void change_tallies(struct job *job, const struct effects *effects)
{
	for (size_t i = 0; i < effects->tallies_count; i++) {
		const struct tally_change *change = &effects->tallies[i];
		struct census *census = memory_census(job, change->scope, change->name);
		census->tally.born += change->add.born;
		census->tally.completed += change->add.completed;
		census->tally.failed += change->add.failed;
		census->tally.invalid += change->add.invalid;
		census->tally.skipped += change->add.skipped;
		census->tally.cancelled += change->add.cancelled;
		census->tally.excused += change->add.excused;
		if (change->scope == 0)
			list_name(job, census);
	}
}

static void bear_children(struct memory *memory, struct job *job, int64_t parent,
	const struct effects *effects, struct litter *ahead)
{
	if (effects->children_count > 0) {
		struct litter *litter = memory_create_litter();
		for (size_t i = 0; i < effects->children_count; i++)
			memory_write_child(memory, job, litter, &effects->children[i]);
		memory_give_birth(memory, job, litter, parent);
	}
	if (ahead)
		memory_give_birth(memory, job, ahead, parent);
}

bool memory_wake(struct memory *memory, struct counter *counter)
{
	bool woke = counter->waiters_count > 0;
	counter->version++;
	for (size_t i = 0; i < counter->waiters_count; i++) {
		struct bundle *bundle = counter->waiters[i];
		bundle->counter = NULL;
		memory_place_bundle(memory, bundle, clock_wall_ms() + bundle->delay_ms);
	}
	counter->waiters_count = 0;
	return woke;
}

static bool wake_waiters(struct memory *memory, struct job *job, const struct effects *effects)
{
	bool woke = false;
	for (size_t i = 0; i < effects->counters_count; i++) {
		const struct counter_change *change = &effects->counters[i];
		struct counter *counter = memory_counter(job, change->scope, change->gate);
		if (counter->is_touched && counter->was_positive && counter->pending <= 0)
			woke |= memory_wake(memory, counter);
		counter->is_touched = false;
	}
	return woke;
}

static void fail(struct job *job, const char *reason)
{
	if (!reason || job->state != JOB_RUNNING)
		return;
	job->state = JOB_FAILED;
	job->reason = xstrdup(reason);
}

bool memory_apply(struct memory *memory, struct job *job, int64_t parent,
	const struct effects *effects, struct litter *ahead)
{
	change_counters(job, effects);
	change_tallies(job, effects);
	bear_children(memory, job, parent, effects, ahead);
	bool woke = wake_waiters(memory, job, effects);
	fail(job, effects->job_failure);
	return woke || ahead || effects->children_count > 0;
}
