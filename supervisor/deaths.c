/* Deaths; see deaths.h. */
#include "supervisor/deaths.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/deaths_untold.h"
#include "supervisor/fleet.h"
#include "supervisor/hung.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define TELL_AGAIN_S 0.05

static const char *const exit_meanings[] = {
	[WORKER_EXIT_GAVE_BACK] = "halted, its task was given back",
	[WORKER_EXIT_STORE] = "the store could not be opened",
	[WORKER_EXIT_HANDLER] = "the handler can't be started",
	[WORKER_EXIT_INTERNAL] = "an internal error",
	[WORKER_EXIT_RECYCLED] = "recycled",
	[WORKER_EXIT_PROGRAM] = "its program ended",
	[WORKER_EXIT_KILLED] = "its program had to be killed",
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

/* Who was found hung was killed by us: that is the cause, not the signal. */
static void describe(const struct child *child, char out[SCOREBOARD_TEXT])
{
	deaths_describe(child->exit_status, out);
	if (child->is_hung && WIFSIGNALED(child->exit_status))
		snprintf(out, SCOREBOARD_TEXT, "hung: %s and was killed", hung_reason(child));
}

bool deaths_is_recycling(const struct child *child)
{
	return WIFEXITED(child->exit_status) &&
	       WEXITSTATUS(child->exit_status) == WORKER_EXIT_RECYCLED;
}

static void log_death(const struct child *child, const struct death_note *note)
{
	if (deaths_is_recycling(child)) {
		log_line(LOG_DEBUG, "%s (pid %d) is recycled", note->worker, (int)note->pid);
		return;
	}
	if (ended_as_asked(child)) {
		log_line(
			LOG_INFO, "%s (pid %d) ended as it was told", note->worker, (int)note->pid);
		return;
	}
	log_line(LOG_WARN, "%s (pid %d) %s%s%s", note->worker, (int)note->pid, note->cause,
		note->task_id[0] ? ", with task " : "", note->task_id);
}

/* Only what a stop interrupts counts: the task did not end by itself within the grace. */
static bool interrupted_a_task(const struct child *child, const struct death_note *note)
{
	if (!child->was_stopped || child->pool->supervisor->stage == STAGE_SERVING)
		return false;
	if (WIFSIGNALED(child->exit_status))
		return note->task_id[0] != '\0';
	return WEXITSTATUS(child->exit_status) == WORKER_EXIT_GAVE_BACK ||
	       WEXITSTATUS(child->exit_status) == WORKER_EXIT_KILLED;
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
	describe(child, note.cause);
	log_death(child, &note);
	supervisor->drain.has_killed |= interrupted_a_task(child, &note);
	if (ended_as_asked(child) || deaths_is_recycling(child))
		return;
	child->pool->deaths++;
	supervisor->deaths[supervisor->death_count++ % DEATHS_KEPT] = note;
}

bool deaths_served_well(const struct child *child)
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

static void drop_first(struct supervisor *supervisor)
{
	struct untold *first = supervisor->untold.first;
	supervisor->untold.first = first->next;
	if (!first->next)
		supervisor->untold.end = &supervisor->untold.first;
	free(first->queue);
	free(first->task_id);
	free(first);
}

void deaths_tell_waiting(struct supervisor *supervisor)
{
	struct untold *first;
	while ((first = supervisor->untold.first) &&
		scoreboard_tell_death(supervisor->board, first->owner, first->task_id, first->queue,
			first->worker, first->cause))
		drop_first(supervisor);
	scoreboard_ring_keeper(supervisor->board);
	if (!first)
		ev_timer_stop(supervisor->loop, &supervisor->untold.timer);
	else if (!ev_is_active(&supervisor->untold.timer))
		ev_timer_again(supervisor->loop, &supervisor->untold.timer);
}

void deaths_keep_untold(struct supervisor *supervisor, const struct untold *death)
{
	struct untold *kept = xmalloc(sizeof *kept);
	*kept = *death;
	kept->next = NULL;
	*supervisor->untold.end = kept;
	supervisor->untold.end = &kept->next;
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	deaths_tell_waiting(timer->data);
}

void deaths_init(struct supervisor *supervisor)
{
	supervisor->untold.end = &supervisor->untold.first;
	ev_init(&supervisor->untold.timer, on_again);
	supervisor->untold.timer.repeat = TELL_AGAIN_S;
	supervisor->untold.timer.data = supervisor;
}

void deaths_finish(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->untold.timer);
	while (supervisor->untold.first)
		drop_first(supervisor);
}

bool deaths_are_open(const struct supervisor *supervisor)
{
	return supervisor->untold.first || atomic_load(&supervisor->board->deaths_handled) <
						   atomic_load(&supervisor->board->deaths_told);
}

/* A worker that drained holds nothing; telling each of them would push real deaths off the ring. */
static void tell_keeper(const struct child *child)
{
	struct supervisor *supervisor = child->pool->supervisor;
	const struct process_row *process = child->pool->process;
	bool holds_nothing = (ended_as_asked(child) || deaths_is_recycling(child)) &&
			     child->slot->task_id[0] == '\0';
	if (process ? !process->holds : holds_nothing)
		return;
	struct slot last;
	scoreboard_read_slot(child->slot, &last);
	struct untold death = { .queue = xstrdup(child->pool->name),
		.task_id = xstrdup(last.task_id) };
	memcpy(death.owner, child->owner, sizeof death.owner);
	memcpy(death.worker, child->name, sizeof death.worker);
	describe(child, death.cause);
	deaths_keep_untold(supervisor, &death);
	deaths_tell_waiting(supervisor);
}

bool deaths_tell(struct child *child)
{
	bool was_good = deaths_served_well(child);
	tell_keeper(child);
	struct pool *pool = child->pool;
	pool->completed += atomic_load(&child->slot->completed);
	pool->failed += atomic_load(&child->slot->failed);
	pool->retried += atomic_load(&child->slot->retried);
	pool->scaling.served += atomic_load(&child->slot->served);
	pool->scaling.busy_ms += atomic_load(&child->slot->busy_ms);
	pool->recycled += atomic_load(&child->slot->recycled) + deaths_is_recycling(child);
	slots_release(pool->supervisor, child->slot);
	child->slot = NULL;
	fleet_tell(pool);
	return was_good;
}
