#pragma once
/* What acts on the tasks of a job share; of acts_*.c alone. */
#include "workers/acts.h"

/* What the rules need to know of a job; kept from one task to the next of the same job. */
struct job_rules {
	char *job_id; /* NULL: none is open */
	struct workflow *workflow;
	json_t *payload;
};
bool rules_open(
	struct store *store, const char *job_id, struct job_rules *rules, struct error *err);
void rules_close(struct job_rules *rules);

/* Acts on each task that the filter lists, on those of one job with the same rules. What somebody
 * else was faster with (CONFLICT, NOT_FOUND) is passed over. */
typedef bool act_on_task(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err);
struct rules_acted {
	size_t count;
	struct error refused; /* why the last one was passed over; ERROR_NONE: none was */
};
bool rules_act_on_all(struct store *store, struct task_filter filter, act_on_task *act,
	struct rules_acted *acted, struct error *err);
