/* What the backends share; see backend.h. */
#include "stores/backend.h"

#include "base/clock.h"
#include "base/jsontext.h"

char *backend_lost_entry(const char *name, const char *queue, uint32_t attempt,
	int64_t leased_at_ms, int64_t ended_at_ms)
{
	char received[CLOCK_TEXT_SIZE], finished[CLOCK_TEXT_SIZE];
	double seconds = (double)(ended_at_ms - leased_at_ms) / 1000;
	OWNED(json)
	json_t *entry = json_pack("{s:n, s:s, s:I, s:s, s:s, s:f, s:s, s:s, s:s}", "worker", "task",
		name, "attempt", (json_int_t)attempt, "received_at",
		clock_format(leased_at_ms, received), "finished_at",
		clock_format(ended_at_ms, finished), "seconds", seconds, "status", "lost",
		"message", "its lease ended and nobody renewed it", "queue", queue);
	return jsontext_print(entry);
}

char *backend_stuck_reason(int64_t waiting)
{
	return xprintf("nothing can run any more, but %lld task%s still wait%s", (long long)waiting,
		waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
}

bool backend_has_order(const char *queue)
{
	const char *dot = strrchr(queue, '.');
	return dot && strcmp(dot, ".fifo") == 0;
}

int backend_sent_level(uint32_t dispatch)
{
	return dispatch < BACKEND_SENT_LEVELS ? (int)dispatch - (dispatch > 0)
					      : BACKEND_SENT_LEVELS - 1;
}

int64_t backend_resend_ms(int64_t after_ms, int level)
{
	return after_ms > INT64_MAX >> (level + 1) ? INT64_MAX / 2 : after_ms << level;
}

enum task_state backend_end_state(enum outcome outcome)
{
	static const enum task_state states[] = {
		[OUTCOME_COMPLETED] = TASK_COMPLETED,
		[OUTCOME_FAILED] = TASK_FAILED,
		[OUTCOME_INVALID] = TASK_INVALID,
		[OUTCOME_SKIPPED] = TASK_SKIPPED,
		[OUTCOME_CANCELLED] = TASK_CANCELLED,
		[OUTCOME_RETRY] = TASK_STATES,
		[OUTCOME_WAIT] = TASK_STATES,
		[OUTCOME_GIVE_BACK] = TASK_STATES,
	};
	return states[outcome];
}

static bool check_id(const char *id, struct error *err)
{
	size_t length = strlen(id);
	if (length == 0 || length >= STORE_ID_SIZE)
		return error_set(err, ERROR_INVALID,
			"a task's id has 1 to %d bytes, this one has %zu", STORE_ID_SIZE - 1,
			length);
	return true;
}

bool backend_check_push(const struct push *push, struct error *err)
{
	if (push->delay_ms < 0 || push->delay_ms > STORE_DELAY_MAX_MS)
		return error_set(err, ERROR_INVALID, "a task is delayed by at most 365000 days");
	return check_id(push->id, err);
}

bool backend_refuse_place(const struct submission *submission, struct error *err)
{
	return error_set(err, ERROR_CONFLICT,
		"task %s has ended or is cancelled: no job can begin in its place",
		submission->place);
}

bool backend_check_arrival(const struct arrival *arrival, struct error *err)
{
	return arrival->task_id || !arrival->id || check_id(arrival->id, err);
}

bool backend_check_submission(const struct submission *submission, struct error *err)
{
	size_t length = strlen(submission->id);
	if (length != IDS_UUID_SIZE - 1)
		return error_set(
			err, ERROR_INVALID, "a job's id is a UUID, not \"%.40s\"", submission->id);
	return true;
}

bool backend_check_firing(const struct firing *firing, struct error *err)
{
	size_t length = strlen(firing->name);
	if (length == 0 || length > STORE_SCHEDULE_MAX)
		return error_set(err, ERROR_INVALID,
			"a schedule's name has 1 to %d bytes, this one has %zu", STORE_SCHEDULE_MAX,
			length);
	return (!firing->job || backend_check_submission(firing->job, err)) &&
	       (!firing->task || backend_check_push(firing->task, err));
}

bool backend_check_beat(const struct heartbeat *beat, struct error *err)
{
	if (!beat)
		return true;
	if (!*beat->id || strlen(beat->id) >= IDS_OWNER_SIZE)
		return error_set(err, ERROR_INVALID, "a heartbeat's id has 1 to %d characters",
			IDS_OWNER_SIZE - 1);
	if (strlen(beat->text) > STORE_BEAT_MAX)
		return error_set(
			err, ERROR_INVALID, "a heartbeat has more than %d bytes", STORE_BEAT_MAX);
	return true;
}

struct backend_slots backend_slots(int64_t rate_ms, int64_t now_ms)
{
	int64_t width_ms = (rate_ms + BACKEND_SLOTS - 2) / (BACKEND_SLOTS - 1);
	int64_t width = width_ms > 0 ? width_ms : 1;
	int64_t last = now_ms / width;
	return (struct backend_slots){ width, last - (rate_ms + width - 1) / width, last };
}

int64_t backend_slot_ms(const struct backend_slots *slots, int64_t slot, int64_t now_ms)
{
	int64_t ends_ms = (slot + 1 + slots->last - slots->first) * slots->width_ms;
	return ends_ms > now_ms ? ends_ms - now_ms : 1;
}

struct lease_limit backend_limit(const struct lease_request *request, size_t i)
{
	return request->limits ? request->limits[i] : (struct lease_limit){ 0 };
}
