#pragma once
/*
 * The model behind struct workflow, private to this folder: tasks by index, their edges, and what
 * follows from them (what leads to what, which gates can live below whom). Made once, read only.
 */
#include "workflow/arena.h"
#include "workflow/workflow.h"

#include <stdint.h>

#define WORKFLOW_TASKS_MAX 2000
#define WORKFLOW_NAME_MAX  200 /* bytes of a workflow's or task's name */
#define NO_TASK            SIZE_MAX

enum gate_function {
	GATE_EQ_COMPLETED,
	GATE_COMPLETED,
	GATE_ALL_FINISHED,
	GATE_AT_LEAST,
	GATE_PERCENT,
	GATE_AFTER, /* not by name: an `after:` task's own rule */
	GATE_FUNCTIONS
};
/* "eq_completed", …; NULL for GATE_AFTER. */
extern const char *const gate_function_names[GATE_FUNCTIONS];

enum if_failed { IF_FAILED_FAIL, IF_FAILED_CONTINUE, IF_FAILED_IGNORE, IF_FAILED_POLICIES };
extern const char *const if_failed_names[IF_FAILED_POLICIES];

/* Indexes of tasks, in the descriptor's order. */
struct index_list {
	size_t *at;
	size_t count;
};

/* One bit per task. */
typedef uint64_t *task_set;

struct start_param {
	const char *name;
	size_t counted; /* the task whose births are counted */
};
/* One child of starts_with_params. */
struct param_start {
	size_t child;
	struct start_param *params;
	size_t count;
};

/* One awaited name of a gate. */
struct condition {
	size_t awaited;
	enum gate_function function;
	const char *param; /* eq_completed */
	double value;      /* at_least, percent */
	int64_t timeout_ms;
};

struct task_model {
	struct workflow_task facts;
	bool waits_for, is_after;
	enum if_failed policy;
	const json_t *own_defaults; /* its `payload`; or NULL */
	json_t *defaults;           /* with the workflow's beneath; owned */
	struct index_list starts, manual, parallel, on_failure;
	struct param_start *param_starts;
	size_t param_start_count;
	struct condition *conditions; /* waits_for or after */
	size_t condition_count;
	int64_t wait_timeout_ms; /* the shortest of the conditions'; 0: none */
	const char **awaited_names, **spawn_names;
	size_t spawn_count;

	struct index_list heirs; /* children that a success brings, by whatever key; each once */
	struct index_list followers; /* gates and `after` tasks that await it */
	struct index_list gates; /* waits_for tasks among all its children: they live below it */
	task_set watched;        /* names that those gates await */
	task_set leads_to;       /* what it is or can bring into being */
	task_set producers; /* waits_for or after: the tasks that are or lead to what it awaits */
	task_set withheld;  /* after: those whose failure under `fail` withholds what it awaits */
};

struct workflow {
	struct advance_arena *arena;
	json_t *descriptor; /* owned; the model borrows its texts */
	char *text;
	char hash[WORKFLOW_HASH_SIZE];
	const char *name;
	const json_t *payload; /* defaults common to all jobs; or NULL */
	struct task_model *tasks;
	size_t count;
	size_t *by_name;            /* indexes, sorted by name */
	struct index_list entries;  /* born with the job: the entry points, then `after` tasks that
				       nothing starts */
	struct index_list gates;    /* those that live in the whole job's scope */
	struct index_list explicit; /* `starts` of the descriptor, where given */
	bool has_starts;
	struct workflow **nested; /* owned */
	size_t nested_count;
	int height; /* levels below it */
};

/* Builds the model of a descriptor that passed descriptor_check; derives nothing. The descriptor is
 * taken over. */
struct workflow *descriptor_build(json_t *descriptor);
/* The edges that follow from the tasks' keys: heirs, followers, entries, gates. */
void graph_link(struct workflow *workflow);
/* A line per cycle over starting and waiting edges together. */
void graph_check_cycles(const struct workflow *workflow, struct workflow_faults *faults);
/* What leads to what; only without cycles. */
void graph_derive(struct workflow *workflow);
/* A line per mistake that only the derived graph shows: what can't be reached, can't come. */
void graph_check(const struct workflow *workflow, struct workflow_faults *faults);

bool graph_list_has(const struct index_list *list, size_t index);

/* Qyu's checks of the shape, with its messages; then the rules of reeve's own keys. */
void descriptor_check(const json_t *descriptor, struct workflow_faults *faults);
void descriptor_check_keys(const json_t *descriptor, struct workflow_faults *faults);

/* NO_TASK where there is none of that name. */
size_t descriptor_find(const struct workflow *workflow, const char *name);

void descriptor_fault(struct workflow_faults *faults, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The body of a waits_for condition: without Qyu's `condition` wrapper. Borrowed. */
const json_t *condition_body(const json_t *condition);
/* Whether a body may have the key. */
bool condition_has_key(const char *key);
/* Whether the first of a parameter's functions is `count`: Qyu looks at no other. */
bool start_function_is_count(const json_t *function);
/* Its function, GATE_FUNCTIONS where unknown. */
enum gate_function condition_function(const json_t *condition);

/* A member as milliseconds, 0 where it is missing. `none` is CONFIG_NO_LIMIT. */
int64_t descriptor_duration(const json_t *object, const char *key);

static inline size_t set_words(size_t count)
{
	return (count + 63) / 64;
}
static inline bool set_has(const uint64_t *set, size_t index)
{
	return set[index / 64] >> index % 64 & 1;
}
static inline void set_add(task_set set, size_t index)
{
	set[index / 64] |= (uint64_t)1 << index % 64;
}

#define FOR_EACH_INDEX(index, list)        \
	for (size_t at_##index = 0, index; \
		at_##index < (list)->count && (index = (list)->at[at_##index], 1); at_##index++)
