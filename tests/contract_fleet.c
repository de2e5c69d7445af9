/* The contract of the fleet: heartbeats that lapse, and queues that are paused for all hosts. */
#include "tests/contract.h"

#define HOLD_MS 5000

static void finish_beats(void *block)
{
	beat_list_finish(block);
}

static const struct beat_list *beat(const char *id, const char *text, int64_t hold_ms)
{
	const struct heartbeat own = { id, text, hold_ms };
	struct beat_list list;
	struct error err;
	check(store->ops->beat(store, id ? &own : NULL, &list, &err), &err);
	return contract_keep(&list, sizeof list, finish_beats);
}

static const struct beat_list *look(void)
{
	return beat(NULL, NULL, 0);
}

static void set_pause(const char *name, bool is_paused)
{
	struct error err;
	check(store->ops->set_pause(store, name, is_paused, &err), &err);
}

static void heartbeats_are_listed_by_id_with_their_texts(void)
{
	CU_ASSERT_EQUAL(look()->count, 0);
	beat("bbb", "{\"host\":\"two words, \\u00e4\"}", HOLD_MS);
	beat("ccc", "", HOLD_MS);
	const struct beat_list *list = beat("aaa", "first", HOLD_MS);
	CU_ASSERT_EQUAL_FATAL(list->count, 3);
	CU_ASSERT_STRING_EQUAL(list->rows[0].id, "aaa");
	CU_ASSERT_STRING_EQUAL(list->rows[0].text, "first");
	CU_ASSERT_STRING_EQUAL(list->rows[1].id, "bbb");
	CU_ASSERT_STRING_EQUAL(list->rows[1].text, "{\"host\":\"two words, \\u00e4\"}");
	CU_ASSERT_STRING_EQUAL(list->rows[2].text, "");
}

static void a_heartbeat_takes_the_place_of_the_one_before(void)
{
	beat("aaa", "old", HOLD_MS);
	pass_ms(HOLD_MS - 1000);
	CU_ASSERT_TRUE(look()->rows[0].age_ms >= HOLD_MS - 1000);
	beat("aaa", "new", HOLD_MS);
	pass_ms(HOLD_MS - 1000);
	const struct beat_list *list = look();
	CU_ASSERT_EQUAL_FATAL(list->count, 1);
	CU_ASSERT_STRING_EQUAL(list->rows[0].text, "new");
	CU_ASSERT_TRUE(list->rows[0].age_ms < HOLD_MS);
}

static void a_heartbeat_lapses_by_itself(void)
{
	beat("aaa", "silent", HOLD_MS);
	beat("bbb", "patient", 3 * HOLD_MS);
	pass_ms(HOLD_MS);
	CU_ASSERT_EQUAL_FATAL(look()->count, 1);
	CU_ASSERT_STRING_EQUAL(look()->rows[0].id, "bbb");
	CU_ASSERT_EQUAL(beat("ccc", "another", HOLD_MS)->count, 2);
}

static void a_heartbeat_can_be_taken_back(void)
{
	beat("aaa", "stays", HOLD_MS);
	beat("bbb", "goes", HOLD_MS);
	const struct beat_list *list = beat("bbb", "goes", 0);
	CU_ASSERT_EQUAL_FATAL(list->count, 1);
	CU_ASSERT_STRING_EQUAL(list->rows[0].id, "aaa");
}

static void a_heartbeat_needs_no_list(void)
{
	const struct heartbeat own = { "aaa", "text", HOLD_MS };
	struct error err;
	check(store->ops->beat(store, &own, NULL, &err), &err);
	CU_ASSERT_EQUAL(look()->count, 1);
}

static enum error_kind refusal_of(const char *id, const char *text)
{
	const struct heartbeat own = { id, text, HOLD_MS };
	struct error err;
	return store->ops->beat(store, &own, NULL, &err) ? ERROR_NONE : err.kind;
}

static void what_is_too_long_is_refused(void)
{
	char *text = memset(xcalloc(1, STORE_BEAT_MAX + 2), 'x', STORE_BEAT_MAX + 1);
	CU_ASSERT_EQUAL(refusal_of("aaa", text), ERROR_INVALID);
	text[STORE_BEAT_MAX] = '\0';
	CU_ASSERT_EQUAL(refusal_of("aaa", text), ERROR_NONE);
	CU_ASSERT_EQUAL(strlen(look()->rows[0].text), STORE_BEAT_MAX);
	CU_ASSERT_EQUAL(refusal_of(OWNER "0", "text"), ERROR_INVALID);
	CU_ASSERT_EQUAL(refusal_of("", "text"), ERROR_INVALID);
	free(text);
}

static void nothing_is_leased_of_a_paused_queue(void)
{
	struct id id = push("mail");
	CU_ASSERT_EQUAL(queue("mail").paused_at_ms, 0);
	set_pause("mail", true);
	CU_ASSERT_TRUE(queue("mail").paused_at_ms > 0);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	struct lease_batch batch = lease_many("mail", 5);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_NOT_EQUAL(batch.next_ms, 0); /* whoever waits shall not spin */
	push("mail");
	CU_ASSERT_PTR_NULL(lease("mail"));
	set_pause("mail", false);
	CU_ASSERT_EQUAL(queue("mail").paused_at_ms, 0);
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->id, id.text);
}

static void a_paused_queue_holds_up_no_other(void)
{
	set_pause("mail", true);
	push("mail");
	struct id id = push("other");
	static const char *const names[] = { "mail", "other" };
	const struct lease_request request = { names, 2, OWNER, LEASE_MS, 2, NULL };
	struct lease_batch batch;
	struct error err;
	check(store->ops->lease(store, &request, &batch, &err), &err);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, id.text);
	lease_batch_finish(&batch);
}

static void what_is_held_goes_on_and_a_commit_leases_nothing_more(void)
{
	static const char *const names[] = { "mail" };
	const struct lease_request next = { names, 1, OWNER, LEASE_MS, 1, NULL };
	push("mail");
	push("mail");
	const struct leased *held = lease("mail");
	set_pause("mail", true);
	CU_ASSERT_EQUAL(renew(held), RENEWED);
	struct commit done = commit_of(held, OUTCOME_COMPLETED);
	struct commit_result result;
	struct lease_batch batch;
	struct error err;
	check(store->ops->commit(store, &done, 1, &result, &next, &batch, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_NOT_EQUAL(batch.next_ms, 0);
	lease_batch_finish(&batch);
	CU_ASSERT_EQUAL(queue("mail").completed, 1);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
}

static void a_task_of_a_paused_queue_can_be_taken_by_name(void)
{
	struct id id = push("mail");
	const struct leased *held;
	set_pause("mail", true);
	CU_ASSERT_EQUAL(lease_task_as(id.text, &held), ERROR_NONE);
}

static void what_expires_or_comes_due_is_put_back_while_paused(void)
{
	struct id lost = push("mail");
	lease("mail");
	struct id late = push_as((struct push){ .queue = "mail", .delay_ms = 1000 });
	set_pause("mail", true);
	pass_ms(LEASE_MS + 1000);
	CU_ASSERT_PTR_NULL(lease("mail"));
	CU_ASSERT_EQUAL(queue("mail").depth, 2);
	CU_ASSERT_EQUAL(queue("mail").working, 0);
	ASSERT_STATE(lost.text, TASK_QUEUED);
	CU_ASSERT_EQUAL(task(lost.text)->losses, 1);
	set_pause("mail", false);
	CU_ASSERT_EQUAL(lease_many("mail", 5).count, 2);
	ASSERT_STATE(late.text, TASK_WORKING);
}

static void a_queue_can_be_paused_before_it_is_used(void)
{
	set_pause("new", true);
	push("new");
	CU_ASSERT_PTR_NULL(lease("new"));
	set_pause("new", false);
	CU_ASSERT_PTR_NOT_NULL(lease("new"));
}

static void a_repeated_pause_keeps_its_time(void)
{
	push("mail");
	set_pause("mail", true);
	int64_t since = queue("mail").paused_at_ms;
	uint32_t ticket = store->ops->bell(store, "mail");
	pass_ms(5000);
	set_pause("mail", true);
	CU_ASSERT_EQUAL(queue("mail").paused_at_ms, since);
	CU_ASSERT_EQUAL(store->ops->bell(store, "mail"), ticket);
	set_pause("mail", false);
	set_pause("mail", false);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void pause_and_resume_ring(void)
{
	push("mail");
	uint32_t ticket = store->ops->bell(store, "mail");
	set_pause("mail", true);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, "mail"), ticket);
	ticket = store->ops->bell(store, "mail");
	sweep(10);
	CU_ASSERT_EQUAL(store->ops->bell(store, "mail"), ticket);
	set_pause("mail", false);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, "mail"), ticket);
}

static const struct suite_test tests[] = {
	SUITE_TEST(heartbeats_are_listed_by_id_with_their_texts),
	SUITE_TEST(a_heartbeat_takes_the_place_of_the_one_before),
	SUITE_TEST(a_heartbeat_lapses_by_itself),
	SUITE_TEST(a_heartbeat_can_be_taken_back),
	SUITE_TEST(a_heartbeat_needs_no_list),
	SUITE_TEST(what_is_too_long_is_refused),
	SUITE_TEST(nothing_is_leased_of_a_paused_queue),
	SUITE_TEST(a_paused_queue_holds_up_no_other),
	SUITE_TEST(what_is_held_goes_on_and_a_commit_leases_nothing_more),
	SUITE_TEST(a_task_of_a_paused_queue_can_be_taken_by_name),
	SUITE_TEST(what_expires_or_comes_due_is_put_back_while_paused),
	SUITE_TEST(a_queue_can_be_paused_before_it_is_used),
	SUITE_TEST(a_repeated_pause_keeps_its_time),
	SUITE_TEST(pause_and_resume_ring),
};
const struct contract_part contract_fleet = { "fleet", tests, ARRAY_SIZE(tests) };
