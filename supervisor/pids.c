/* Pids to children; see pids.h. */
#include "supervisor/pids.h"

#include "base/memory.h"

static size_t home(const struct pids *pids, pid_t pid)
{
	return ((uint32_t)pid * 2654435769u) & (pids->room - 1);
}

static size_t next(const struct pids *pids, size_t cell)
{
	return (cell + 1) & (pids->room - 1);
}

void pids_finish(struct pids *pids)
{
	free(pids->cells);
	*pids = (struct pids){ 0 };
}

static void place(struct pids *pids, struct child *child)
{
	size_t cell = home(pids, child->pid);
	while (pids->cells[cell])
		cell = next(pids, cell);
	pids->cells[cell] = child;
}

static void widen(struct pids *pids)
{
	struct pids old = *pids;
	pids->room = old.room ? old.room * 2 : 64;
	pids->cells = xcalloc(pids->room, sizeof *pids->cells);
	for (size_t i = 0; i < old.room; i++)
		if (old.cells[i])
			place(pids, old.cells[i]);
	free(old.cells);
}

void pids_add(struct pids *pids, struct child *child)
{
	if ((pids->count + 1) * 2 > pids->room)
		widen(pids);
	place(pids, child);
	pids->count++;
}

static size_t find_cell(const struct pids *pids, pid_t pid)
{
	size_t cell = home(pids, pid);
	while (pids->cells[cell] && pids->cells[cell]->pid != pid)
		cell = next(pids, cell);
	return cell;
}

struct child *pids_find(const struct pids *pids, pid_t pid)
{
	return pids->room ? pids->cells[find_cell(pids, pid)] : NULL;
}

void pids_remove(struct pids *pids, const struct child *child)
{
	size_t cell = find_cell(pids, child->pid);
	if (!pids->cells[cell])
		return;
	pids->cells[cell] = NULL;
	pids->count--;
	/* What stood behind it may have been pushed there by it: placed again. */
	for (cell = next(pids, cell); pids->cells[cell]; cell = next(pids, cell)) {
		struct child *moved = pids->cells[cell];
		pids->cells[cell] = NULL;
		place(pids, moved);
	}
}
