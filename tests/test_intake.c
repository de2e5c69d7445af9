/* What a worker takes from where: keys `rate`, `max_working` and `pull`, and the order in which a
 * worker asks its queues, over the memory store. */
#include "base/clock.h"
#include "base/jsontext.h"
#include "stores/store.h"
#include "tests/config_files.h"
#include "tests/suite.h"
#include "workers/pulls.h"
#include "workers/sources.h"

#define STORE "store: 'memory:'\n"

static void rates_have_a_count_and_a_span(void)
{
	static const struct {
		const char *text;
		int64_t count, ms;
		const char *shown;
	} rows[] = { { "10/s", 10, 1000, "10/s" }, { "5/m", 5, 60000, "5/m" },
		{ "100/h", 100, 3600000, "100/h" }, { "none", 0, 0, "none" } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free)
		char *yaml =
			xprintf(STORE "queues: { q: { type: noop, rate: %s, max_working: 7 } }\n",
				rows[i].text);
		OWNED(config) struct config *config = files_load_good(yaml);
		CU_ASSERT_EQUAL(config->queues[0].rate.count, rows[i].count);
		CU_ASSERT_EQUAL(config->queues[0].rate.ms, rows[i].ms);
		CU_ASSERT_EQUAL(config->queues[0].max_working, 7);
		OWNED(json) json_t *told = config_describe(config);
		const json_t *keys = json_object_get(json_object_get(told, "queues"), "q");
		CU_ASSERT_STRING_EQUAL(
			jsontext_member(json_object_get(keys, "rate"), "value"), rows[i].shown);
	}
}

static void what_is_no_rate_or_pull_is_refused(void)
{
	static const struct {
		const char *yaml, *mistake;
	} rows[] = {
		{ "rate: 10",
			"reeve.yaml:2:28: queues.q.rate: expected a rate like 10/s, 5/m or 100/h "
			"from 1 to 1000000 or none, got \"10\"" },
		{ "rate: 0/s", NULL },
		{ "rate: 1/d", NULL },
		{ "rate: 1000001/s", NULL },
		{ "max_working: 0", NULL },
		{ "pull: urgent", NULL },
		{ "pull: []", "reeve.yaml:2:28: queues.q.pull: expected 1 to 100 queues, got 0" },
		{ "pull: { a: 0 }",
			"reeve.yaml:2:36: queues.q.pull.a: expected a weight from 1 to 100, got "
			"\"0\"" },
		{ "pull: { a: 101 }", NULL },
		{ "pull: [a, a]", NULL },
		{ "pull: ['a b']", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *mistakes = NULL;
		OWNED(free)
		char *yaml = xprintf(STORE "queues: { q: { type: noop, %s } }\n", rows[i].yaml);
		CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
		if (rows[i].mistake)
			CU_ASSERT_STRING_EQUAL(mistakes, rows[i].mistake);
	}
}

static void a_schedule_may_push_to_a_pulled_queue(void)
{
	OWNED(free)
	char *warnings =
		files_warnings(STORE "queues: { mixed: { type: noop, pull: [urgent] } }\n"
				     "schedules: { s: { queue: urgent, cron: '@daily' } }\n");
	CU_ASSERT_STRING_EQUAL(warnings, "");
}

static void a_queue_that_a_pool_pulls_counts_as_configured(void)
{
	OWNED(config)
	struct config *config = files_load_good(
		STORE "queues:\n"
		      "  mixed: { type: noop, pull: [urgent, mail], rate: 3/s, priority: 4 }\n"
		      "  mail: { type: noop, priority: 9 }\n"
		      "  other: { type: noop, pull: { urgent: 3, mail: 1 } }\n");
	CU_ASSERT_PTR_EQUAL(config_find_served(config, "urgent"), &config->queues[0]);
	CU_ASSERT_PTR_EQUAL(config_find_served(config, "mail"), &config->queues[1]);
	CU_ASSERT_PTR_NULL(config_find_served(config, "mixed"));
	CU_ASSERT_PTR_NULL(config_find_served(config, "nowhere"));
	struct config_served at = { 0 };
	CU_ASSERT_TRUE(config_next_served(config, &at));
	CU_ASSERT_STRING_EQUAL(at.name, "urgent");
	CU_ASSERT_TRUE(config_next_served(config, &at));
	CU_ASSERT_STRING_EQUAL(at.name, "mail");
	CU_ASSERT_PTR_EQUAL(at.queue, &config->queues[1]);
	CU_ASSERT_FALSE(config_next_served(config, &at));
	CU_ASSERT_EQUAL(config_compare_queue(&config->queues[0], &config->queues[2]), RELOAD_ROLL);
}

/* A worker of the pool "mixed" on a memory store. */
static struct store *store;
static struct scoreboard *board;
static int board_fd;
static struct config *config;
static struct worker_setup setup;
static struct sources sources;

static void begin(const char *pull)
{
	struct error err;
	OWNED(free)
	char *yaml = xprintf(STORE "queues: { mixed: { type: noop, pull: %s } }\n", pull);
	config = files_load_good(yaml);
	CU_ASSERT_TRUE_FATAL(store_open("memory:", NULL, &store, &err));
	CU_ASSERT_TRUE_FATAL(scoreboard_create(&board, &board_fd, &err));
	setup = (struct worker_setup){
		.config = config, .queue = &config->queues[0], .board = board
	};
	sources_open(&sources, &setup);
}

static void end(void)
{
	sources_finish(&sources);
	store_close(store);
	scoreboard_destroy(board, board_fd);
	config_destroy(config);
}

static void push(const char *queue, int count)
{
	struct error err;
	for (int i = 0; i < count; i++) {
		char id[IDS_UUID_SIZE];
		store_new_id(store, id);
		const struct push one = {
			.id = id, .name = queue, .queue = queue, .payload = "null"
		};
		CU_ASSERT_TRUE_FATAL(store->ops->push(store, &one, 1, NULL, &err));
	}
}

/* Takes one task; its queue's first letter, or '-'. */
static char take(struct lease_batch *batch)
{
	struct lease_request request = {
		.owner = "0123456789abcdef0123456789abcdef", .lease_ms = 30000, .max = 1
	};
	struct error err;
	sources_request(&sources, &request);
	CU_ASSERT_TRUE_FATAL(store->ops->lease(store, &request, batch, &err));
	sources_note(&sources, batch);
	return batch->count > 0 ? batch->tasks[0].queue[0] : '-';
}

static void expect_takes(const char *letters)
{
	OWNED(free) char *got = xstrdup(letters);
	for (size_t i = 0; letters[i]; i++) {
		struct lease_batch batch;
		got[i] = take(&batch);
		lease_batch_finish(&batch);
	}
	CU_ASSERT_STRING_EQUAL(got, letters);
}

static void a_list_is_a_strict_order(void)
{
	begin("[urgent, mail, bulk]");
	push("bulk", 2);
	push("mail", 2);
	push("urgent", 2);
	expect_takes("uum");
	push("urgent", 1);
	expect_takes("umbb-");
	end();
}

static void weights_are_shares_over_time(void)
{
	begin("{ urgent: 3, mail: 1 }");
	push("urgent", 30);
	push("mail", 30);
	expect_takes("uumuuumuuumuuumuuumu");
	end();
}

static void a_queue_that_had_nothing_saves_nothing_up(void)
{
	begin("{ urgent: 1, mail: 1 }");
	push("mail", 20);
	expect_takes("mmmmmmmm");
	push("urgent", 20);
	expect_takes("umumumum");
	end();
}

static void every_weight_is_served_in_its_proportion(void)
{
	int counts[3] = { 0 };
	begin("{ a: 100, b: 10, c: 1 }");
	push("a", 1000);
	push("b", 100);
	push("c", 10);
	for (int i = 0; i < 555; i++) {
		struct lease_batch batch;
		counts[take(&batch) - 'a']++;
		lease_batch_finish(&batch);
	}
	CU_ASSERT_EQUAL(counts[0], 500);
	CU_ASSERT_EQUAL(counts[1], 50);
	CU_ASSERT_EQUAL(counts[2], 5);
	end();
}

static void a_pool_is_the_sum_of_what_it_pulls(void)
{
	struct queue_stats stats;
	struct error err;
	begin("[urgent, mail]");
	push("urgent", 2);
	push("mail", 3);
	expect_takes("u");
	CU_ASSERT_TRUE_FATAL(pulls_get_stats(store, &config->queues[0], &stats, &err));
	CU_ASSERT_EQUAL(stats.depth, 4);
	CU_ASSERT_EQUAL(stats.working, 1);
	CU_ASSERT_TRUE_FATAL(store->ops->set_pause(store, "urgent", true, &err));
	CU_ASSERT_TRUE_FATAL(pulls_get_stats(store, &config->queues[0], &stats, &err));
	CU_ASSERT_EQUAL(stats.paused_at_ms, 0);
	expect_takes("m");
	CU_ASSERT_TRUE_FATAL(store->ops->set_pause(store, "mail", true, &err));
	CU_ASSERT_TRUE_FATAL(pulls_get_stats(store, &config->queues[0], &stats, &err));
	CU_ASSERT_TRUE(stats.paused_at_ms > 0);
	expect_takes("-");
	end();
}

static void limits_are_those_that_the_supervisor_tells(void)
{
	begin("[urgent, mail]");
	push("urgent", 3);
	push("mail", 3);
	struct queue_board *row = scoreboard_find_queue(board, "urgent");
	atomic_store(&row->max_working, 1);
	expect_takes("um");
	atomic_store(&row->max_working, 2);
	expect_takes("um");
	atomic_store(&row->max_working, 0);
	atomic_store(&row->rate, (uint64_t)1 << 32 | 3600);
	expect_takes("um-");
	end();
}

/* Of two workers that wait for one rate the second leaves the time to the first. */
static void one_worker_looks_at_the_time_for_all(void)
{
	struct sources other;
	struct lease_batch batch, limited = { .next_ms = 40, .is_limited = true };
	begin("[urgent]");
	sources_open(&other, &setup);
	sources_listen(&sources, store);
	sources_listen(&other, store);
	int64_t began = clock_steady_ms();
	sources_wait(&sources, store, &limited, 1);
	sources_wait(&other, store, &limited, 200);
	CU_ASSERT_TRUE(clock_steady_ms() - began >= 200);
	/* Once the first has work, the second looks itself. */
	push("urgent", 1);
	CU_ASSERT_EQUAL(take(&batch), 'u');
	lease_batch_finish(&batch);
	CU_ASSERT_EQUAL(atomic_load(&sources.pool->look_at_ms), 0);
	sources_listen(&other, store);
	limited.next_ms = 60000;
	sources_wait(&other, store, &limited, 1);
	CU_ASSERT_TRUE(atomic_load(&other.pool->look_at_ms) > clock_steady_ms() + 30000);
	sources_finish(&other);
	end();
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(rates_have_a_count_and_a_span),
		SUITE_TEST(what_is_no_rate_or_pull_is_refused),
		SUITE_TEST(a_schedule_may_push_to_a_pulled_queue),
		SUITE_TEST(a_queue_that_a_pool_pulls_counts_as_configured),
		SUITE_TEST(a_list_is_a_strict_order),
		SUITE_TEST(weights_are_shares_over_time),
		SUITE_TEST(a_queue_that_had_nothing_saves_nothing_up),
		SUITE_TEST(every_weight_is_served_in_its_proportion),
		SUITE_TEST(a_pool_is_the_sum_of_what_it_pulls),
		SUITE_TEST(limits_are_those_that_the_supervisor_tells),
		SUITE_TEST(one_worker_looks_at_the_time_for_all),
	};
	files_enter();
	int status = suite_run("intake", tests, ARRAY_SIZE(tests));
	files_leave();
	return status;
}
