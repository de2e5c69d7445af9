/* Outboxes of the SQLite store between processes: couriers that claim, adopt and die at once. */
#include "tests/sqlite_ground.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define HANG_S 120 /* nothing here takes this long unless something was lost */

/*
 * Couriers of several processes at one outbox, some killed between any two acts: the broker is
 * what each of them sends to itself, twice.
 */
#define COURIERS      3
#define LETTERS       400
#define COURIER_KILLS 12

static void set_mail_door(struct store *store)
{
	const char *queue = "mail";
	struct error err;
	ground_check(store->ops->set_door(store, &queue, 1, true, &err), &err);
}

static struct outgoing_list claim_mail(struct store *store, const char *owner)
{
	const struct claim_request request = {
		.queue = "mail", .owner = owner, .claim_ms = 600000, .max = 5
	};
	struct outgoing_list list;
	struct error err;
	ground_check(store->ops->claim_unsent(store, &request, &list, &err), &err);
	return list;
}

static void send_and_adopt(struct store *store, const struct outgoing_list *list)
{
	struct arrival arrivals[5];
	enum adoption answers[5];
	struct error err;
	for (size_t i = 0; i < list->count; i++) {
		const struct sent sent = { list->rows[i].id, list->rows[i].dispatch };
		ground_check(store->ops->mark_sent(store, &sent, 1, &err), &err);
		arrivals[i] = (struct arrival){
			.queue = "mail", .message_id = list->rows[i].id, .task_id = list->rows[i].id
		};
	}
	for (int times = 0; times < 2; times++)
		ground_check(store->ops->adopt(store, arrivals, list->count, answers, &err), &err);
}

/* Until nothing is left, neither here nor with the others. */
static int carry_mail(void *context)
{
	const char *owner = context;
	struct store *store = ground_open();
	alarm(HANG_S);
	for (bool goes_on = true; goes_on;) {
		struct outgoing_list list = claim_mail(store, owner);
		send_and_adopt(store, &list);
		outgoing_list_finish(&list);
		struct lease_batch batch = ground_lease(store, "mail", owner);
		if (batch.count > 0)
			ground_commit(store, batch.tasks, OUTCOME_COMPLETED);
		lease_batch_finish(&batch);
		struct queue_stats stats = ground_queue(store, "mail");
		goes_on = stats.depth + stats.working > 0;
	}
	store_close(store);
	return 0;
}

/* What a supervisor does at a death: the owner's rows are given back, what was sent is sent again,
 * another takes the place. */
static void replace_courier(pid_t *child, char owner[IDS_OWNER_SIZE])
{
	size_t count;
	struct error err;
	kill(*child, SIGKILL);
	ground_wait(*child);
	struct store *store = ground_open();
	ground_check(store->ops->release_owner(store, owner, NULL, NULL, &count, &err), &err);
	ground_check(store->ops->resend(store, "mail", 0, LETTERS, &count, &err), &err);
	store_close(store);
	ids_owner(owner);
	*child = ground_fork(carry_mail, owner);
}

static void couriers_of_several_processes_lose_and_double_nothing(void)
{
	pid_t children[COURIERS];
	static char owners[COURIERS][IDS_OWNER_SIZE];
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "cached"); /* it knows the queue, without its door */
	struct store *other = ground_open();
	set_mail_door(other);
	store_close(other);
	for (int i = 0; i < LETTERS; i++) {
		char id[32];
		snprintf(id, sizeof id, "letter-%d", i);
		ground_push(store, "mail", id);
	}
	CU_ASSERT_EQUAL(ground_queue(store, "mail").unsent, LETTERS);
	store_close(store);
	for (int i = 0; i < COURIERS; i++) {
		ids_owner(owners[i]);
		children[i] = ground_fork(carry_mail, owners[i]);
	}
	for (int i = 0; i < COURIER_KILLS; i++) {
		usleep(20000 + (useconds_t)(ids_random64() % 20000));
		replace_courier(&children[i % COURIERS], owners[i % COURIERS]);
	}
	for (int i = 0; i < COURIERS; i++)
		CU_ASSERT_EQUAL(ground_wait(children[i]), 0);
	store = ground_open();
	struct queue_stats stats = ground_queue(store, "mail");
	CU_ASSERT_EQUAL(stats.completed, LETTERS + 1);
	CU_ASSERT_EQUAL(stats.depth + stats.unsent + stats.sent + stats.working + stats.dead, 0);
	store_close(store);
	ground_end();
}

static const struct suite_test tests[] = {
	SUITE_TEST(couriers_of_several_processes_lose_and_double_nothing),
};

int main(void)
{
	return suite_run("couriers on sqlite", tests, ARRAY_SIZE(tests));
}
