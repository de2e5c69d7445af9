/* workers/schedules.c over the memory store, with a clock that the test moves: what is started,
 * when, and by whom. */
#include "base/calendar.h"
#include "base/log.h"
#include "tests/suite.h"
#include "workers/acts.h"
#include "workers/schedules.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE_S 60
#define HOUR_S   3600
#define DAY_S    CALENDAR_DAY_S

static struct store *store;
static struct config config;
static int64_t now_s;

/* The store, with its acts counted; `lost` of the next answers of fire are lost on their way. */
static struct store_ops counted;
static const struct store_ops *real;
static int fires, reads, asks, lost;

static bool count_fire(
	struct store *at, const struct firing *firing, bool *is_done, struct error *err)
{
	fires++;
	bool ok = real->fire(at, firing, is_done, err);
	if (ok && lost > 0 && lost--)
		return error_set(err, ERROR_UNAVAILABLE, "no answer");
	return ok;
}

static bool count_reads(struct store *at, const char *const *names, size_t count,
	struct schedule_list *list, struct error *err)
{
	reads++;
	return real->get_schedules(at, names, count, list, err);
}

static bool count_asks(struct store *at, const char *id, struct job_record *job, struct error *err)
{
	asks++;
	return real->get_job(at, id, job, err);
}

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	return calendar_days((struct calendar_date){ year, month, day }) * DAY_S + hour * HOUR_S +
	       minute * MINUTE_S;
}

static void begin(void)
{
	struct error err = { 0 };
	CU_ASSERT_TRUE_FATAL(store_open("memory:", NULL, &store, &err));
	real = store->ops;
	counted = *real;
	counted.fire = count_fire;
	counted.get_schedules = count_reads;
	counted.get_job = count_asks;
	store->ops = &counted;
	fires = reads = asks = lost = 0;
	now_s = utc(2026, 11, 23, 0, 0);
	config = (struct config){ .workflow_paths = xcalloc(2, sizeof(char *)) };
}

static struct config_schedule *add(const char *name, const char *cron, const char *zone)
{
	config.schedules = xgrow(config.schedules, config.schedule_count, &config.schedule_room,
		sizeof *config.schedules);
	struct config_schedule *schedule = &config.schedules[config.schedule_count++];
	*schedule = (struct config_schedule){ .name = xstrdup(name),
		.queue = xstrdup("mail"),
		.payload = json_object(),
		.cron_text = xstrdup(cron),
		.catch_up = CATCH_UP_ONE,
		.overlap = OVERLAP_ALLOW,
		.is_enabled = true };
	CU_ASSERT_TRUE_FATAL(cron_parse(cron, &schedule->cron, NULL));
	struct zone *found = NULL;
	for (size_t i = 0; i < config.zone_count; i++)
		if (strcmp(zone_name(config.zones[i]), zone) == 0)
			found = config.zones[i];
	if (!found) {
		CU_ASSERT_TRUE_FATAL(zone_open(zone, &found, NULL));
		config.zones =
			xrealloc(config.zones, (config.zone_count + 1) * sizeof(struct zone *));
		config.zones[config.zone_count++] = found;
	}
	schedule->zone = found;
	return schedule;
}

static void set_cron(struct config_schedule *schedule, const char *cron)
{
	CU_ASSERT_TRUE_FATAL(cron_parse(cron, &schedule->cron, NULL));
	free(schedule->cron_text);
	schedule->cron_text = xstrdup(cron);
}

static void end(void)
{
	store->ops = real;
	store_close(store);
	for (size_t i = 0; i < config.schedule_count; i++) {
		struct config_schedule *schedule = &config.schedules[i];
		free(schedule->name);
		free(schedule->queue);
		free(schedule->task);
		free(schedule->workflow);
		free(schedule->cron_text);
		json_decref(schedule->payload);
	}
	free(config.schedules);
	for (size_t i = 0; i < config.zone_count; i++)
		zone_close(config.zones[i]);
	free(config.zones);
	free(config.workflow_paths);
}

/* Looks until nothing is left to do now; answers how long until there is, −1: never. */
static int64_t look(struct schedules *keeper)
{
	struct error err;
	int64_t wait_ms = 0;
	for (int turns = 0; wait_ms == 0 && turns < 100000; turns++)
		if (!schedules_look(keeper, store, now_s * 1000, &wait_ms, &err))
			wait_ms = 0;
	return wait_ms;
}

/* Each instant that becomes due until then, at once when it does. */
static void run_until(struct schedules *keeper, int64_t until_s)
{
	while (now_s < until_s) {
		int64_t wait_ms = look(keeper);
		int64_t next_s = wait_ms < 0 ? until_s : now_s + wait_ms / 1000;
		now_s = next_s < until_s ? next_s : until_s;
	}
	look(keeper);
}

/* state −1: in any. */
static size_t count_in(int state)
{
	const struct task_filter filter = {
		.queue = "mail", .state = state, .parent = -1, .limit = 1000
	};
	struct task_list list;
	CU_ASSERT_TRUE_FATAL(store->ops->list_tasks(store, &filter, &list, NULL));
	size_t count = list.count;
	task_list_finish(&list);
	return count;
}

static size_t count_tasks(void)
{
	return count_in(-1);
}

/* Takes and ends one task. */
static void work_one(void)
{
	const char *const queue = "mail";
	const struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = "w", .lease_ms = 60000, .max = 1
	};
	struct lease_batch batch = { 0 };
	struct commit_result result;
	CU_ASSERT_TRUE_FATAL(store->ops->lease(store, &request, &batch, NULL));
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	const struct commit commit = {
		.id = batch.tasks[0].id, .token = batch.tasks[0].token, .outcome = OUTCOME_COMPLETED
	};
	CU_ASSERT_TRUE(store->ops->commit(store, &commit, 1, &result, NULL, NULL, NULL));
	lease_batch_finish(&batch);
}

static char *read_note(const char *name)
{
	struct schedule_list list;
	CU_ASSERT_TRUE_FATAL(real->get_schedules(store, &name, 1, &list, NULL));
	char *text = xstrdup(list.rows[0].text);
	schedule_list_finish(&list);
	return text;
}

static void a_new_schedule_starts_at_its_next_instant_and_not_before(void)
{
	add("hourly", "0 * * * *", "UTC");
	now_s += 30 * MINUTE_S;
	struct schedules *keeper = schedules_create(&config);
	CU_ASSERT_EQUAL(look(keeper), 30 * MINUTE_S * 1000);
	CU_ASSERT_EQUAL(count_tasks(), 0);
	now_s += 30 * MINUTE_S - 1;
	CU_ASSERT_EQUAL(look(keeper), 1000);
	CU_ASSERT_EQUAL(count_tasks(), 0);
	now_s++;
	CU_ASSERT_EQUAL(look(keeper), HOUR_S * 1000);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	schedules_destroy(keeper);
}

static void many_keepers_start_an_instant_once(void)
{
	enum { KEEPERS = 5 };
	struct schedules *keepers[KEEPERS];
	add("hourly", "0 * * * *", "UTC");
	for (int i = 0; i < KEEPERS; i++) {
		keepers[i] = schedules_create(&config);
		look(keepers[i]);
	}
	for (size_t hour = 1; hour <= 6; hour++) {
		now_s += HOUR_S;
		for (int i = 0; i < KEEPERS; i++)
			look(keepers[(i + (int)hour) % KEEPERS]);
		CU_ASSERT_EQUAL(count_tasks(), hour);
	}
	for (int i = 0; i < KEEPERS; i++)
		schedules_destroy(keepers[i]);
}

/* Two hosts whose clocks are seconds apart. */
static void a_clock_that_is_behind_starts_nothing_twice(void)
{
	add("minutely", "* * * * *", "UTC");
	struct schedules *fast = schedules_create(&config), *slow = schedules_create(&config);
	look(fast);
	look(slow);
	for (size_t i = 1; i <= 10; i++) {
		now_s += MINUTE_S;
		look(fast);
		now_s -= 7;
		look(slow);
		now_s += 7;
		CU_ASSERT_EQUAL(count_tasks(), i);
	}
	look(slow);
	CU_ASSERT_EQUAL(count_tasks(), 10);
	schedules_destroy(fast);
	schedules_destroy(slow);
}

static void an_answer_that_is_lost_starts_nothing_twice(void)
{
	add("hourly", "0 * * * *", "UTC");
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	now_s += HOUR_S;
	lost = 1;
	look(keeper);
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	schedules_destroy(keeper);
}

/* The keeper is away for five hours and ten minutes: five instants, the last ten minutes ago. */
static size_t count_after_absence(enum catch_up catch_up)
{
	add("hourly", "0 * * * *", "UTC")->catch_up = catch_up;
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	schedules_destroy(keeper);
	now_s += 5 * HOUR_S + 10 * MINUTE_S;
	keeper = schedules_create(&config);
	CU_ASSERT_EQUAL(look(keeper), 50 * MINUTE_S * 1000);
	size_t count = count_tasks();
	now_s += 50 * MINUTE_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), count + 1);
	schedules_destroy(keeper);
	return count;
}

static void missed_instants_are_left_out_with_skip(void)
{
	CU_ASSERT_EQUAL(count_after_absence(CATCH_UP_SKIP), 0);
}

static void missed_instants_are_made_up_for_by_one(void)
{
	CU_ASSERT_EQUAL(count_after_absence(CATCH_UP_ONE), 1);
}

static void missed_instants_are_all_made_up_for_with_all(void)
{
	CU_ASSERT_EQUAL(count_after_absence(CATCH_UP_ALL), 5);
}

/* A keeper that is killed at the instant and is back some seconds later. */
static void an_instant_is_not_missed_within_a_minute(void)
{
	add("hourly", "0 * * * *", "UTC")->catch_up = CATCH_UP_SKIP;
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	schedules_destroy(keeper);
	now_s += HOUR_S + 59;
	keeper = schedules_create(&config);
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	schedules_destroy(keeper);
}

static struct schedules *start_first(enum overlap overlap)
{
	add("hourly", "0 * * * *", "UTC")->overlap = overlap;
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	return keeper;
}

static void with_skip_nothing_starts_while_the_last_one_runs(void)
{
	struct schedules *keeper = start_first(OVERLAP_SKIP);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	work_one();
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	schedules_destroy(keeper);
}

static void with_queue_each_starts_when_the_one_before_has_ended(void)
{
	struct schedules *keeper = start_first(OVERLAP_QUEUE);
	now_s += 2 * HOUR_S;
	config.schedules[0].catch_up = CATCH_UP_ALL;
	CU_ASSERT_EQUAL(look(keeper), 1000);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	/* What waits is kept where another keeper takes over. */
	schedules_destroy(keeper);
	keeper = schedules_create(&config);
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	work_one();
	now_s++;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	work_one();
	now_s++;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 3);
	work_one();
	now_s++;
	CU_ASSERT_EQUAL(look(keeper), (HOUR_S - 3) * 1000);
	CU_ASSERT_EQUAL(count_tasks(), 3);
	schedules_destroy(keeper);
}

static void with_replace_the_last_one_is_cancelled(void)
{
	struct schedules *keeper = start_first(OVERLAP_REPLACE);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	CU_ASSERT_EQUAL(count_in(TASK_CANCELLED), 1);
	/* One that has ended by itself is left alone. */
	work_one();
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_in(TASK_CANCELLED), 1);
	CU_ASSERT_EQUAL(count_tasks(), 3);
	schedules_destroy(keeper);
}

static void with_allow_they_run_beside_each_other(void)
{
	struct schedules *keeper = start_first(OVERLAP_ALLOW);
	now_s += HOUR_S;
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 2);
	schedules_destroy(keeper);
}

static void what_was_disabled_has_missed_nothing(void)
{
	struct config_schedule *schedule = add("hourly", "0 * * * *", "UTC");
	schedule->catch_up = CATCH_UP_ALL;
	for (int turn = 0; turn < 3; turn++) {
		schedule->is_enabled = turn != 1;
		struct schedules *keeper = schedules_create(&config);
		look(keeper);
		now_s += 3 * HOUR_S;
		if (turn == 1)
			CU_ASSERT_EQUAL(look(keeper), -1);
		schedules_destroy(keeper);
	}
	/* Only what came after it was enabled again. */
	schedule->is_enabled = true;
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 3);
	schedules_destroy(keeper);
}

static void another_cron_has_missed_nothing(void)
{
	struct config_schedule *schedule = add("daily", "0 1 * * *", "UTC");
	struct schedules *keeper = schedules_create(&config);
	run_until(keeper, now_s + 2 * HOUR_S);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	schedules_destroy(keeper);
	now_s += 10 * HOUR_S + 30 * MINUTE_S;
	set_cron(schedule, "0 * * * *");
	keeper = schedules_create(&config);
	CU_ASSERT_EQUAL(look(keeper), 30 * MINUTE_S * 1000);
	CU_ASSERT_EQUAL(count_tasks(), 1);
	schedules_destroy(keeper);
}

/* From noon to noon round the change of clocks: how many times and when last. */
static void expect_starts(
	const char *cron, const char *zone, int64_t from_s, size_t count, int64_t last_s)
{
	begin();
	add("it", cron, zone);
	now_s = from_s;
	struct schedules *keeper = schedules_create(&config);
	run_until(keeper, from_s + DAY_S);
	if (count_tasks() != count)
		fprintf(stderr, "%s in %s: %zu starts\n", cron, zone, count_tasks());
	CU_ASSERT_EQUAL(count_tasks(), count);
	OWNED(free) char *note = read_note("it");
	OWNED(free) char *expected = xprintf("\"last\":%lld,", (long long)last_s);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, expected));
	schedules_destroy(keeper);
	end();
}

static void changes_of_clocks_start_what_the_rule_says(void)
{
	static const struct {
		const char *cron, *zone;
		int from[5], last[5];
		size_t count;
	} rows[] = {
		{ "30 2 * * *", "Europe/Madrid", { 2015, 3, 28, 12, 0 }, { 2015, 3, 29, 1, 0 }, 1 },
		{ "30 2 * * *", "Europe/Madrid", { 2015, 10, 24, 12, 0 }, { 2015, 10, 25, 0, 30 },
			1 },
		{ "30 * * * *", "Europe/Madrid", { 2015, 3, 28, 12, 0 }, { 2015, 3, 29, 11, 30 },
			24 },
		{ "30 * * * *", "Europe/Madrid", { 2015, 10, 24, 12, 0 }, { 2015, 10, 25, 11, 30 },
			24 },
		{ "30 0-23 * * *", "Europe/Madrid", { 2015, 10, 24, 12, 0 },
			{ 2015, 10, 25, 11, 30 }, 23 },
		{ "30 2 * * *", "America/New_York", { 2024, 3, 9, 12, 0 }, { 2024, 3, 10, 7, 0 },
			1 },
		{ "30 1 * * *", "America/New_York", { 2024, 11, 2, 12, 0 }, { 2024, 11, 3, 5, 30 },
			1 },
		{ "15 2 * * *", "Australia/Lord_Howe", { 2024, 10, 5, 0, 0 },
			{ 2024, 10, 5, 15, 30 }, 1 },
		{ "45 1 * * *", "Australia/Lord_Howe", { 2024, 4, 6, 0, 0 }, { 2024, 4, 6, 14, 45 },
			1 },
		{ "0 0 * * *", "America/Santiago", { 2024, 9, 7, 12, 0 }, { 2024, 9, 8, 4, 0 }, 1 },
		{ "0 3 * * *", "UTC", { 2024, 3, 30, 12, 0 }, { 2024, 3, 31, 3, 0 }, 1 },
	};
	end(); /* each row has a store of its own */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int *f = rows[i].from, *l = rows[i].last;
		expect_starts(rows[i].cron, rows[i].zone, utc(f[0], f[1], f[2], f[3], f[4]),
			rows[i].count, utc(l[0], l[1], l[2], l[3], l[4]));
	}
	begin();
}

static void a_workflow_that_is_missing_is_tried_again(void)
{
	char folder[] = "/tmp/reeve-schedules-XXXXXX";
	struct config_schedule *schedule = add("nightly", "0 1 * * *", "UTC");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	free(schedule->queue);
	schedule->queue = NULL;
	schedule->workflow = xstrdup("import");
	config.workflow_paths[0] = folder;
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	now_s += HOUR_S;
	CU_ASSERT_EQUAL(look(keeper), 60000);
	OWNED(free) char *path = xprintf("%s/import.json", folder);
	FILE *file = fopen(path, "w");
	fputs("{\"starts\":[\"only\"],\"tasks\":{\"only\":{\"queue\":\"mail\"}}}", file);
	fclose(file);
	now_s += 60;
	look(keeper);
	const struct job_filter all = { .state = -1, .limit = 10 };
	struct job_list jobs;
	CU_ASSERT_TRUE_FATAL(store->ops->list_jobs(store, &all, &jobs, NULL));
	CU_ASSERT_EQUAL_FATAL(jobs.count, 1);
	CU_ASSERT_STRING_EQUAL(jobs.rows[0].workflow, "import");
	job_list_finish(&jobs);
	schedules_destroy(keeper);
	unlink(path);
	rmdir(folder);
}

/* Acts of the store that one instant of one schedule costs, beside `others` that are not due. */
static int count_acts_of_a_tick(size_t others)
{
	add("due", "0 * * * *", "UTC")->overlap = OVERLAP_SKIP;
	for (size_t i = 0; i < others; i++) {
		char name[24];
		snprintf(name, sizeof name, "s%zu", i);
		add(name, "0 0 1 1 *", "UTC");
	}
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	now_s += HOUR_S;
	fires = reads = asks = 0;
	int64_t wait_ms;
	CU_ASSERT_TRUE(schedules_look(keeper, store, now_s * 1000, &wait_ms, NULL));
	CU_ASSERT_EQUAL(count_tasks(), 1);
	CU_ASSERT_EQUAL(wait_ms, HOUR_S * 1000);
	int acts = fires + reads + asks;
	/* And none where nothing is due. */
	now_s += HOUR_S / 2;
	fires = reads = asks = 0;
	CU_ASSERT_TRUE(schedules_look(keeper, store, now_s * 1000, &wait_ms, NULL));
	CU_ASSERT_EQUAL(fires + reads + asks, 0);
	schedules_destroy(keeper);
	return acts;
}

static void a_tick_of_many_schedules_costs_that_of_ten(void)
{
	int few = count_acts_of_a_tick(9);
	end();
	begin();
	int many = count_acts_of_a_tick(suite_many(99999, 9999));
	CU_ASSERT_EQUAL(many, few);
	CU_ASSERT_EQUAL(few, 1);
}

static void at_one_look_only_so_many_are_started(void)
{
	for (int i = 0; i < 100; i++) {
		char name[24];
		snprintf(name, sizeof name, "s%d", i);
		add(name, "0 * * * *", "UTC");
	}
	struct schedules *keeper = schedules_create(&config);
	look(keeper);
	now_s += HOUR_S;
	int64_t wait_ms = -1;
	CU_ASSERT_TRUE(schedules_look(keeper, store, now_s * 1000, &wait_ms, NULL));
	CU_ASSERT_EQUAL(wait_ms, 0);
	CU_ASSERT_TRUE(count_tasks() < 100);
	look(keeper);
	CU_ASSERT_EQUAL(count_tasks(), 100);
	schedules_destroy(keeper);
}

/* The rows of a table, each with a store of its own. */
#define OWN_TEST(function)               \
	static void own_##function(void) \
	{                                \
		begin();                 \
		function();              \
		end();                   \
	}
#define TESTS(X)                                                    \
	X(a_new_schedule_starts_at_its_next_instant_and_not_before) \
	X(many_keepers_start_an_instant_once)                       \
	X(a_clock_that_is_behind_starts_nothing_twice)              \
	X(an_answer_that_is_lost_starts_nothing_twice)              \
	X(missed_instants_are_left_out_with_skip)                   \
	X(missed_instants_are_made_up_for_by_one)                   \
	X(missed_instants_are_all_made_up_for_with_all)             \
	X(an_instant_is_not_missed_within_a_minute)                 \
	X(with_skip_nothing_starts_while_the_last_one_runs)         \
	X(with_queue_each_starts_when_the_one_before_has_ended)     \
	X(with_replace_the_last_one_is_cancelled)                   \
	X(with_allow_they_run_beside_each_other)                    \
	X(what_was_disabled_has_missed_nothing)                     \
	X(another_cron_has_missed_nothing)                          \
	X(changes_of_clocks_start_what_the_rule_says)               \
	X(a_workflow_that_is_missing_is_tried_again)                \
	X(a_tick_of_many_schedules_costs_that_of_ten)               \
	X(at_one_look_only_so_many_are_started)
TESTS(OWN_TEST)

#define ROW(function) { #function, own_##function },
int main(void)
{
	static const struct suite_test tests[] = { TESTS(ROW) };
	log_open(&(struct log_settings){ .level = LOG_ERROR, .line_max_bytes = 16384 }, NULL);
	return suite_run("schedules", tests, ARRAY_SIZE(tests));
}
