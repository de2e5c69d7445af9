/* Workers that show no life; see hung.h. */
#include "supervisor/hung.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "supervisor/state.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS   10000
#define LOOKS     12 /* four times the longest silence of a worker that is well */
#define LATE_PART 5  /* a look that is a fifth late counts for nothing: the machine is loaded */

/* Test builds may look faster. */
static int64_t look_ms(void)
{
#ifdef REEVE_FAULTS
	const char *text = getenv("REEVE_HUNG_LOOK_MS");
	if (text)
		return atoll(text);
#endif
	return LOOK_MS;
}

/* Fields of /proc/PID/stat (proc(5)); the name in parentheses may hold anything. */
struct life {
	char state;
	uint64_t ticks; /* of CPU time */
};

static bool read_life(pid_t pid, struct life *out)
{
	char path[64], text[1024];
	unsigned long long user, system;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			     &out->state, &user, &system) != 3)
		return false;
	out->ticks = user + system;
	return true;
}

/* Who is ready to run and gets no CPU is starved, and who is traced is in somebody's hands. */
static bool is_excused(const struct child *child, const struct life *life)
{
	const uint64_t half =
		(uint64_t)look_ms() * (uint64_t)sysconf(_SC_CLK_TCK) / (2 * INT64_C(1000));
	return life->state == 't' || (life->state == 'R' && life->ticks - child->seen_ticks < half);
}

/* The first bytes of a file under /proc on one line; "-" where we may not read it. */
static const char *read_line(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size - 1);
	while (length > 0 && isspace((unsigned char)out[length - 1]))
		length--;
	if (length <= 0)
		return "-";
	out[length] = '\0';
	for (char *at = out; *at; at++)
		if (*at == '\n')
			*at = '|';
	return out;
}

static void log_stack(const char *who, pid_t pid)
{
	char wchan[128], call[256], stack[1024];
	struct life life;
	if (pid <= 0 || !read_life(pid, &life))
		return;
	log_line(LOG_ERROR, "%s (pid %d): state %c, wchan %s, syscall %s, stack %s", who, (int)pid,
		life.state, read_line(pid, "wchan", wchan, sizeof wchan),
		read_line(pid, "syscall", call, sizeof call),
		read_line(pid, "stack", stack, sizeof stack));
}

static void end_hung(struct child *child)
{
	struct slot last;
	scoreboard_read_slot(child->slot, &last);
	log_line(LOG_ERROR, "%s (pid %d) has shown no life for %lld s%s%s: it is killed",
		child->name, (int)child->pid, (long long)(look_ms() * LOOKS / 1000),
		last.task_id[0] ? ", with task " : "", last.task_id);
	log_stack(child->name, child->pid);
	log_stack("its handler", atomic_load(&child->slot->handler_group));
	child->is_hung = true;
	kill(child->pid, SIGKILL);
}

static void look_at(struct child *child, bool is_late)
{
	struct life life;
	if (!child->slot || !child->pid || child->is_hung || !read_life(child->pid, &life))
		return;
	const int64_t beat_ms = atomic_load(&child->slot->beat_ms);
	if (beat_ms != child->seen_beat_ms)
		child->quiet_looks = 0;
	else if (!is_late && !is_excused(child, &life))
		child->quiet_looks++;
	child->seen_beat_ms = beat_ms;
	child->seen_ticks = life.ticks;
	if (child->quiet_looks >= LOOKS)
		end_hung(child);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = timer->data;
	const int64_t now = clock_steady_ms();
	const int64_t spent_ms = now - supervisor->watch.looked_at_ms;
	const bool is_late = spent_ms > look_ms() + look_ms() / LATE_PART;
	supervisor->watch.looked_at_ms = now;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		for (size_t j = 0; j < supervisor->pools[i]->count; j++)
			look_at(supervisor->pools[i]->children[j], is_late);
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
