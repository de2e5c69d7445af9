/* supervisor/scaling: each sentence on how a queue's count follows its load. No clock runs here:
 * seconds are numbers. */
#include "supervisor/scaling.h"
#include "tests/suite.h"

#include <math.h>

/* A queue, its load as a steady state, and its count, taken on second by second. */
static struct {
	struct scaling_rules rules;
	struct scaling_sample sample;
	struct scaling_state state;
	struct scaling_advice advice;
} on;

static void begin(int min, int max)
{
	on.rules = (struct scaling_rules){
		.scale = { SCALE_OFFERED, 5000, 60000, 5 },
		.min = min,
		.max = max,
	};
	on.sample = (struct scaling_sample){
		.now_ms = 1000000,
		.is_measured = true,
		.workers = min,
		.room = SCALING_ROOM_UNKNOWN,
	};
	on.state = (struct scaling_state){ 0 };
}

/* One second later; the advice is followed. */
static int look(void)
{
	on.sample.now_ms += 1000;
	on.advice = scaling_step(&on.rules, &on.sample, &on.state);
	on.sample.workers = on.advice.desired;
	return on.advice.desired;
}

static void look_for(int seconds)
{
	for (int i = 0; i < seconds; i++)
		look();
}

/* `served` more attempts have ended, which took `each_ms`. */
static void serve(int served, int64_t each_ms)
{
	on.sample.served += (uint64_t)served;
	on.sample.busy_ms += served * each_ms;
}

/* Seconds in which `busy` workers do `rate` attempts a second and nothing waits. */
static void flow(int seconds, int busy, int rate)
{
	on.sample.busy = busy;
	on.sample.depth = 0;
	for (int i = 0; i < seconds; i++) {
		serve(rate, (int64_t)busy * 1000 / rate);
		look();
	}
}

static bool is_near(double value, double wanted)
{
	return fabs(value - wanted) < 0.01 * fabs(wanted) + 1e-9;
}

/* --- what is learned --- */

static void busy_is_a_mean_of_twenty_seconds(void)
{
	begin(0, 100);
	look();
	on.sample.busy = 10;
	look_for(20);
	CU_ASSERT_TRUE(is_near(on.state.busy, 10 * (1 - exp(-1))));
}

static void service_time_counts_attempts_not_seconds(void)
{
	begin(0, 100);
	look();
	CU_ASSERT_FALSE(on.state.knows_service);
	serve(4, 500);
	look();
	CU_ASSERT_TRUE(on.state.knows_service && is_near(on.state.service_s, 0.5));
	look_for(1000); /* time alone changes nothing */
	CU_ASSERT_TRUE(is_near(on.state.service_s, 0.5));
	serve(1, 1500);
	look();
	CU_ASSERT_TRUE(is_near(on.state.service_s, 0.5 + 0.05 * 1.0));
	serve(500, 100);
	look();
	CU_ASSERT_TRUE(is_near(on.state.service_s, 0.1));
}

static void arrivals_are_what_ended_and_what_came_to_the_rest(void)
{
	begin(0, 100);
	look();
	for (int i = 0; i < 200; i++) {
		serve(2, 100);
		on.sample.depth += 3;
		look();
	}
	CU_ASSERT_TRUE(is_near(on.state.arrivals_per_s, 5));
	for (int i = 0; i < 200; i++) { /* a backlog that is worked off is no arrival */
		serve(3, 100);
		on.sample.depth -= 3;
		look();
	}
	CU_ASSERT_TRUE(fabs(on.state.arrivals_per_s) < 0.01);
}

static void arrivals_of_slow_tasks_are_a_longer_mean(void)
{
	begin(0, 1000);
	look();
	serve(1, 60000);
	look();
	on.state.arrivals_per_s = 0;
	for (int i = 0; i < 120; i++) {
		on.sample.depth++;
		look();
	}
	CU_ASSERT_TRUE(is_near(on.state.arrivals_per_s, 1 - exp(-1)));
}

static void counters_of_another_life_teach_nothing(void)
{
	begin(0, 100);
	serve(100, 1000);
	look();
	serve(1, 200);
	look();
	on.sample.served = 0;
	on.sample.busy_ms = 0;
	look();
	CU_ASSERT_TRUE(is_near(on.state.service_s, 0.2));
}

/* --- the formula --- */

static void demand_is_load_and_its_root_and_the_backlogs_share(void)
{
	begin(0, 1000);
	flow(400, 16, 8); /* R 16, S 2 s */
	CU_ASSERT_EQUAL(on.advice.needed, 20);
	on.sample.depth = 10; /* λ·S is 16 too: 16 + 4 + 10 · 2/5 */
	on.sample.busy = 16;
	serve(8, 2000);
	on.state.flow += 10; /* they were there before: no arrivals */
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 24);
}

static void arrivals_count_only_while_something_waits(void)
{
	begin(0, 1000);
	flow(10, 1, 1);
	on.state.arrivals_per_s = 49;
	on.state.busy = 1;
	on.sample.busy = 1;
	look();
	CU_ASSERT_TRUE(on.advice.needed == 2);
	on.state.arrivals_per_s = 49;
	on.state.flow += 1;
	on.sample.depth = 1;
	look(); /* a second on, λ is a little below 49: 46.6 + √46.6 + 0.2 */
	CU_ASSERT_EQUAL(on.advice.needed, 54);
}

static void a_backlog_of_slow_tasks_counts_whole(void)
{
	begin(0, 1000);
	look();
	serve(1, 60000);
	look();
	on.sample.depth = 7;
	on.state.flow += 7; /* they were there before: no arrivals */
	on.state.arrivals_per_s = 0;
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 7);
}

static void without_a_service_time_it_is_working_and_waiting(void)
{
	begin(0, 1000);
	look();
	on.sample.working = 3;
	on.sample.busy = 20; /* some of those that waited at the measurement have been taken */
	on.sample.depth = 40;
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 43);
}

/* --- bounds --- */

static void a_pool_starts_at_min_and_stays_within_its_bounds(void)
{
	begin(2, 5);
	CU_ASSERT_EQUAL(look(), 2);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_MIN);
	on.sample.depth = 1000;
	look_for(5);
	CU_ASSERT_EQUAL(on.advice.desired, 5);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_MAX);
}

static void a_lower_max_counts_at_once_and_a_higher_min_too(void)
{
	begin(0, 50);
	on.sample.depth = 1000;
	look_for(10);
	on.rules.max = 7;
	CU_ASSERT_EQUAL(look(), 7);
	begin(0, 50);
	look();
	on.rules.min = 30;
	CU_ASSERT_EQUAL(look(), 30);
}

static void max_working_and_rate_cap_the_demand(void)
{
	begin(0, 100);
	on.rules.max_working = 6;
	on.sample.depth = 1000;
	look_for(10);
	CU_ASSERT_EQUAL(on.advice.desired, 6);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_WORKING);
	begin(0, 100);
	on.rules.rate_per_s = 0.5;
	on.sample.depth = 1000;
	on.sample.working = 2;
	look_for(10); /* no service time is known */
	CU_ASSERT_EQUAL(on.advice.desired, 3);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_RATE);
	begin(0, 100);
	on.rules.rate_per_s = 2;
	serve(1, 0);
	look();
	serve(1, 1750); /* 2/s of 1.75 s each keep 3.5 busy */
	on.sample.depth = 1000;
	look_for(10);
	CU_ASSERT_EQUAL(on.advice.desired, 4);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_RATE);
}

static void steps_up_double_or_add_four(void)
{
	static const int wanted[] = { 4, 8, 16, 32, 64, 100, 100 };
	begin(0, 100);
	look();
	on.sample.depth = 100000;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		CU_ASSERT_EQUAL(look(), wanted[i]);
	begin(2, 100);
	look();
	on.sample.depth = 100000;
	CU_ASSERT_EQUAL(look(), 6);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_STEP);
}

static void no_step_under_a_tenth_with_an_empty_queue(void)
{
	begin(0, 100);
	flow(400, 16, 8);
	CU_ASSERT_EQUAL(on.advice.needed, 20);
	on.sample.workers = 21; /* 4.8 % too many */
	look_for(200);
	CU_ASSERT_EQUAL(on.sample.workers, 21);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_SLIGHT);
	on.sample.workers = 19;
	look_for(5);
	CU_ASSERT_EQUAL(on.sample.workers, 19);
	on.sample.depth = 1; /* with a backlog it is worth it */
	on.state.flow += 1;
	look();
	CU_ASSERT_EQUAL(on.sample.workers, 21);
	on.sample.depth = 0;
	look_for(100); /* so that the 21 are out of the window */
	on.sample.workers = 24;
	look();
	CU_ASSERT_EQUAL(on.sample.workers, 20);
}

/* --- down --- */

static void down_goes_to_the_highest_of_the_window(void)
{
	begin(0, 100);
	on.sample.busy = 50;
	look();
	serve(50, 1000);
	look_for(10);
	CU_ASSERT_EQUAL(on.sample.workers, 58);
	on.sample.busy = 0;
	look_for(55);
	CU_ASSERT_EQUAL(on.sample.workers, 58);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_WINDOW);
	look_for(8); /* the need has been falling all the time, and so does the count */
	CU_ASSERT_TRUE(on.sample.workers < 58 && on.sample.workers > 40);
	look_for(300);
	CU_ASSERT_EQUAL(on.sample.workers, 0);
}

static void a_peak_holds_for_a_window_of_any_length(void)
{
	static const int64_t windows_s[] = { 1, 5, 30, 60, 600 };
	for (size_t i = 0; i < ARRAY_SIZE(windows_s); i++) {
		int64_t window_s = windows_s[i], held_s = 0;
		begin(0, 10);
		on.rules.scale.strategy = SCALE_DEPTH;
		on.rules.scale.window_ms = window_s * 1000;
		look();
		on.sample.depth = 15;
		look();
		on.sample.depth = 0;
		while (look() == 3)
			held_s++;
		CU_ASSERT_TRUE(held_s >= window_s - 1 && held_s <= window_s + window_s / 32 + 2);
	}
}

static void growing_back_within_the_window_doubles_it_to_ten_minutes(void)
{
	begin(0, 10);
	on.rules.scale.strategy = SCALE_DEPTH;
	for (int round = 0; round < 6; round++) {
		static const int64_t windows_s[] = { 60, 120, 240, 480, 600, 600 };
		on.sample.depth = 5;
		look();
		CU_ASSERT_EQUAL(on.sample.workers, 1);
		CU_ASSERT_EQUAL(scaling_window_ms(&on.rules, &on.state), windows_s[round] * 1000);
		on.sample.depth = 0;
		while (look() > 0)
			;
	}
}

static void growing_back_later_doubles_nothing(void)
{
	begin(0, 10);
	on.rules.scale.strategy = SCALE_DEPTH;
	for (int round = 0; round < 3; round++) {
		on.sample.depth = 5;
		look();
		on.sample.depth = 0;
		while (look() > 0)
			;
		look_for(61);
	}
	CU_ASSERT_EQUAL(scaling_window_ms(&on.rules, &on.state), 60000);
}

static void a_quiet_time_halves_a_doubled_window(void)
{
	begin(0, 10);
	on.rules.scale.strategy = SCALE_DEPTH;
	for (int round = 0; round < 2; round++) {
		on.sample.depth = 5;
		look();
		on.sample.depth = 0;
		while (look() > 0)
			;
	}
	CU_ASSERT_EQUAL(scaling_window_ms(&on.rules, &on.state), 120000);
	look_for(1200);
	CU_ASSERT_EQUAL(scaling_window_ms(&on.rules, &on.state), 60000);
	look_for(1200);
	CU_ASSERT_EQUAL(scaling_window_ms(&on.rules, &on.state), 60000);
}

/* --- zero --- */

static void min_zero_scales_to_zero_after_a_window(void)
{
	int idle_s = 0;
	begin(0, 10);
	on.sample.depth = 1;
	look();
	on.sample.depth = 0;
	on.sample.busy = 1;
	on.sample.working = 1;
	look_for(3);
	serve(1, 3000);
	on.sample.busy = 0;
	on.sample.working = 0;
	while (look() > 0)
		idle_s++;
	CU_ASSERT_TRUE(idle_s >= 59 && idle_s <= 62);
}

static void the_last_worker_stays_while_it_is_busy(void)
{
	begin(0, 10);
	flow(30, 1, 10);
	on.sample.busy = 1;
	look_for(3600);
	CU_ASSERT_TRUE(on.sample.workers >= 1);
}

static void one_ready_task_wakes_at_the_next_look(void)
{
	begin(0, 10);
	look();
	serve(1000, 1); /* tasks of a millisecond: their share of a worker is nearly nothing */
	look_for(100);
	CU_ASSERT_EQUAL(on.sample.workers, 0);
	on.sample.depth = 1;
	CU_ASSERT_EQUAL(look(), 1);
}

/* --- holding --- */

static void without_measurement_the_count_holds(void)
{
	begin(0, 100);
	on.sample.depth = 10;
	look_for(2);
	int held = on.sample.workers;
	on.sample.is_measured = false;
	on.sample.depth = 0;
	look_for(600);
	CU_ASSERT_EQUAL(on.sample.workers, held);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_BLINDNESS);
	on.sample.is_measured = true;
	look_for(50); /* and the time of holding is no evidence of idleness */
	CU_ASSERT_EQUAL(on.sample.workers, held);
	look_for(20);
	CU_ASSERT_EQUAL(on.sample.workers, 0);
}

static void a_held_count_stays_and_what_was_needed_counts_after_it(void)
{
	begin(0, 100);
	look();
	on.sample.is_held = true;
	on.sample.workers = 50;
	look_for(100);
	CU_ASSERT_EQUAL(on.sample.workers, 50);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_HOLD);
	on.sample.is_held = false;
	CU_ASSERT_EQUAL(look(), 0);
	on.sample.is_held = true;
	on.sample.depth = 10;
	look_for(100);
	CU_ASSERT_EQUAL(on.sample.workers, 0);
	on.sample.is_held = false;
	CU_ASSERT_EQUAL(look(), 4);
}

static void memory_vetoes_growth_and_nothing_else(void)
{
	begin(0, 100);
	on.sample.depth = 1000;
	look();
	on.sample.room = 1;
	CU_ASSERT_EQUAL(look(), 5);
	CU_ASSERT_EQUAL(on.advice.limit, SCALING_BY_MEMORY);
	on.sample.room = 0;
	CU_ASSERT_EQUAL(look(), 5);
	on.sample.room = 1000;
	CU_ASSERT_EQUAL(look(), 10);
	on.sample.room = 0;
	on.sample.depth = 0;
	look_for(100);
	CU_ASSERT_EQUAL(on.sample.workers, 0);
}

/* --- strategies --- */

static void depth_counts_messages_per_worker(void)
{
	begin(0, 100);
	on.rules.scale.strategy = SCALE_DEPTH;
	on.sample.working = 3;
	on.sample.depth = 8;
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 3);
	on.sample.depth = 7;
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 2);
	serve(100, 60000); /* the service time is nothing to it */
	look();
	CU_ASSERT_EQUAL(on.advice.needed, 2);
}

static void fixed_follows_nothing(void)
{
	begin(2, 100);
	on.rules.scale.strategy = SCALE_FIXED;
	on.sample.depth = 1000;
	look_for(100);
	CU_ASSERT_EQUAL(on.sample.workers, 2);
}

/* --- accidents of others --- */

/* keda#1643: nothing waits whatever the arrivals are, and the count bounces between min and N. */
static void a_steady_load_that_leaves_nothing_waiting_keeps_its_workers(void)
{
	begin(1, 50);
	flow(200, 9, 9);
	int count = on.sample.workers;
	CU_ASSERT_EQUAL(count, 12);
	for (int i = 0; i < 3600; i++) {
		on.sample.busy = i % 7 + 6; /* 9 in the mean */
		serve(9, 1000);
		look();
	}
	CU_ASSERT_TRUE(on.sample.workers >= 12 && on.sample.workers <= 14);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(busy_is_a_mean_of_twenty_seconds),
		SUITE_TEST(service_time_counts_attempts_not_seconds),
		SUITE_TEST(arrivals_are_what_ended_and_what_came_to_the_rest),
		SUITE_TEST(arrivals_of_slow_tasks_are_a_longer_mean),
		SUITE_TEST(counters_of_another_life_teach_nothing),
		SUITE_TEST(demand_is_load_and_its_root_and_the_backlogs_share),
		SUITE_TEST(arrivals_count_only_while_something_waits),
		SUITE_TEST(a_backlog_of_slow_tasks_counts_whole),
		SUITE_TEST(without_a_service_time_it_is_working_and_waiting),
		SUITE_TEST(a_pool_starts_at_min_and_stays_within_its_bounds),
		SUITE_TEST(a_lower_max_counts_at_once_and_a_higher_min_too),
		SUITE_TEST(max_working_and_rate_cap_the_demand),
		SUITE_TEST(steps_up_double_or_add_four),
		SUITE_TEST(no_step_under_a_tenth_with_an_empty_queue),
		SUITE_TEST(down_goes_to_the_highest_of_the_window),
		SUITE_TEST(a_peak_holds_for_a_window_of_any_length),
		SUITE_TEST(growing_back_within_the_window_doubles_it_to_ten_minutes),
		SUITE_TEST(growing_back_later_doubles_nothing),
		SUITE_TEST(a_quiet_time_halves_a_doubled_window),
		SUITE_TEST(min_zero_scales_to_zero_after_a_window),
		SUITE_TEST(the_last_worker_stays_while_it_is_busy),
		SUITE_TEST(one_ready_task_wakes_at_the_next_look),
		SUITE_TEST(without_measurement_the_count_holds),
		SUITE_TEST(a_held_count_stays_and_what_was_needed_counts_after_it),
		SUITE_TEST(memory_vetoes_growth_and_nothing_else),
		SUITE_TEST(depth_counts_messages_per_worker),
		SUITE_TEST(fixed_follows_nothing),
		SUITE_TEST(a_steady_load_that_leaves_nothing_waiting_keeps_its_workers),
	};
	return suite_run("scaling", tests, ARRAY_SIZE(tests));
}
