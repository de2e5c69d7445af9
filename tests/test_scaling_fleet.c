/* supervisor/scaling over several hosts: how a need is split, and what becomes of it when each host
 * follows its share. */
#include "supervisor/scaling.h"
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

static int sum(const int *shares, size_t count)
{
	int all = 0;
	for (size_t i = 0; i < count; i++)
		all += shares[i];
	return all;
}

static void a_count_is_split_by_free_capacity(void)
{
	static const struct scaling_host hosts[] = {
		{ .capacity = 10, .busy = 4 },
		{ .capacity = 10, .busy = 0 },
		{ .capacity = 20, .busy = 18 },
		{ .capacity = 50, .busy = 5, .is_absent = true },
		{ .capacity = 2, .busy = 5 },
	};
	int shares[5];
	scaling_split(33, hosts, 5, shares); /* busy 4 + 18 + 2, then 9 over 6, 10 and 2 */
	CU_ASSERT_TRUE(shares[0] == 7 && shares[1] == 5 && shares[2] == 19);
	CU_ASSERT_TRUE(shares[3] == 0 && shares[4] == 2);
	scaling_split(0, hosts, 5, shares);
	CU_ASSERT_EQUAL(sum(shares, 5), 0);
	scaling_split(12, hosts, 5, shares); /* half of what is busy */
	CU_ASSERT_TRUE(shares[0] == 2 && shares[1] == 0 && shares[2] == 9 && shares[4] == 1);
	scaling_split(1000, hosts, 5, shares);
	CU_ASSERT_TRUE(shares[0] == 10 && shares[1] == 10 && shares[2] == 20 && shares[4] == 2);
}

static void a_split_gives_out_all_and_breaks_no_capacity(void)
{
	struct scaling_host hosts[9];
	int shares[9];
	unsigned seed = 7;
	for (int round = 0; round < 5000; round++) {
		int capacity = 0;
		for (size_t i = 0; i < 9; i++) {
			hosts[i].capacity = (int)((seed = seed * 1664525 + 1013904223) >> 16) % 40;
			hosts[i].busy = (int)((seed = seed * 1664525 + 1013904223) >> 16) % 40;
			hosts[i].is_absent = ((seed = seed * 1664525 + 1013904223) >> 16) % 4 == 0;
			capacity += hosts[i].is_absent ? 0 : hosts[i].capacity;
		}
		int wanted = round % 300;
		scaling_split(wanted, hosts, 9, shares);
		CU_ASSERT_EQUAL_FATAL(sum(shares, 9), wanted < capacity ? wanted : capacity);
		for (size_t i = 0; i < 9; i++)
			CU_ASSERT_TRUE_FATAL(
				shares[i] >= 0 &&
				shares[i] <= (hosts[i].is_absent ? 0 : hosts[i].capacity));
	}
}

/* What the keeper makes of the others: those before and those behind, each as one. */
static void join(const struct scaling_host *hosts, size_t from, size_t to, struct scaling_host *one)
{
	*one = (struct scaling_host){ 0 };
	for (size_t i = from; i < to; i++) {
		const struct scaling_host *host = &hosts[i];
		if (host->is_absent)
			continue;
		one->capacity += host->capacity;
		one->busy += host->busy < host->capacity ? host->busy : host->capacity;
	}
}

static void hosts_joined_to_one_leave_each_the_same_share(void)
{
	struct scaling_host hosts[7];
	int shares[7], share[3];
	unsigned seed = 11;
	for (int round = 0; round < 5000; round++) {
		for (size_t i = 0; i < 7; i++) {
			hosts[i].capacity = (int)((seed = seed * 1664525 + 1013904223) >> 16) % 40;
			hosts[i].busy = (int)((seed = seed * 1664525 + 1013904223) >> 16) % 40;
			hosts[i].is_absent = ((seed = seed * 1664525 + 1013904223) >> 16) % 4 == 0;
		}
		size_t own = (size_t)round % 7;
		struct scaling_host three[3] = { { 0 }, hosts[own], { 0 } };
		join(hosts, 0, own, &three[0]);
		join(hosts, own + 1, 7, &three[2]);
		scaling_split(round % 200, hosts, 7, shares);
		scaling_split(round % 200, three, 3, share);
		CU_ASSERT_EQUAL_FATAL(share[1], shares[own]);
	}
}

/* Three hosts with a queue each, which hear each other's last words. What they see alike: */
#define FLEET 3
static struct scaling_sample seen;
static struct {
	struct scaling_rules rules;
	struct scaling_state state;
	int workers, busy;
	bool is_silent;
} fleet[FLEET];

static int fleet_sum(void)
{
	int all = 0;
	for (int i = 0; i < FLEET; i++)
		all += fleet[i].is_silent ? 0 : fleet[i].workers;
	return all;
}

/* The load keeps `load` workers busy and `depth` tasks wait; attempts take a second. */
static void fleet_look(int load, int64_t depth)
{
	struct scaling_host hosts[FLEET];
	int left = load, busy = 0;
	for (int i = 0; i < FLEET; i++) {
		fleet[i].busy = fleet[i].is_silent        ? 0
				: left < fleet[i].workers ? left
							  : fleet[i].workers;
		left -= fleet[i].busy;
		busy += fleet[i].busy;
		hosts[i] = (struct scaling_host){ fleet[i].rules.max,
			fleet[i].busy > fleet[i].rules.min ? fleet[i].busy : fleet[i].rules.min,
			fleet[i].is_silent };
	}
	seen.served += (uint64_t)busy;
	seen.busy_ms += 1000 * busy;
	seen.now_ms += 1000;
	for (size_t i = 0; i < FLEET; i++) {
		struct scaling_sample sample = seen;
		sample.workers = fleet[i].workers;
		sample.own_busy = fleet[i].busy;
		sample.busy = busy;
		sample.working = busy;
		sample.depth = depth;
		join(hosts, 0, i, &sample.before);
		join(hosts, i + 1, FLEET, &sample.behind);
		if (!fleet[i].is_silent)
			fleet[i].workers =
				scaling_step(&fleet[i].rules, &sample, &fleet[i].state).desired;
	}
}

static struct scaling_rules rules_of(int min, int max)
{
	return (struct scaling_rules){
		.scale = { SCALE_OFFERED, 5000, 60000, 5 }, .min = min, .max = max
	};
}

static void fleet_begin(int min, int max)
{
	memset(fleet, 0, sizeof fleet);
	seen = (struct scaling_sample){
		.now_ms = 1000000, .is_measured = true, .room = SCALING_ROOM_UNKNOWN
	};
	for (int i = 0; i < FLEET; i++) {
		fleet[i].rules = rules_of(min, max);
		fleet[i].workers = min;
	}
}

static void hosts_share_what_one_would_run(void)
{
	fleet_begin(0, 60);
	fleet[1].is_silent = fleet[2].is_silent = true;
	for (int i = 0; i < 300; i++)
		fleet_look(20, 0 == fleet_sum());
	int alone = fleet_sum();
	CU_ASSERT_TRUE(alone >= 24 && alone <= 26);
	fleet_begin(0, 60);
	for (int i = 0; i < 300; i++)
		fleet_look(20, 0 == fleet_sum());
	CU_ASSERT_TRUE(abs(fleet_sum() - alone) <= 2 * FLEET);
	int before = fleet_sum();
	for (int i = 0; i < 300; i++)
		fleet_look(20, 0);
	CU_ASSERT_TRUE(abs(fleet_sum() - before) <= 1); /* and nothing goes to and fro */
}

static void a_backlog_is_worked_by_all_hosts(void)
{
	fleet_begin(0, 10);
	for (int i = 0; i < 10; i++)
		fleet_look(30, 1000);
	for (int i = 0; i < FLEET; i++)
		CU_ASSERT_EQUAL(fleet[i].workers, 10);
	fleet_begin(0, 10);
	for (int i = 0; i < 10; i++)
		fleet_look(0, 9);
	for (int i = 0; i < FLEET; i++)
		CU_ASSERT_TRUE(fleet[i].workers >= 2 && fleet[i].workers <= 4);
}

static void the_others_take_over_what_a_silent_host_had(void)
{
	fleet_begin(0, 10);
	for (int i = 0; i < 60; i++)
		fleet_look(12, i < 3 ? 20 : 0);
	int before = fleet_sum();
	fleet[1].is_silent = true;
	for (int i = 0; i < 10; i++)
		fleet_look(12, i < 2 ? 4 : 0);
	CU_ASSERT_TRUE(fleet_sum() >= 15 && abs(fleet_sum() - before) <= FLEET + 1);
}

static void one_task_wakes_one_worker_of_all(void)
{
	fleet_begin(0, 10);
	fleet_look(0, 1);
	CU_ASSERT_EQUAL(fleet_sum(), 1);
}

static void what_hosts_keep_anyway_counts_first(void)
{
	fleet_begin(0, 10);
	fleet[1].rules.min = 4;
	fleet[1].workers = 4;
	fleet_look(0, 3);
	CU_ASSERT_EQUAL(fleet_sum(), 4);
	fleet_look(0, 7);
	CU_ASSERT_EQUAL(fleet_sum(), 7);
}

static void caps_of_a_queue_hold_for_all_hosts_together(void)
{
	fleet_begin(0, 10);
	for (int i = 0; i < FLEET; i++)
		fleet[i].rules.max_working = 5;
	for (int i = 0; i < 20; i++)
		fleet_look(30, 1000);
	CU_ASSERT_EQUAL(fleet_sum(), 5);
}

static void max_limits_only_where_no_host_has_room(void)
{
	const struct scaling_rules rules = rules_of(0, 5);
	struct scaling_state state = { 0 };
	fleet_begin(0, 5);
	seen.depth = 8;
	seen.behind = (struct scaling_host){ .capacity = 5 };
	struct scaling_advice advice = scaling_step(&rules, &seen, &state);
	CU_ASSERT_EQUAL(advice.limit, SCALING_BY_LOAD);
	CU_ASSERT_TRUE(advice.needed == 4 && advice.needed_by_all == 8);
	seen.depth = 11;
	seen.now_ms += 1000;
	seen.workers = 4;
	advice = scaling_step(&rules, &seen, &state);
	CU_ASSERT_EQUAL(advice.limit, SCALING_BY_MAX);
	CU_ASSERT_EQUAL(advice.needed, 5);
}

static void a_fixed_count_is_a_matter_of_its_host(void)
{
	struct scaling_rules rules = rules_of(0, 10);
	struct scaling_state state = { 0 };
	fleet_begin(0, 10);
	rules.scale.strategy = SCALE_FIXED;
	seen.workers = 6;
	seen.before = (struct scaling_host){ .capacity = 90 };
	CU_ASSERT_EQUAL(scaling_step(&rules, &seen, &state).desired, 6);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_count_is_split_by_free_capacity),
		SUITE_TEST(a_split_gives_out_all_and_breaks_no_capacity),
		SUITE_TEST(hosts_joined_to_one_leave_each_the_same_share),
		SUITE_TEST(hosts_share_what_one_would_run),
		SUITE_TEST(a_backlog_is_worked_by_all_hosts),
		SUITE_TEST(the_others_take_over_what_a_silent_host_had),
		SUITE_TEST(one_task_wakes_one_worker_of_all),
		SUITE_TEST(what_hosts_keep_anyway_counts_first),
		SUITE_TEST(caps_of_a_queue_hold_for_all_hosts_together),
		SUITE_TEST(max_limits_only_where_no_host_has_room),
		SUITE_TEST(a_fixed_count_is_a_matter_of_its_host),
	};
	return suite_run("scaling_fleet", tests, ARRAY_SIZE(tests));
}
