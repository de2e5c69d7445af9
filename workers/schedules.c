/* Starts what is due by the clock; see schedules.h. */
#include "workers/schedules.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "workers/acts.h"
#include "workers/schedule_note.h"
#include "workers/starts.h"

#include <stdio.h>

#define STEPS_MAX    32    /* of one look: others wait behind it */
#define PAGE         1000  /* notes read at once */
#define TRY_AGAIN_MS 60000 /* after what is no matter of the store */
#define AT_ONCE      INT64_MIN

struct schedule {
	const struct config_schedule *config;
	struct schedule_note note;
	uint64_t version;
	bool is_settled;
};

/* In the order of when they have to be looked at: a heap. */
struct entry {
	int64_t due_ms; /* wall */
	size_t index;
};

struct schedules {
	const struct config *config;
	struct schedule *all;
	struct entry *entries;
	size_t count, entry_count;
	int64_t seen_s; /* since when they are as they are */
	bool is_read;
};

struct schedules *schedules_create(const struct config *config)
{
	struct schedules *schedules = xcalloc(1, sizeof *schedules);
	schedules->config = config;
	schedules->count = config->schedule_count;
	schedules->all = xcalloc(schedules->count + 1, sizeof *schedules->all);
	schedules->entries = xcalloc(schedules->count + 1, sizeof *schedules->entries);
	for (size_t i = 0; i < schedules->count; i++)
		schedules->all[i].config = &config->schedules[i];
	return schedules;
}

void schedules_destroy(struct schedules *schedules)
{
	for (size_t i = 0; i < schedules->count; i++)
		schedule_note_finish(&schedules->all[i].note);
	free(schedules->all);
	free(schedules->entries);
	free(schedules);
}

static void sink(struct schedules *schedules, size_t at)
{
	struct entry *list = schedules->entries, moved = list[at];
	for (;;) {
		size_t below = 2 * at + 1;
		if (below >= schedules->entry_count)
			break;
		if (below + 1 < schedules->entry_count &&
			list[below + 1].due_ms < list[below].due_ms)
			below++;
		if (moved.due_ms <= list[below].due_ms)
			break;
		list[at] = list[below];
		at = below;
	}
	list[at] = moved;
}

static void take_note(struct schedule *schedule, const struct schedule_record *record)
{
	schedule_note_finish(&schedule->note);
	schedule_note_read(record->text, &schedule->note);
	schedule->version = record->version;
	schedule->is_settled = false;
}

/* What another keeper has written meanwhile. */
static bool read_again(struct store *store, struct schedule *schedule, struct error *err)
{
	struct schedule_list list;
	const char *name = schedule->config->name;
	if (!store->ops->get_schedules(store, &name, 1, &list, err))
		return false;
	take_note(schedule, &list.rows[0]);
	schedule_list_finish(&list);
	return true;
}

static bool read_page(struct schedules *schedules, struct store *store, size_t from, size_t count,
	struct error *err)
{
	struct schedule_list list;
	OWNED(free) const char **names = xcalloc(count + 1, sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = schedules->all[from + i].config->name;
	if (!store->ops->get_schedules(store, names, count, &list, err))
		return false;
	for (size_t i = 0; i < count; i++)
		take_note(&schedules->all[from + i], &list.rows[i]);
	schedule_list_finish(&list);
	return true;
}

/* All notes, once; then each is looked at. */
static bool read_all(
	struct schedules *schedules, struct store *store, int64_t now_ms, struct error *err)
{
	if (schedules->seen_s == 0)
		schedules->seen_s = now_ms / 1000;
	for (size_t from = 0; from < schedules->count; from += PAGE) {
		size_t left = schedules->count - from;
		if (!read_page(schedules, store, from, left < PAGE ? left : PAGE, err))
			return false;
	}
	for (size_t i = 0; i < schedules->count; i++)
		schedules->entries[i] = (struct entry){ AT_ONCE, i };
	schedules->entry_count = schedules->count;
	schedules->is_read = true;
	return true;
}

/* Whether what the schedule started last has not ended. What is gone has. */
static bool find_running(
	struct store *store, const struct schedule *schedule, bool *out, struct error *err)
{
	struct job_record job;
	struct task_record task;
	const char *id = schedule->note.id;
	*out = false;
	if (store->ops->get_job(store, id, &job, err)) {
		*out = job.finished_at_ms == 0;
		job_record_finish(&job);
		return true;
	}
	if (err->kind == ERROR_NOT_FOUND && store->ops->get_task(store, id, &task, err)) {
		*out = task.state <= TASK_WORKING;
		task_record_finish(&task);
		return true;
	}
	return err->kind == ERROR_NOT_FOUND;
}

/* Ended meanwhile is as good. */
static bool cancel_running(struct store *store, const char *id, struct error *err)
{
	enum acts_kind kind;
	bool is_ended;
	fault_step("schedule_cancel");
	bool ok = acts_find(store, id, &kind, err) &&
		  (kind == ACTS_JOB ? acts_cancel_job(store, id, err)
				    : acts_cancel_task(store, id, &is_ended, err));
	return ok || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
}

static bool fire(struct store *store, const struct schedule *schedule,
	const struct schedule_note *note, const struct submission *job, const struct push *task,
	bool *is_done, struct error *err)
{
	OWNED(free) char *text = schedule_note_print(note);
	const struct firing firing = { .name = schedule->config->name,
		.version = schedule->version,
		.text = text,
		.job = job,
		.task = task };
	fault_step("fire");
	bool ok = store->ops->fire(store, &firing, is_done, err);
	fault_step("fired");
	return ok;
}

static bool fire_job(const struct schedules *schedules, struct store *store,
	const struct schedule *schedule, struct schedule_note *note, bool *is_done,
	struct error *err)
{
	const struct config_schedule *config = schedule->config;
	OWNED(workflow) struct workflow *workflow = NULL;
	struct acts_begun begun;
	if (!starts_find_workflow(schedules->config, config->workflow, &workflow, err))
		return false;
	const struct acts_start start = {
		.workflow = workflow, .payload = config->payload, .config = schedules->config
	};
	bool ok = acts_begin(store, &start, &begun, err);
	if (ok) {
		snprintf(note->id, sizeof note->id, "%s", begun.submission.id);
		ok = fire(store, schedule, note, &begun.submission, NULL, is_done, err);
	}
	acts_begun_finish(&begun);
	return ok;
}

static bool fire_task(const struct schedules *schedules, struct store *store,
	const struct schedule *schedule, struct schedule_note *note, bool *is_done,
	struct error *err)
{
	const struct config_schedule *config = schedule->config;
	const struct config_queue *queue = config_find_served(schedules->config, config->queue);
	OWNED(free) char *payload = jsontext_print(config->payload);
	char id[IDS_UUID_SIZE];
	store_new_id(store, id);
	snprintf(note->id, sizeof note->id, "%s", id);
	const struct push push = { .id = id,
		.name = config->task ? config->task : config->queue,
		.queue = config->queue,
		.payload = payload,
		.priority = queue ? queue->priority : 0 };
	return fire(store, schedule, note, NULL, &push, is_done, err);
}

static void tell(const struct schedule *schedule, const struct schedule_step *step,
	const char *before, const char *id)
{
	const char *name = schedule->config->name;
	const char *kind = schedule->config->workflow ? "job" : "task";
	char at[CLOCK_TEXT_SIZE];
	if (step->replaces)
		log_line(LOG_INFO, "schedule %s: %s %s is cancelled for the next one", name, kind,
			before);
	if (step->act == SCHEDULE_START)
		log_line(LOG_INFO, "schedule %s: %s %s is started for %s", name, kind, id,
			clock_format(step->start_s * 1000, at));
	if (step->left_out_s)
		log_line(LOG_INFO, "schedule %s: %s is left out, %s %s still runs", name,
			clock_format(step->left_out_s * 1000, at), kind, before);
	if (step->missed_s)
		log_line(LOG_WARN, "schedule %s: %s was missed", name,
			clock_format(step->missed_s * 1000, at));
}

/* Writes the note, with what it starts. Where another keeper was faster, what that has written. */
static bool carry_out(const struct schedules *schedules, struct store *store,
	struct schedule *schedule, const struct schedule_step *step, struct schedule_note *note,
	struct error *err)
{
	bool is_done = false, ok;
	if (step->replaces && !cancel_running(store, schedule->note.id, err))
		return false;
	if (step->act == SCHEDULE_NOTE)
		ok = fire(store, schedule, note, NULL, NULL, &is_done, err);
	else if (schedule->config->workflow)
		ok = fire_job(schedules, store, schedule, note, &is_done, err);
	else
		ok = fire_task(schedules, store, schedule, note, &is_done, err);
	if (!ok)
		return false;
	if (!is_done)
		return read_again(store, schedule, err);
	tell(schedule, step, schedule->note.id, note->id);
	struct schedule_note old = schedule->note;
	schedule->note = *note;
	*note = old;
	schedule->version++;
	return true;
}

static void copy_note(const struct schedule_note *from, struct schedule_note *out)
{
	*out = *from;
	out->clock = xstrdup(from->clock);
	out->waiting = xcalloc(from->waiting_count + 1, sizeof *out->waiting);
	if (from->waiting_count > 0)
		memcpy(out->waiting, from->waiting, from->waiting_count * sizeof *out->waiting);
}

static bool attend_by(const struct schedules *schedules, struct store *store,
	struct schedule *schedule, int64_t now_ms, struct schedule_note *note, int64_t *due_ms,
	struct error *err)
{
	const struct config_schedule *config = schedule->config;
	struct schedule_step step = { .act = SCHEDULE_NOTE };
	bool is_running = false;
	*due_ms = AT_ONCE;
	if (!schedule->is_settled) {
		schedule->is_settled = true;
		if (schedule_settle(config, schedules->seen_s, note))
			return carry_out(schedules, store, schedule, &step, note, err);
	}
	*due_ms = INT64_MAX;
	if (!config->is_enabled)
		return true;
	if (schedule_minds(config, note, now_ms / 1000) &&
		!find_running(store, schedule, &is_running, err))
		return false;
	step = schedule_decide(config, now_ms / 1000, is_running, note);
	if (step.act == SCHEDULE_REST) {
		*due_ms = step.wake_s == ZONE_NEVER ? INT64_MAX : step.wake_s * 1000;
		return true;
	}
	*due_ms = AT_ONCE;
	return carry_out(schedules, store, schedule, &step, note, err);
}

/* One step of one schedule. *due_ms: when it has to be looked at next. */
static bool attend(const struct schedules *schedules, struct store *store,
	struct schedule *schedule, int64_t now_ms, int64_t *due_ms, struct error *err)
{
	struct schedule_note note;
	copy_note(&schedule->note, &note);
	bool ok = attend_by(schedules, store, schedule, now_ms, &note, due_ms, err);
	schedule_note_finish(&note);
	if (ok)
		return true;
	/* What was written, if anything, is read before the next try. */
	schedule->is_settled = false;
	*due_ms = AT_ONCE;
	if (err->kind == ERROR_UNAVAILABLE)
		return false;
	log_line(LOG_ERROR, "schedule %s: nothing is started: %s", schedule->config->name,
		err->text);
	*due_ms = now_ms + TRY_AGAIN_MS;
	return true;
}

bool schedules_look(struct schedules *schedules, struct store *store, int64_t now_ms,
	int64_t *wait_ms, struct error *err)
{
	*wait_ms = -1;
	if (schedules->count == 0)
		return true;
	if (!schedules->is_read && !read_all(schedules, store, now_ms, err))
		return false;
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		struct entry *first = schedules->entries;
		if (first->due_ms > now_ms)
			break;
		if (!attend(schedules, store, &schedules->all[first->index], now_ms, &first->due_ms,
			    err)) {
			/* An answer may be lost: the notes are read anew. */
			schedules->is_read = false;
			return false;
		}
		sink(schedules, 0);
	}
	int64_t due_ms = schedules->entries[0].due_ms;
	if (due_ms != INT64_MAX)
		*wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	return true;
}
