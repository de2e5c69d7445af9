#pragma once
/* What a reload would do to each queue: the difference of two configurations. Pure. */
#include "config/config.h"

enum change_kind { CHANGE_NONE, CHANGE_LIVE, CHANGE_ROLL, CHANGE_ADD, CHANGE_REMOVE, CHANGE_KINDS };
extern const char *const change_names[CHANGE_KINDS];

struct change {
	enum change_kind kind;
	const struct config_queue *before, *after; /* NULL: added, removed */
};

struct plan {
	struct change *changes; /* in the order of the new file, then the removed ones */
	size_t count;
	bool rolls_all; /* something outside the queues changed that all workers read */
	bool has_new_schedules;
};

/* only: names to look at, count 0: all. The plan borrows from both configurations. */
void plan_make(const struct config *before, const struct config *after, const char *const *only,
	size_t only_count, struct plan *out);
void plan_finish(struct plan *plan);

/* True where the names of --only have this one, or are none. */
bool plan_names(const char *const *only, size_t only_count, const char *name);

/* [{"queue","change"}], and where schedules have changed {"schedules": true, "change": "live"}.
 * Owned.
 */
json_t *plan_describe(const struct plan *plan);
