/* Deaths; see deaths.h. */
#include "supervisor/deaths.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *const exit_meanings[] = {
	[WORKER_EXIT_GAVE_BACK] = "halted, its task was given back",
	[WORKER_EXIT_STORE] = "the store could not be opened",
	[WORKER_EXIT_HANDLER] = "the handler can't be started",
	[WORKER_EXIT_INTERNAL] = "an internal error",
};

char *deaths_describe(int exit_status, char out[SCOREBOARD_TEXT])
{
	if (WIFSIGNALED(exit_status)) {
		const char *name = sigabbrev_np(WTERMSIG(exit_status));
		snprintf(out, SCOREBOARD_TEXT, "killed by signal %d (SIG%s)%s",
			WTERMSIG(exit_status), name ? name : "?",
			WCOREDUMP(exit_status) ? ", core dumped" : "");
		return out;
	}
	size_t code = (size_t)WEXITSTATUS(exit_status);
	const char *meaning = code < ARRAY_SIZE(exit_meanings) ? exit_meanings[code] : NULL;
	if (meaning)
		snprintf(out, SCOREBOARD_TEXT, "exited with %zu (%s)", code, meaning);
	else
		snprintf(out, SCOREBOARD_TEXT, "exited with %zu", code);
	return out;
}

static bool ended_as_asked(const struct child *child)
{
	return child->was_stopped && WIFEXITED(child->exit_status) &&
	       WEXITSTATUS(child->exit_status) == WORKER_EXIT_OK;
}

static void log_death(const struct child *child, const struct death_note *note)
{
	enum log_level level = ended_as_asked(child) ? LOG_INFO : LOG_WARN;
	if (note->task_id[0])
		log_line(level, "%s (pid %d) %s, with task %s", note->worker, (int)note->pid,
			note->cause, note->task_id);
	else
		log_line(level, "%s (pid %d) %s", note->worker, (int)note->pid, note->cause);
}

/* Only what a stop interrupts counts: the task did not end by itself within the grace. */
static bool interrupted_a_task(const struct child *child, const struct death_note *note)
{
	if (!child->was_stopped || child->pool->supervisor->stage == STAGE_SERVING)
		return false;
	if (WIFSIGNALED(child->exit_status))
		return note->task_id[0] != '\0';
	return WEXITSTATUS(child->exit_status) == WORKER_EXIT_GAVE_BACK;
}

void deaths_note(struct child *child)
{
	struct supervisor *supervisor = child->pool->supervisor;
	struct slot last;
	scoreboard_read_slot(child->slot, &last);
	struct death_note note = { .at_ms = clock_wall_ms(), .pid = child->pid };
	snprintf(note.worker, sizeof note.worker, "%s", child->name);
	snprintf(note.task_id, sizeof note.task_id, "%.*s", (int)sizeof last.task_id - 1,
		last.task_id);
	deaths_describe(child->exit_status, note.cause);
	log_death(child, &note);
	supervisor->drain.has_killed |= interrupted_a_task(child, &note);
	if (ended_as_asked(child))
		return;
	child->pool->deaths++;
	supervisor->deaths[supervisor->death_count++ % DEATHS_KEPT] = note;
}

static bool served_well(const struct child *child)
{
	const struct slot *slot = child->slot;
	if (atomic_load(&slot->completed) + atomic_load(&slot->failed) +
			atomic_load(&slot->retried) >
		0)
		return true;
	int64_t ready_at_ms = atomic_load(&slot->ready_at_ms);
	return ready_at_ms != 0 &&
	       clock_steady_ms() - ready_at_ms >= child->pool->restart.good_after_ms;
}

/* A worker that drained holds nothing; telling each of them would push real deaths off the ring. */
static void tell_keeper(struct child *child)
{
	struct scoreboard *board = child->pool->supervisor->board;
	if (child->pool->is_keeper || (ended_as_asked(child) && child->slot->task_id[0] == '\0'))
		return;
	struct slot last;
	scoreboard_read_slot(child->slot, &last);
	char cause[SCOREBOARD_TEXT];
	deaths_describe(child->exit_status, cause);
	if (!scoreboard_tell_death(
		    board, child->owner, last.task_id, child->pool->name, child->name, cause))
		log_line(LOG_WARN,
			"%s: too many deaths at once; its lease is released when it ends",
			child->name);
	scoreboard_ring_keeper(board);
}

bool deaths_tell(struct child *child)
{
	bool was_good = served_well(child);
	tell_keeper(child);
	struct pool *pool = child->pool;
	pool->completed += atomic_load(&child->slot->completed);
	pool->failed += atomic_load(&child->slot->failed);
	pool->retried += atomic_load(&child->slot->retried);
	slots_release(pool->supervisor, child->slot);
	child->slot = NULL;
	return was_good;
}
