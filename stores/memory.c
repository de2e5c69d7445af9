/*
 * The memory store: its table of acts, and what is not about tasks. Read store.h for what each act
 * promises, memory_tables.h for where things stand, then memory_leases.c and memory_commit.c.
 */
#include "stores/memory.h"

#include "stores/memory_acts.h"
#include "stores/memory_births.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool put_workflow(struct store *store, const char *hash, const char *name, const char *text,
	struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	if (map_find(&memory->workflows, hash))
		return true;
	struct workflow_text *workflow = xmalloc(sizeof *workflow);
	*workflow = (struct workflow_text){ .name = xstrdup(name), .text = xstrdup(text) };
	map_add(&memory->workflows, hash, workflow);
	return true;
}

static bool get_workflow(struct store *store, const char *hash, char **text, struct error *err)
{
	const struct workflow_text *workflow = map_find(&memory_of(store)->workflows, hash);
	if (!workflow)
		return error_set(err, ERROR_NOT_FOUND, "no workflow with hash %s", hash);
	*text = xstrdup(workflow->text);
	return true;
}

static uint32_t bell(struct store *store, const char *name)
{
	struct memory *memory = memory_of(store);
	if (!name)
		return bells_ticket(&memory->outbox, BELLS_OUTBOX);
	const struct queue *queue = map_find(&memory->queues, name);
	return queue ? queue->rung : 0;
}

/* Nobody else can ring: only a signal's handler can end this. The event stays readable until it is
 * taken, so an interrupt just before the wait ends it too. */
static void wait_for_any(struct store *store, const char *const *queues, const uint32_t *tickets,
	size_t count, int64_t timeout_ms)
{
	struct memory *memory = memory_of(store);
	for (size_t i = 0; i < count; i++)
		if (bell(store, queues[i]) != tickets[i])
			return;
	struct pollfd event = { .fd = memory->interrupt_fd, .events = POLLIN };
	int64_t most = timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
	if (poll(&event, 1, (int)most) <= 0)
		return;
	uint64_t taken;
	ssize_t got = read(memory->interrupt_fd, &taken, sizeof taken);
	(void)got;
}

static void wait_for_bell(
	struct store *store, const char *name, uint32_t ticket, int64_t timeout_ms)
{
	struct memory *memory = memory_of(store);
	if (!name) {
		bells_wait(&memory->outbox, BELLS_OUTBOX, ticket, timeout_ms);
		return;
	}
	wait_for_any(store, &name, &ticket, 1, timeout_ms);
}

static uint32_t cancel_bell(struct store *store)
{
	return bells_ticket(&memory_of(store)->outbox, BELLS_CANCELLED);
}

static void interrupt(struct store *store)
{
	int saved = errno;
	uint64_t one = 1;
	ssize_t put = write(memory_of(store)->interrupt_fd, &one, sizeof one);
	(void)put; /* full: readable already */
	bells_interrupt(&memory_of(store)->outbox);
	errno = saved;
}

static void relax(struct store *store)
{
	(void)store;
}

static void free_jobs(struct memory *memory)
{
	size_t limit = SIZE_MAX;
	for (struct map_entry *at = map_after(&memory->jobs, NULL); at; at = at->next[0])
		memory_free_job(memory, at->value, &limit);
	while (memory->doomed) {
		struct job *next = memory->doomed->next;
		memory_free_job(memory, memory->doomed, &limit);
		memory->doomed = next;
	}
	while (memory->pushed.last)
		memory_free_pushed(memory, memory->pushed.last->value);
	memory_free_dropped(memory, SIZE_MAX);
}

static void free_queues(struct map *queues)
{
	for (struct map_entry *at = map_after(queues, NULL); at; at = at->next[0]) {
		struct queue *queue = at->value;
		heap_finish(&queue->ready);
		heap_finish(&queue->delayed);
		heap_finish(&queue->timeouts);
		heap_finish(&queue->leases);
		heap_finish(&queue->claimed);
		for (int level = 0; level < BACKEND_SENT_LEVELS; level++)
			heap_finish(&queue->sent[level]);
		map_finish(&queue->unsent);
		free(queue->name);
		free(queue);
	}
	map_finish(queues);
}

static void free_workflows(struct map *workflows)
{
	for (struct map_entry *at = map_after(workflows, NULL); at; at = at->next[0]) {
		struct workflow_text *workflow = at->value;
		free(workflow->name);
		free(workflow->text);
		free(workflow);
	}
	map_finish(workflows);
}

static void close_memory(struct store *store)
{
	struct memory *memory = memory_of(store);
	free_jobs(memory);
	memory_forget_messages(memory, INT64_MAX, SIZE_MAX);
	free_queues(&memory->queues);
	free_workflows(&memory->workflows);
	map_finish(&memory->jobs);
	map_finish(&memory->pushed);
	map_finish(&memory->holders);
	map_finish(&memory->job_keys);
	map_finish(&memory->task_keys);
	map_finish(&memory->fifos);
	map_finish(&memory->known);
	memory_free_beats(memory);
	memory_free_schedules(memory);
	heap_finish(&memory->known_ages);
	heap_finish(&memory->ended[KEEP_COMPLETED]);
	heap_finish(&memory->ended[KEEP_FAILED]);
	heap_finish(&memory->results);
	close(memory->interrupt_fd);
	bells_destroy(&memory->outbox);
	free(memory);
}

static const struct store_ops memory_ops = {
	.put_workflow = put_workflow,
	.get_workflow = get_workflow,
	.submit = memory_submit,
	.push = memory_push,
	.lease = memory_lease,
	.lease_task = memory_lease_task,
	.renew = memory_renew,
	.spawn = memory_spawn,
	.commit = memory_commit,
	.release_owner = memory_release_owner,
	.held = memory_held,
	.sweep = memory_sweep,
	.set_door = memory_set_door,
	.claim_unsent = memory_claim_unsent,
	.mark_sent = memory_mark_sent,
	.resend = memory_resend,
	.adopt = memory_adopt,
	.list_gates = memory_list_gates,
	.mend_gate = memory_mend_gate,
	.fire = memory_fire,
	.get_schedules = memory_get_schedules,
	.beat = memory_beat,
	.set_pause = memory_set_pause,
	.get_gate = memory_get_gate,
	.get_job = memory_get_job,
	.list_jobs = memory_list_jobs,
	.get_task = memory_get_task,
	.list_tasks = memory_list_tasks,
	.list_attempts = memory_list_attempts,
	.get_queue = memory_get_queue,
	.cancel_job = memory_cancel_job,
	.end_cancelled = memory_end_cancelled_page,
	.cancel_task = memory_cancel_task,
	.revive = memory_revive,
	.purge = memory_purge,
	.gc = memory_gc,
	.bell = bell,
	.wait = wait_for_bell,
	.wait_any = wait_for_any,
	.cancel_bell = cancel_bell,
	.interrupt = interrupt,
	.relax = relax,
	.close = close_memory,
};

bool memory_store_check(const char *path, struct error *err)
{
	if (*path)
		return error_set(
			err, ERROR_INVALID, "store memory: takes no path, got \"%s\"", path);
	return true;
}

bool memory_store_open(const char *path, struct bells *bells, struct store **out, struct error *err)
{
	(void)bells;
	if (!memory_store_check(path, err))
		return false;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return error_set(
			err, ERROR_UNAVAILABLE, "store memory: eventfd: %s", strerror(errno));
	struct memory *memory = xcalloc(1, sizeof *memory);
	memory->store.ops = &memory_ops;
	memory->store.tag = (uint32_t)ids_random64();
	memory->interrupt_fd = fd;
	if (!bells_create(&memory->outbox)) {
		close_memory(&memory->store);
		return error_set(err, ERROR_UNAVAILABLE, "store memory: no memory for its bell");
	}
	*out = &memory->store;
	return true;
}
