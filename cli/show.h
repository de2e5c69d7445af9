#pragma once
/* One job or task, or pages of them, as JSON or for people. */
#include "base/error.h"
#include "cli/print.h"
#include "cli/table.h"
#include "stores/store.h"

void show_job(const struct job_record *job, bool is_json);
bool show_task(
	struct store *store, const struct task_record *task, bool is_json, struct error *err);

/* All tasks of the filter. */
bool show_tasks(
	struct store *store, const struct task_filter *filter, bool is_json, struct error *err);
