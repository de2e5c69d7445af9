#pragma once
/* Jobs and tasks as the JSON objects that the command line and the web API show. */
#include "stores/store.h"

#include <jansson.h>

/* {"id","workflow","status","reason","payload","created_at","finished_at","tasks":{NAME:{STATE:
 * COUNT}}}; states without tasks are left out; "parent" of a job in the place of a task. Owned. */
json_t *shapes_job(const struct job_record *job);

/* {"id","job_id","name","queue","status","due_at","attempt","payload","result","trace","output"};
 * trace and output (of the last attempt) come from the attempts; "nested_job" where one is in its
 * place. Owned. */
json_t *shapes_task(const struct task_record *task, const struct attempt_list *attempts);

/* When a queued task is or was due; 0 for all others, whatever their store remembers. */
int64_t shapes_due_ms(const struct task_record *task);

/* JSON text as a value: null where it is NULL, a string where it is not JSON. Owned. */
json_t *shapes_value(const char *text);
/* A wall time in RFC 3339; null for 0. Owned. */
json_t *shapes_time(int64_t wall_ms);
