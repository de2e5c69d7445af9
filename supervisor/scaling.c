/* The count of workers; see scaling.h. */
#include "supervisor/scaling.h"

#include "supervisor/scaling_state.h"

#include <math.h>

#define LEAST_STEP 4 /* a pool of any size may grow by so many in one step */

const char *const scaling_limit_names[SCALING_LIMITS] = {
	[SCALING_BY_LOAD] = "load",
	[SCALING_BY_MIN] = "min",
	[SCALING_BY_MAX] = "max",
	[SCALING_BY_STEP] = "step",
	[SCALING_BY_WINDOW] = "window",
	[SCALING_BY_SLIGHT] = "slight",
	[SCALING_BY_WORKING] = "max_working",
	[SCALING_BY_RATE] = "rate",
	[SCALING_BY_MEMORY] = "memory",
	[SCALING_BY_HOLD] = "hold",
	[SCALING_BY_BLINDNESS] = "unmeasured",
};

typedef double demand(const struct scaling_rules *rules, const struct scaling_sample *sample,
	const struct scaling_state *state);

/* N* = R + √R + q·min(1, S/max_wait) */
static double demand_of_load(const struct scaling_rules *rules, const struct scaling_sample *sample,
	const struct scaling_state *state)
{
	double depth = (double)sample->depth;
	if (!state->knows_service)
		return (double)sample->working + depth;
	double arriving = depth > 0 ? state->arrivals_per_s * state->service_s : 0;
	double load = fmax(state->busy, arriving);
	double share = fmin(1, state->service_s * 1000 / (double)rules->scale.max_wait_ms);
	double need = load + sqrt(load) + depth * share;
	/* A mean never falls to 0, but the last worker shall go. */
	return need <= 1 && sample->depth == 0 && sample->busy == 0 ? 0 : need;
}

/* As KEDA's scalers of queues do with scaleOnInFlight: (waiting + in flight) / target. */
static double demand_of_depth(const struct scaling_rules *rules,
	const struct scaling_sample *sample, const struct scaling_state *state)
{
	(void)state;
	return (double)(sample->depth + sample->working) / rules->scale.messages_per_worker;
}

static double demand_of_nobody(const struct scaling_rules *rules,
	const struct scaling_sample *sample, const struct scaling_state *state)
{
	(void)rules, (void)state;
	return sample->workers;
}

static demand *const demands[] = {
	[SCALE_OFFERED] = demand_of_load,
	[SCALE_DEPTH] = demand_of_depth,
	[SCALE_FIXED] = demand_of_nobody,
};

static void cap(double *need, double most, enum scaling_limit limit, enum scaling_limit *reason)
{
	if (*need <= most)
		return;
	*need = most;
	*reason = limit;
}

/* A count that follows no load is each host's own. */
static bool is_own_matter(const struct scaling_rules *rules)
{
	return rules->scale.strategy == SCALE_FIXED;
}

/* So many the rate keeps busy. While no service time is known, those that work and what it lets in
 * within a second. */
static double most_by_rate(const struct scaling_rules *rules, const struct scaling_sample *sample,
	const struct scaling_state *state)
{
	if (!state->knows_service)
		return (double)sample->working + ceil(rules->rate_per_s);
	return rules->rate_per_s * state->service_s;
}

/* What all hosts together need, at most what they have room for. */
static int need_of_all(const struct scaling_rules *rules, const struct scaling_sample *sample,
	const struct scaling_state *state, enum scaling_limit *reason)
{
	double need = demands[rules->scale.strategy](rules, sample, state);
	double most = rules->max;
	if (!is_own_matter(rules))
		most += (double)sample->before.capacity + sample->behind.capacity;
	*reason = SCALING_BY_LOAD;
	if (rules->max_working > 0)
		cap(&need, rules->max_working, SCALING_BY_WORKING, reason);
	if (rules->rate_per_s > 0)
		cap(&need, most_by_rate(rules, sample, state), SCALING_BY_RATE, reason);
	need = ceil(need);
	cap(&need, most, SCALING_BY_MAX, reason);
	return (int)need;
}

static int own_share(
	const struct scaling_rules *rules, const struct scaling_sample *sample, int wanted)
{
	int kept = sample->own_busy > rules->min ? sample->own_busy : rules->min;
	const struct scaling_host hosts[] = { sample->before, { rules->max, kept, false },
		sample->behind };
	int shares[3];
	if (is_own_matter(rules))
		return wanted;
	scaling_split(wanted, hosts, 3, shares);
	return shares[1];
}

/* What is needed within the queue's bounds, whatever the count is now. */
static int recommend(const struct scaling_rules *rules, const struct scaling_sample *sample,
	const struct scaling_state *state, int *by_all, enum scaling_limit *reason)
{
	*by_all = need_of_all(rules, sample, state, reason);
	int share = own_share(rules, sample, *by_all);
	if (share >= rules->min)
		return share;
	*reason = SCALING_BY_MIN;
	return rules->min;
}

static int at_most(int count, int most, enum scaling_limit limit, enum scaling_limit *reason)
{
	if (count <= most)
		return count;
	*reason = limit;
	return most;
}

static int grow(const struct scaling_rules *rules, const struct scaling_sample *sample, int needed,
	enum scaling_limit *reason)
{
	int now = sample->workers;
	int target = at_most(needed, 2 * now > now + LEAST_STEP ? 2 * now : now + LEAST_STEP,
		SCALING_BY_STEP, reason);
	if (target < rules->min)
		target = rules->min;
	if (sample->room != SCALING_ROOM_UNKNOWN)
		target = at_most(target, now + sample->room, SCALING_BY_MEMORY, reason);
	return target;
}

static int shrink(
	const struct scaling_sample *sample, int needed, int highest, enum scaling_limit *reason)
{
	if (highest > needed)
		*reason = SCALING_BY_WINDOW;
	return highest < sample->workers ? highest : sample->workers;
}

static bool is_slight(
	const struct scaling_rules *rules, const struct scaling_sample *sample, int target)
{
	int step = target > sample->workers ? target - sample->workers : sample->workers - target;
	return rules->scale.strategy == SCALE_OFFERED && sample->depth == 0 && step > 0 &&
	       step * 10 < sample->workers && sample->workers >= rules->min &&
	       sample->workers <= rules->max;
}

static struct scaling_advice hold(const struct scaling_sample *sample, struct scaling_advice advice,
	enum scaling_limit reason)
{
	advice.desired = sample->workers;
	advice.limit = reason;
	return advice;
}

struct scaling_advice scaling_step(const struct scaling_rules *rules,
	const struct scaling_sample *sample, struct scaling_state *state)
{
	struct scaling_advice advice = { .needed = sample->workers };
	scaling_learn(sample, state);
	if (!sample->is_measured) {
		/* Known again, it shall not fall at once for want of a past. */
		scaling_remember(rules, sample->now_ms, sample->workers, state);
		return hold(sample, advice, SCALING_BY_BLINDNESS);
	}
	int needed = recommend(rules, sample, state, &advice.needed_by_all, &advice.limit);
	int highest = scaling_remember(rules, sample->now_ms, needed, state);
	advice.needed = needed;
	if (sample->is_held)
		return hold(sample, advice, SCALING_BY_HOLD);
	advice.desired = needed > sample->workers ? grow(rules, sample, needed, &advice.limit)
						  : shrink(sample, needed, highest, &advice.limit);
	if (is_slight(rules, sample, advice.desired))
		return hold(sample, advice, SCALING_BY_SLIGHT);
	scaling_note_change(rules, sample, advice.desired, state);
	return advice;
}
