/* What is remembered from second to second; see scaling_state.h. */
#include "supervisor/scaling_state.h"

#include <math.h>

#define MEAN_S        20.0 /* time constant of the means of busy workers and arrivals */
#define SERVICE_SHARE 0.05 /* of one attempt in the mean service time */
#define QUIET_WINDOWS 10   /* without growing back, until the window halves */

/* An exponentially weighted mean taken on by dt: what is older than tau counts 1/e. */
static double blend(double mean, double fresh, double dt_s, double tau_s)
{
	return fresh + (mean - fresh) * exp(-dt_s / tau_s);
}

/* The mean counts attempts, not seconds: a second with 100 attempts weighs as much as they do. */
static void learn_service(const struct scaling_sample *sample, struct scaling_state *state)
{
	double count = (double)(sample->served - state->served);
	double spent_s = (double)(sample->busy_ms - state->busy_ms) / 1000;
	/* Counters that fell are those of another life of the queue. */
	bool is_usable = sample->served > state->served && spent_s >= 0;
	state->served = sample->served;
	state->busy_ms = sample->busy_ms;
	if (!is_usable)
		return;
	double mean_s = spent_s / count;
	state->service_s = state->knows_service ? mean_s + (state->service_s - mean_s) *
								   pow(1 - SERVICE_SHARE, count)
						: mean_s;
	state->knows_service = true;
}

/* Arrivals are not counted anywhere: they are what has ended, and what has come to the rest. */
static void learn_arrivals(const struct scaling_sample *sample, struct scaling_state *state)
{
	int64_t flow = (int64_t)sample->served + sample->working + sample->depth;
	double dt_s = (double)(sample->now_ms - state->flow_at_ms) / 1000;
	if (state->has_flow && dt_s <= 0)
		return;
	if (state->has_flow) {
		double tau_s = fmax(MEAN_S, state->knows_service ? 2 * state->service_s : 0);
		double fresh = (double)(flow - state->flow) / dt_s;
		state->arrivals_per_s = blend(state->arrivals_per_s, fresh, dt_s, tau_s);
	}
	state->flow = flow;
	state->flow_at_ms = sample->now_ms;
	state->has_flow = true;
}

void scaling_learn(const struct scaling_sample *sample, struct scaling_state *state)
{
	double dt_s = (double)(sample->now_ms - state->at_ms) / 1000;
	if (!state->has_begun) {
		state->has_begun = true;
		state->busy = sample->busy;
		state->served = sample->served;
		state->busy_ms = sample->busy_ms;
	} else if (dt_s > 0) {
		state->busy = blend(state->busy, sample->busy, dt_s, MEAN_S);
		learn_service(sample, state);
	}
	state->at_ms = sample->now_ms;
	if (sample->is_measured)
		learn_arrivals(sample, state);
}

int64_t scaling_window_ms(const struct scaling_rules *rules, const struct scaling_state *state)
{
	int64_t window_ms = rules->scale.window_ms << state->doublings;
	return window_ms < SCALING_WINDOW_MAX_MS ? window_ms : SCALING_WINDOW_MAX_MS;
}

static int64_t slot_ms(int64_t window_ms)
{
	return window_ms / (SCALING_SLOTS - 1);
}

static void fill_slot(int64_t now_ms, int64_t window_ms, int value, struct scaling_state *state)
{
	if (state->slot_count > 0 &&
		now_ms - state->slots[state->newest].since_ms < slot_ms(window_ms)) {
		if (state->slots[state->newest].highest < value)
			state->slots[state->newest].highest = value;
		return;
	}
	state->newest = (state->newest + 1) % SCALING_SLOTS;
	state->slots[state->newest].since_ms = now_ms;
	state->slots[state->newest].highest = value;
	if (state->slot_count < SCALING_SLOTS)
		state->slot_count++;
}

int scaling_remember(const struct scaling_rules *rules, int64_t now_ms, int recommendation,
	struct scaling_state *state)
{
	int64_t window_ms = scaling_window_ms(rules, state);
	fill_slot(now_ms, window_ms, recommendation, state);
	int highest = recommendation;
	for (int i = 0; i < state->slot_count; i++) {
		int at = (state->newest + SCALING_SLOTS - i) % SCALING_SLOTS;
		int64_t until_ms = state->slots[at].since_ms + slot_ms(window_ms);
		if (until_ms > now_ms - window_ms && state->slots[at].highest > highest)
			highest = state->slots[at].highest;
	}
	/* What was needed under other bounds is no reason to break these. */
	return highest < rules->max ? highest : rules->max;
}

static void grow_back(
	const struct scaling_rules *rules, int64_t now_ms, struct scaling_state *state)
{
	int64_t window_ms = scaling_window_ms(rules, state);
	if (!state->has_shrunk || now_ms - state->shrunk_at_ms > window_ms)
		return;
	state->has_shrunk = false;
	state->doubled_at_ms = now_ms;
	if (window_ms < SCALING_WINDOW_MAX_MS)
		state->doublings++;
}

void scaling_note_change(const struct scaling_rules *rules, const struct scaling_sample *sample,
	int target, struct scaling_state *state)
{
	int64_t now_ms = sample->now_ms;
	if (target < sample->workers) {
		state->has_shrunk = true;
		state->shrunk_at_ms = now_ms;
	} else if (target > sample->workers) {
		grow_back(rules, now_ms, state);
	}
	int64_t quiet_ms = now_ms - state->doubled_at_ms;
	if (state->doublings > 0 && quiet_ms >= QUIET_WINDOWS * scaling_window_ms(rules, state)) {
		state->doublings--;
		state->doubled_at_ms = now_ms;
	}
}
