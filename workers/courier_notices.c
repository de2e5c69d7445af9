/*
 * Notices on their way to QUEUE-failed: lease, judge, send, end. One batch is under way at a time;
 * a notice that was sent and not ended comes again when its lease is over or this process is dead.
 */
#include "workers/courier.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "workers/notices.h"

#include <stdio.h>

#define LEASE_MS  120000
#define EARLY_MS  500
#define AGAIN_MS  5000
#define QUIET_MS  30000 /* other hosts may ring nobody here */
#define BATCH_MAX 10

/* What is leased, and goes to one door. */
struct courier_notices {
	struct courier *courier;
	struct lease_batch batch;
	struct notice notices[BATCH_MAX];
	bool is_chosen[BATCH_MAX];
	char *door;
	bool is_under_way;
	uint32_t seen;
	int64_t look_at_ms; /* steady */
};

static bool end(struct courier_notices *notices, size_t i, enum outcome outcome, int64_t delay_ms)
{
	struct courier *courier = notices->courier;
	struct store *store = courier->self.store;
	const struct leased *task = &notices->batch.tasks[i];
	const struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = outcome,
		.failures = task->failures,
		.crashes = task->crashes,
		.delay_ms = delay_ms };
	struct commit_result result;
	struct error err;
	bool ok = store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err);
	return courier_note_store(courier, ok, "notice", &err);
}

static void forget(struct courier_notices *notices)
{
	for (size_t i = 0; i < notices->batch.count; i++)
		notice_finish(&notices->notices[i]);
	lease_batch_finish(&notices->batch);
	free(GIVE(notices->door));
	notices->is_under_way = false;
	courier_end_if_done(notices->courier);
}

static void on_sent(void *context, const bool *is_done, size_t count, const struct error *err)
{
	struct courier_notices *notices = context;
	size_t at = 0;
	if (!err)
		fault_step("notice-sent");
	for (size_t i = 0; i < notices->batch.count; i++) {
		if (!notices->is_chosen[i])
			continue;
		bool is_sent = at < count && is_done[at++];
		end(notices, i, is_sent ? OUTCOME_COMPLETED : OUTCOME_RETRY, AGAIN_MS);
	}
	if (err)
		log_line(LOG_WARN, "%s: %s; trying again", notices->door, err->text);
	forget(notices);
	courier_notices_look(notices->courier);
}

static bool is_fifo(const char *door)
{
	const char *dot = strrchr(door, '.');
	return dot && strcmp(dot, ".fifo") == 0;
}

static void send(struct courier_notices *notices)
{
	struct broker *broker = notices->courier->broker;
	struct broker_outgoing messages[BATCH_MAX];
	char *texts[2 * BATCH_MAX];
	size_t count = 0;
	for (size_t i = 0; i < notices->batch.count; i++) {
		const struct notice *notice = &notices->notices[i];
		if (!notices->is_chosen[i])
			continue;
		texts[2 * count] = format_print_reference(notice->task_id);
		texts[2 * count + 1] = courier_fit_address(notices->batch.tasks[i].id);
		bool has_group = is_fifo(notices->door);
		messages[count] = (struct broker_outgoing){ .body = texts[2 * count],
			.group = has_group ? "failed" : NULL,
			.dedup_id = has_group ? texts[2 * count + 1] : NULL };
		count++;
	}
	broker->ops->send(broker, notices->door, messages, count, on_sent, notices);
	for (size_t i = 0; i < 2 * count; i++)
		free(texts[i]);
}

static void on_prepared(void *context, const bool *is_done, size_t count, const struct error *err)
{
	static const bool none[BATCH_MAX] = { false };
	(void)is_done, (void)count;
	if (err)
		on_sent(context, none, BATCH_MAX, err);
	else
		send(context);
}

/* Ends or puts back what is not to be sent now; true where it is chosen. */
static bool choose(struct courier_notices *notices, size_t i)
{
	struct notice *notice = &notices->notices[i];
	enum notice_state state;
	struct error err;
	if (!notice_read(notices->batch.tasks[i].payload, notice)) {
		end(notices, i, OUTCOME_FAILED, 0);
		return false;
	}
	if (!notice_judge(notices->courier->self.store, notice, &state, &err)) {
		courier_note_store(notices->courier, false, "notice", &err);
		return false; /* its lease ends by itself */
	}
	if (state == NOTICE_PAST)
		end(notices, i, OUTCOME_SKIPPED, 0);
	else if (state == NOTICE_EARLY)
		end(notices, i, OUTCOME_RETRY, EARLY_MS);
	if (state != NOTICE_TRUE)
		return false;
	if (!notices->door)
		notices->door = xstrdup(notice->door);
	bool is_same = strcmp(notices->door, notice->door) == 0;
	if (!is_same)
		end(notices, i, OUTCOME_RETRY, 0);
	return is_same;
}

static bool lease(struct courier_notices *notices)
{
	static const char *const queues[] = { NOTICES_QUEUE };
	struct courier *courier = notices->courier;
	struct store *store = courier->self.store;
	size_t most = courier->broker->ops->max_batch;
	const struct lease_request request = { .queues = queues,
		.queue_count = 1,
		.owner = courier->self.setup->owner,
		.lease_ms = LEASE_MS,
		.max = most < BATCH_MAX ? most : BATCH_MAX };
	struct error err;
	bool ok = store->ops->lease(store, &request, &notices->batch, &err);
	return courier_note_store(courier, ok, "notices", &err);
}

void courier_notices_look(struct courier *courier)
{
	struct courier_notices *notices = courier->notices;
	struct store *store = courier->self.store;
	int64_t now = clock_steady_ms();
	if (notices->is_under_way || courier->is_stopping || courier_is_store_out(courier))
		return;
	uint32_t rung = store->ops->bell(store, NOTICES_QUEUE);
	if ((rung == notices->seen && now < notices->look_at_ms) || !lease(notices))
		return;
	size_t count = notices->batch.count, chosen = 0;
	int64_t next_ms = count ? 0 : notices->batch.next_ms;
	notices->seen = rung;
	notices->look_at_ms = now + (next_ms >= 0 && next_ms < QUIET_MS ? next_ms : QUIET_MS);
	for (size_t i = 0; i < count; i++)
		chosen += notices->is_chosen[i] = choose(notices, i);
	if (chosen == 0) {
		forget(notices);
		return;
	}
	notices->is_under_way = true;
	courier->broker->ops->prepare(courier->broker, notices->door, on_prepared, notices);
}

bool courier_notices_are_busy(const struct courier *courier)
{
	return courier->notices && courier->notices->is_under_way;
}

void courier_notices_open(struct courier *courier)
{
	courier->notices = xcalloc(1, sizeof *courier->notices);
	courier->notices->courier = courier;
}

void courier_notices_close(struct courier *courier)
{
	struct courier_notices *notices = GIVE(courier->notices);
	if (!notices)
		return;
	for (size_t i = 0; i < notices->batch.count; i++)
		notice_finish(&notices->notices[i]);
	lease_batch_finish(&notices->batch);
	free(notices->door);
	free(notices);
}
