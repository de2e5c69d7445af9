#pragma once
/* Random workflows that pass the checks, with their edges as plain tables. */
#include "tests/descriptors.h"

#define NAMES_MAX  9
#define GATE_PARAM "n" /* of eq_completed */

enum kind { PLAIN, GATE, AFTER };
enum policy { FAIL, CONTINUE, IGNORE, POLICIES };

typedef bool edges[NAMES_MAX][NAMES_MAX];
/* functions: eq_completed, completed, all_finished, at_least 1, percent 1. */
struct plan {
	int count;
	edges starts, params, spawns, on_failure, awaits;
	edges leads; /* by all of the above but awaits; with itself */
	enum kind kinds[NAMES_MAX];
	enum policy policies[NAMES_MAX];
	int functions[NAMES_MAX];
	bool is_entry_gate[NAMES_MAX];
	struct workflow *workflow;
};

/* Fills plan from the seed; false where the checks refuse what came out. The names are t0, t1, …;
 * edges go from lower to higher ones. The caller destroys plan->workflow. */
bool random_workflow(struct plan *plan, uint64_t seed);
/* True where a success of `from` brings `to`, by whatever key. */
bool plan_is_heir(const struct plan *plan, int from, int to);

/* From the same generator. */
unsigned random_below(unsigned limit);
bool random_chance(unsigned percent);
