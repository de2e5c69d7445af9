#pragma once
/* The trace for people: one line per attempt, of a task, of the tasks before it, of a whole job. */
#include "base/error.h"
#include "stores/store.h"

/* The attempts of the task itself. */
void traces_show_attempts(const struct attempt_list *attempts);
/* What was handed to it: the attempts of its line of ancestors. Prints nothing where it has none.
 */
bool traces_show_line(struct store *store, const struct task_record *task, struct error *err);
/* The attempts of a job's tasks in the order in which they were received; of as many tasks as a
 * screen takes, and where the others are to be found. */
bool traces_show_job(struct store *store, const char *job, struct error *err);
