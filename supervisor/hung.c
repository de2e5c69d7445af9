/* Workers that show no life; see hung.h. */
#include "supervisor/hung.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/whereabouts.h"
#include "supervisor/state.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS   10000
#define LOOKS     12 /* four times the longest silence of a worker that is well */
#define LATE_MOST 3  /* past its task's time */
#define LATE_PART 5  /* a look that is a fifth late counts for nothing: the machine is loaded */

static int64_t look_ms(void)
{
	return fault_number("REEVE_HUNG_LOOK_MS", LOOK_MS);
}

/* Who is ready to run and gets no CPU is starved, and who is traced is in somebody's hands. */
static bool is_excused(const struct child *child, const struct whereabouts_life *life)
{
	const uint64_t half =
		(uint64_t)look_ms() * (uint64_t)sysconf(_SC_CLK_TCK) / (2 * INT64_C(1000));
	return life->state == 't' || (life->state == 'R' && life->ticks - child->seen_ticks < half);
}

static void log_stack(const char *who, pid_t pid)
{
	OWNED(free) char *where = pid > 0 ? whereabouts_describe(pid) : NULL;
	if (where)
		log_line(LOG_ERROR, "%s (pid %d): %s", who, (int)pid, where);
}

static bool is_late_with_task(const struct child *child)
{
	return child->late_looks >= LATE_MOST;
}

const char *hung_reason(const struct child *child)
{
	return is_late_with_task(child) ? "was past its task's time" : "showed no life";
}

/* Owned. */
static char *describe(const struct child *child)
{
	if (is_late_with_task(child))
		return xprintf("is %lld s past the end of its task's time",
			(long long)(clock_steady_ms() - atomic_load(&child->slot->overdue_at_ms)) /
				1000);
	return xprintf("has shown no life for %lld s", (long long)(look_ms() * LOOKS / 1000));
}

static void end_hung(struct child *child)
{
	struct slot last;
	OWNED(free) char *what = describe(child);
	scoreboard_read_slot(child->slot, &last);
	log_line(LOG_ERROR, "%s (pid %d) %s%s%s: it is killed", child->name, (int)child->pid, what,
		last.task_id[0] ? ", with task " : "", last.task_id);
	log_stack(child->name, child->pid);
	log_stack("its handler", atomic_load(&child->slot->handler_group));
	child->is_hung = true;
	kill(child->pid, SIGKILL);
}

static bool is_overdue(const struct child *child)
{
	const int64_t at_ms = atomic_load(&child->slot->overdue_at_ms);
	return at_ms != 0 && clock_steady_ms() > at_ms;
}

static void look_at(struct child *child, bool is_late)
{
	struct whereabouts_life life;
	if (!child->slot || !child->pid || child->is_hung ||
		!whereabouts_read_life(child->pid, &life))
		return;
	const int64_t beat_ms = atomic_load(&child->slot->beat_ms);
	const bool counts = !is_late && !is_excused(child, &life);
	if (beat_ms != child->seen_beat_ms)
		child->quiet_looks = 0;
	else if (counts)
		child->quiet_looks++;
	if (!is_overdue(child))
		child->late_looks = 0;
	else if (counts)
		child->late_looks++;
	child->seen_beat_ms = beat_ms;
	child->seen_ticks = life.ticks;
	if (child->quiet_looks >= LOOKS || is_late_with_task(child))
		end_hung(child);
}

static void look_at_all(const struct pool *pool, bool is_late)
{
	for (size_t i = 0; i < pool->count; i++)
		look_at(pool->children[i], is_late);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = timer->data;
	const int64_t now = clock_steady_ms();
	const int64_t spent_ms = now - supervisor->watch.looked_at_ms;
	const bool is_late = spent_ms > look_ms() + look_ms() / LATE_PART;
	supervisor->watch.looked_at_ms = now;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		look_at_all(supervisor->processes[i], is_late);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		look_at_all(supervisor->pools[i], is_late);
}

void hung_init(struct supervisor *supervisor)
{
	ev_timer *timer = &supervisor->watch.hung;
	const double every_s = (double)look_ms() / 1000;
	ev_timer_init(timer, on_look, every_s, every_s);
	timer->data = supervisor;
	supervisor->watch.looked_at_ms = clock_steady_ms();
	ev_timer_start(supervisor->loop, timer);
}
