#pragma once
/* All tasks of a filter, page by page, so that a million of them need little memory. */
#include "stores/store.h"

/* False with err ends the walk. */
typedef bool pages_visit(void *context, const struct task_record *task, struct error *err);

/* The filter's limit and after are set here. Tasks that come or change meanwhile may be seen or
 * not; none is seen twice. */
bool pages_of_tasks(struct store *store, struct task_filter filter, pages_visit *visit,
	void *context, struct error *err);
