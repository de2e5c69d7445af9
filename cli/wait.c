/* --wait; see wait.h. A store has no bell for the end of a job: it is asked, gently. */
#include "cli/wait.h"

#include "base/clock.h"
#include "cli/say.h"
#include "cli/table.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 20
#define PAUSE_MS       250
#define LINE_EVERY_MS  5000 /* where stderr is not a terminal */
#define BAR_CELLS      20

struct progress {
	bool is_terminal;
	int64_t shown_at_ms;
	char *line; /* what is shown; or NULL */
};

static void pause_for(int64_t pause_ms)
{
	const struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * 1000000 };
	nanosleep(&pause, NULL);
}

static int64_t count_born(const struct name_count *name)
{
	int64_t born = 0;
	for (int state = 0; state < TASK_STATES; state++)
		born += name->states[state];
	return born;
}

static int64_t count_done(const struct name_count *name)
{
	return name->states[TASK_COMPLETED] + name->states[TASK_SKIPPED];
}

static void append(char **text, char *more)
{
	char *longer = xprintf("%s%s", *text, more);
	free(*text);
	free(more);
	*text = longer;
}

/* "[####    ] 12/51  row 11/50  report 0/1" */
static char *describe(const struct job_record *job)
{
	int64_t born = 0, done = 0;
	char *names = xstrdup("");
	for (size_t i = 0; i < job->name_count; i++) {
		const struct name_count *name = &job->names[i];
		born += count_born(name);
		done += count_done(name);
		append(&names, xprintf("  %s %lld/%lld", name->name, (long long)count_done(name),
				       (long long)count_born(name)));
	}
	int filled = born ? (int)(done * BAR_CELLS / born) : 0;
	char *line = xprintf("[%.*s%*s] %lld/%lld", filled, "####################",
		BAR_CELLS - filled, "", (long long)done, (long long)born);
	append(&line, names);
	return line;
}

static size_t terminal_width(void)
{
	struct winsize size;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

static void show(struct progress *progress, const struct job_record *job)
{
	int64_t now_ms = clock_steady_ms();
	if (!progress->is_terminal && now_ms - progress->shown_at_ms < LINE_EVERY_MS)
		return;
	OWNED(free) char *line = describe(job);
	if (progress->line && strcmp(progress->line, line) == 0)
		return;
	OWNED(free) char *clean = table_clean(line, progress->is_terminal ? terminal_width() : 0);
	if (progress->is_terminal)
		fprintf(stderr, "\r\033[K%s", clean);
	else
		fprintf(stderr, "%s\n", clean);
	progress->shown_at_ms = now_ms;
	free(progress->line);
	progress->line = GIVE(line);
}

static void end_progress(struct progress *progress)
{
	if (progress->is_terminal && progress->line)
		fputs("\r\033[K", stderr);
	free(progress->line);
}

bool wait_for_job(struct store *store, const char *id, struct job_record *out, struct error *err)
{
	struct progress progress = { .is_terminal = isatty(STDERR_FILENO),
		.shown_at_ms = clock_steady_ms() };
	int64_t pause_ms = FIRST_PAUSE_MS;
	struct job_record job = { 0 };
	bool ok;
	while ((ok = store->ops->get_job(store, id, &job, err)) && job.finished_at_ms == 0) {
		show(&progress, &job);
		job_record_finish(&job);
		pause_for(pause_ms);
		pause_ms = pause_ms * 2 < PAUSE_MS ? pause_ms * 2 : PAUSE_MS;
	}
	end_progress(&progress);
	if (ok)
		*out = job;
	return ok;
}

static bool is_unfinished(enum task_state state)
{
	return state == TASK_WAITING || state == TASK_QUEUED || state == TASK_WORKING;
}

bool wait_for_task(struct store *store, const char *id, struct task_record *out, struct error *err)
{
	int64_t pause_ms = FIRST_PAUSE_MS;
	struct task_record task = { 0 };
	bool ok;
	while ((ok = store->ops->get_task(store, id, &task, err)) && is_unfinished(task.state)) {
		task_record_finish(&task);
		pause_for(pause_ms);
		pause_ms = pause_ms * 2 < PAUSE_MS ? pause_ms * 2 : PAUSE_MS;
	}
	if (ok)
		*out = task;
	return ok;
}

static int conclude(const char *kind, const char *id, const char *state, const char *reason)
{
	say("%s %s %s%s%s", kind, id, state, reason ? ": " : "", reason ? reason : "");
	return EXIT_NEGATIVE;
}

int wait_conclude_job(const struct job_record *job)
{
	if (job->state == JOB_COMPLETED)
		return EXIT_OK;
	return conclude("job", job->id, job_state_names[job->state], job->reason);
}

int wait_conclude_task(const struct task_record *task)
{
	if (task->state == TASK_COMPLETED || task->state == TASK_SKIPPED)
		return EXIT_OK;
	return conclude("task", task->id, task_state_names[task->state], task->reason);
}
