/* Lines of groups: of each only the first task is ever ready; its end makes the next one so. */
#include "stores/memory_tasks.h"

static struct fifo *get_fifo(struct memory *memory, const char *queue, const char *group)
{
	OWNED(free) char *key = xprintf("%s\n%s", queue, group);
	struct fifo *fifo = map_find(&memory->fifos, key);
	if (fifo)
		return fifo;
	fifo = xcalloc(1, sizeof *fifo);
	fifo->key = GIVE(key);
	map_add(&memory->fifos, fifo->key, fifo);
	return fifo;
}

void memory_join_line(struct memory *memory, struct task *task)
{
	task->fifo = get_fifo(memory, task->queue->name, task->group);
	line_add(&task->fifo->tasks, &task->turn);
}

/* The one behind is parked, unless somebody works on it out of turn: then it has its turn when it
 * comes back. */
void memory_leave_line(struct memory *memory, struct task *task)
{
	if (!task->fifo)
		return;
	struct fifo *fifo = GIVE(task->fifo);
	line_leave(&task->turn);
	if (fifo->tasks.count == 0) {
		map_drop(&memory->fifos, fifo->key);
		free(fifo->key);
		free(fifo);
		return;
	}
	struct bundle *next = ((struct task *)fifo->tasks.first->self)->bundle;
	if (next && next->place == PLACE_PARKED)
		memory_keep_bundle(memory, next, next->due_at_ms);
}
