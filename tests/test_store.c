/* stores/: URLs, ids, names of states, and the containers of the memory store. */
#include "base/ids.h"
#include "stores/memory_map.h"
#include "stores/store.h"
#include "tests/suite.h"

#include <stdio.h>

static void known_urls_pass(void)
{
	struct error err;
	CU_ASSERT_TRUE(store_check_url("memory:", &err));
	CU_ASSERT_TRUE(store_check_url("sqlite:/var/lib/reeve/reeve.db", &err));
}

static void unknown_and_malformed_urls_are_refused(void)
{
	static const char *const urls[] = { "", "memory", "memory:x", "sqlite:", "mysql://h/d",
		"/var/lib/reeve.db", ":", "SQLITE:a" };
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct error err = { 0 };
		CU_ASSERT_FALSE(store_check_url(urls[i], &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		struct store *store = NULL;
		CU_ASSERT_FALSE(store_open(urls[i], NULL, &store, &err));
		CU_ASSERT_PTR_NULL(store);
	}
}

static void a_bad_url_of_a_server_is_refused_without_the_password(void)
{
	static const char *const urls[] = { "postgres://u:secret@h/d?schema=Big",
		"postgresql://u:secret@h/d?schema=a%20b", "postgres:u:secret@h" };
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct error err = { 0 };
		CU_ASSERT_FALSE(store_check_url(urls[i], &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
	}
}

static void every_state_has_its_name(void)
{
	for (int i = 0; i < TASK_STATES; i++)
		CU_ASSERT_PTR_NOT_NULL(task_state_names[i]);
	for (int i = 0; i < JOB_STATES; i++)
		CU_ASSERT_PTR_NOT_NULL(job_state_names[i]);
	CU_ASSERT_STRING_EQUAL(task_state_names[TASK_INVALID], "invalid_payload");
	CU_ASSERT_STRING_EQUAL(job_state_names[JOB_RUNNING], "running");
}

static void a_task_id_splits_into_job_and_number(void)
{
	char uuid[IDS_UUID_SIZE], job[IDS_UUID_SIZE], id[STORE_ID_SIZE];
	int64_t seq = 0;
	ids_uuid7(uuid);
	snprintf(id, sizeof id, "%s.1234567", uuid);
	CU_ASSERT_TRUE(store_split_id(id, job, &seq));
	CU_ASSERT_STRING_EQUAL(job, uuid);
	CU_ASSERT_EQUAL(seq, 1234567);
}

static void other_ids_do_not_split(void)
{
	static const char *const ids[] = { "", "abc", "0192f1c4-5b6a-7cde-8f01-23456789abcd",
		"0192f1c4-5b6a-7cde-8f01-23456789abcd.", "0192f1c4-5b6a-7cde-8f01-23456789abcd.0",
		"0192f1c4-5b6a-7cde-8f01-23456789abcd.01",
		"0192f1c4-5b6a-7cde-8f01-23456789abcd.1x",
		"0192f1c4-5b6a-7cde-8f01-23456789abcd.-1",
		"0192f1c4-5b6a-7cde-8f01-23456789abcd.99999999999999999999",
		"0192f1c4-5b6a-7cde-8f01-23456789abcg.1",
		"0192f1c4x5b6a-7cde-8f01-23456789abcd.1" };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char job[IDS_UUID_SIZE];
		int64_t seq;
		CU_ASSERT_FALSE(store_split_id(ids[i], job, &seq));
	}
}

#define KEYS 500

static void a_map_keeps_the_order_of_its_keys_through_changes(void)
{
	struct map map = { 0 };
	char keys[KEYS][16];
	for (int i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof keys[i], "%03d", i);
		CU_ASSERT_PTR_NULL(map_find(&map, keys[i]));
	}
	for (int i = 0; i < KEYS; i++) /* 7 and KEYS have no common divisor */
		map_add(&map, keys[i * 7 % KEYS], keys[i * 7 % KEYS]);
	for (int i = 1; i < KEYS; i += 2)
		map_drop(&map, keys[i]);
	map_drop(&map, "missing");
	CU_ASSERT_EQUAL(map.count, KEYS / 2);
	int seen = 0;
	for (struct map_entry *at = map_after(&map, NULL); at; at = at->next[0], seen += 2)
		CU_ASSERT_PTR_EQUAL(at->value, keys[seen]);
	CU_ASSERT_EQUAL(seen, KEYS);
	for (struct map_entry *at = map_before(&map, NULL); at; at = at->before)
		CU_ASSERT_PTR_EQUAL(at->value, keys[seen -= 2]);
	CU_ASSERT_STRING_EQUAL(map_after(&map, "101")->key, "102");
	CU_ASSERT_STRING_EQUAL(map_after(&map, "102")->key, "104");
	CU_ASSERT_STRING_EQUAL(map_before(&map, "102")->key, "100");
	CU_ASSERT_PTR_NULL(map_before(&map, "000"));
	CU_ASSERT_PTR_NULL(map_after(&map, "498"));
	map_finish(&map);
}

static void a_heap_gives_its_smallest_while_others_leave(void)
{
	struct heap heap = { 0 };
	struct heap_node nodes[KEYS] = { 0 };
	for (int i = 0; i < KEYS; i++)
		heap_add(&heap, &nodes[i], i * 7 % KEYS / 10, i * 7 % KEYS);
	for (int i = 0; i < KEYS; i += 3)
		heap_leave(&nodes[i]);
	heap_leave(&nodes[0]); /* it has left before */
	int64_t last = -1;
	size_t seen = 0;
	for (struct heap_node *node; (node = heap_first(&heap)); seen++) {
		CU_ASSERT_TRUE(node->order > last);
		last = node->order;
		heap_leave(node);
	}
	CU_ASSERT_EQUAL(seen, KEYS - (KEYS + 2) / 3);
	heap_finish(&heap);
}

static void a_line_lets_anyone_leave(void)
{
	struct line line = { 0 };
	struct link links[4] = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		line_add(&line, &links[i]);
	line_leave(&links[1]);
	line_leave(&links[1]);
	line_leave(&links[3]);
	CU_ASSERT_EQUAL(line.count, 2);
	CU_ASSERT_PTR_EQUAL(line.first, &links[0]);
	CU_ASSERT_PTR_EQUAL(links[0].behind, &links[2]);
	CU_ASSERT_PTR_EQUAL(line.last, &links[2]);
	line_leave(&links[0]);
	line_leave(&links[2]);
	CU_ASSERT_PTR_NULL(line.first);
	CU_ASSERT_PTR_NULL(line.last);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(known_urls_pass),
		SUITE_TEST(unknown_and_malformed_urls_are_refused),
		SUITE_TEST(a_bad_url_of_a_server_is_refused_without_the_password),
		SUITE_TEST(every_state_has_its_name),
		SUITE_TEST(a_task_id_splits_into_job_and_number),
		SUITE_TEST(other_ids_do_not_split),
		SUITE_TEST(a_map_keeps_the_order_of_its_keys_through_changes),
		SUITE_TEST(a_heap_gives_its_smallest_while_others_leave),
		SUITE_TEST(a_line_lets_anyone_leave),
	};
	return suite_run("store", tests, ARRAY_SIZE(tests));
}
