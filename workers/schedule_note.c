/* What follows from a schedule's note; see schedule_note.h. */
#include "workers/schedule_note.h"

#include "base/jsontext.h"

#include <stdio.h>

void schedule_note_finish(struct schedule_note *note)
{
	free(note->waiting);
	free(note->clock);
	*note = (struct schedule_note){ 0 };
}

static void read_waiting(const json_t *list, struct schedule_note *out)
{
	size_t count = json_array_size(list);
	count = count < SCHEDULE_WAITING_MAX ? count : SCHEDULE_WAITING_MAX;
	out->waiting = xcalloc(count + 1, sizeof *out->waiting);
	for (; out->waiting_count < count; out->waiting_count++)
		out->waiting[out->waiting_count] =
			json_integer_value(json_array_get(list, out->waiting_count));
}

void schedule_note_read(const char *text, struct schedule_note *out)
{
	OWNED(json) json_t *all = NULL;
	*out = (struct schedule_note){ 0 };
	if (!text || !jsontext_parse(text, strlen(text), &all, NULL))
		return;
	const char *id = jsontext_member(all, "id");
	out->at_s = json_integer_value(json_object_get(all, "at"));
	out->last_s = json_integer_value(json_object_get(all, "last"));
	snprintf(out->id, sizeof out->id, "%s", id ? id : "");
	read_waiting(json_object_get(all, "waiting"), out);
	out->clock = xstrdup(jsontext_member(all, "clock"));
	out->is_off = json_is_true(json_object_get(all, "off"));
}

char *schedule_note_print(const struct schedule_note *note)
{
	OWNED(json)
	json_t *all = json_pack("{s:I, s:I, s:s, s:s?, s:b}", "at", (json_int_t)note->at_s, "last",
		(json_int_t)note->last_s, "id", note->id, "clock", note->clock, "off",
		note->is_off);
	json_t *waiting = json_array();
	for (size_t i = 0; i < note->waiting_count; i++)
		json_array_append_new(waiting, json_integer(note->waiting[i]));
	json_object_set_new(all, "waiting", waiting);
	return jsontext_print(all);
}

bool schedule_settle(
	const struct config_schedule *schedule, int64_t seen_s, struct schedule_note *note)
{
	OWNED(free)
	char *clock = xprintf("%s %s", schedule->cron_text, zone_name(schedule->zone));
	bool is_off = !schedule->is_enabled;
	bool is_same = note->clock && strcmp(note->clock, clock) == 0;
	if ((is_same && note->is_off == is_off) || (is_off && !note->clock))
		return false;
	if (!is_off && note->at_s < seen_s)
		note->at_s = seen_s;
	if (is_off)
		note->waiting_count = 0;
	note->is_off = is_off;
	free(note->clock);
	note->clock = GIVE(clock);
	return true;
}

bool schedule_minds(
	const struct config_schedule *schedule, const struct schedule_note *note, int64_t now_s)
{
	if (!*note->id)
		return false;
	if (note->waiting_count > 0)
		return true;
	return schedule->overlap != OVERLAP_ALLOW &&
	       cron_next(&schedule->cron, schedule->zone, note->at_s) <= now_s;
}

/* The next instant that has to be decided on, and up to where that decides; 0: nothing is due. */
static int64_t choose(const struct config_schedule *schedule, int64_t now_s,
	struct schedule_note *note, int64_t *missed_s)
{
	int64_t first_s = cron_next(&schedule->cron, schedule->zone, note->at_s);
	*missed_s = 0;
	if (first_s > now_s)
		return 0;
	if (schedule->catch_up == CATCH_UP_ALL) {
		note->at_s = first_s;
		return first_s;
	}
	int64_t last_s = cron_last(&schedule->cron, schedule->zone, note->at_s, now_s);
	bool is_missed = now_s - last_s > SCHEDULE_LATE_S;
	note->at_s = last_s;
	if (schedule->catch_up == CATCH_UP_SKIP && is_missed) {
		*missed_s = last_s;
		return 0;
	}
	return last_s;
}

static void append_waiting(struct schedule_note *note, int64_t instant_s)
{
	note->waiting = xrealloc(note->waiting, (note->waiting_count + 1) * sizeof *note->waiting);
	note->waiting[note->waiting_count++] = instant_s;
}

static int64_t take_waiting(struct schedule_note *note)
{
	int64_t first_s = note->waiting[0];
	note->waiting_count--;
	memmove(note->waiting, note->waiting + 1, note->waiting_count * sizeof *note->waiting);
	return first_s;
}

static struct schedule_step rest(
	const struct config_schedule *schedule, const struct schedule_note *note, int64_t now_s)
{
	int64_t next_s = cron_next(&schedule->cron, schedule->zone, note->at_s);
	/* Nobody rings at the end of a job that may be anywhere. */
	if (note->waiting_count > 0 && next_s > now_s + 1)
		next_s = now_s + 1;
	return (struct schedule_step){ .act = SCHEDULE_REST, .wake_s = next_s };
}

static struct schedule_step start(struct schedule_note *note, int64_t instant_s)
{
	note->last_s = instant_s;
	return (struct schedule_step){ .act = SCHEDULE_START, .start_s = instant_s };
}

static struct schedule_step overlap(
	const struct config_schedule *schedule, int64_t instant_s, struct schedule_note *note)
{
	struct schedule_step step = { .act = SCHEDULE_NOTE };
	switch (schedule->overlap) {
	case OVERLAP_QUEUE:
		if (note->waiting_count < SCHEDULE_WAITING_MAX)
			append_waiting(note, instant_s);
		else
			step.left_out_s = instant_s;
		return step;
	case OVERLAP_REPLACE:
		step = start(note, instant_s);
		step.replaces = true;
		return step;
	default:
		step.left_out_s = instant_s;
		return step;
	}
}

struct schedule_step schedule_decide(const struct config_schedule *schedule, int64_t now_s,
	bool is_running, struct schedule_note *note)
{
	/* Only `queue` waits; under another rule of today what waited is not owed any more. */
	if (schedule->overlap != OVERLAP_QUEUE && note->waiting_count > 0) {
		struct schedule_step step = { .act = SCHEDULE_NOTE,
			.left_out_s = note->waiting[note->waiting_count - 1] };
		note->waiting_count = 0;
		return step;
	}
	if (note->waiting_count > 0 && !is_running)
		return start(note, take_waiting(note));
	int64_t missed_s, before_s = note->at_s;
	int64_t instant_s = choose(schedule, now_s, note, &missed_s);
	if (instant_s == 0 && note->at_s == before_s)
		return rest(schedule, note, now_s);
	if (instant_s == 0)
		return (struct schedule_step){ .act = SCHEDULE_NOTE, .missed_s = missed_s };
	if (is_running && schedule->overlap != OVERLAP_ALLOW)
		return overlap(schedule, instant_s, note);
	return start(note, instant_s);
}
