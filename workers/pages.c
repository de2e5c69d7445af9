/* Tasks page by page; see pages.h. */
#include "workers/pages.h"

#define PAGE 500

bool pages_of_tasks(struct store *store, struct task_filter filter, pages_visit *visit,
	void *context, struct error *err)
{
	char after[STORE_ID_SIZE];
	bool ok = true, is_last = false;
	filter.limit = PAGE;
	while (ok && !is_last) {
		struct task_list page = { 0 };
		if (!store->ops->list_tasks(store, &filter, &page, err))
			return false;
		for (size_t i = 0; ok && i < page.count; i++)
			ok = visit(context, &page.rows[i], err);
		is_last = page.count < PAGE;
		if (page.count) {
			memcpy(after, page.rows[page.count - 1].id, sizeof after);
			filter.after = after;
		}
		task_list_finish(&page);
	}
	return ok;
}
