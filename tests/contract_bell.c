/* The contract of the bell: no work is slept through, and a sleeper can be woken by a signal. */
#include "tests/contract.h"

#include <signal.h>
#include <unistd.h>

#define LONG_MS 600000 /* a wait that is not ended fails the whole run */

/* Waits as a worker does that read its ticket before it looked for work. A signal ends the wait
 * that should have ended by itself, and fails the test. */
static volatile sig_atomic_t had_to_interrupt;

static void on_alarm(int signal)
{
	(void)signal;
	had_to_interrupt = 1;
	store->ops->interrupt(store);
}

bool rings_through(const char *queue, uint32_t ticket)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigaction(SIGALRM, &action, &before);
	had_to_interrupt = 0;
	alarm(20);
	store->ops->wait(store, queue, ticket, LONG_MS);
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	return !had_to_interrupt;
}

static void whatever_makes_work_ready_rings(void)
{
	uint32_t ticket = store->ops->bell(store, "mail");
	push("mail");
	CU_ASSERT_TRUE(rings_through("mail", ticket));
	const struct leased *held = lease("mail");
	ticket = store->ops->bell(store, "mail");
	end(held, OUTCOME_RETRY);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
	lease("mail");
	ticket = store->ops->bell(store, "mail");
	release(OWNER, NULL, NULL);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
	ticket = store->ops->bell(store, "first");
	submit_one("first");
	CU_ASSERT_TRUE(rings_through("first", ticket));
}

static void a_commit_rings_for_what_it_births_and_wakes(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	const struct leased *held = lease("producer");
	spawn(held, 0, "row", 2);
	uint32_t gate_ticket = store->ops->bell(store, "sync");
	uint32_t row_ticket = store->ops->bell(store, "row");
	uint32_t next_ticket = store->ops->bell(store, "next");
	step_begin(&step);
	step_child(&step, "next");
	step_counter(&step, 0, "sync", -1);
	step_tally(&step, 0, "row", (struct tally){ .born = 2 });
	commit_step(held, OUTCOME_COMPLETED, &step);
	CU_ASSERT_TRUE(rings_through("sync", gate_ticket));
	CU_ASSERT_TRUE(rings_through("row", row_ticket));
	CU_ASSERT_TRUE(rings_through("next", next_ticket));
}

static void a_sweep_rings_for_what_came_due(void)
{
	push_as((struct push){ .queue = "mail", .delay_ms = 1000 });
	uint32_t ticket = store->ops->bell(store, "mail");
	pass_ms(1000);
	sweep(10);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
}

static void a_ring_of_any_queue_ends_a_wait_for_several(void)
{
	static const char *const queues[] = { "urgent", "mail", "bulk" };
	for (size_t rung = 0; rung < ARRAY_SIZE(queues); rung++) {
		uint32_t tickets[ARRAY_SIZE(queues)];
		for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
			tickets[i] = store->ops->bell(store, queues[i]);
		push(queues[rung]);
		store->ops->wait_any(store, queues, tickets, ARRAY_SIZE(queues), LONG_MS);
	}
	uint32_t tickets[ARRAY_SIZE(queues)];
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		tickets[i] = store->ops->bell(store, queues[i]);
	store->ops->interrupt(store);
	store->ops->wait_any(store, queues, tickets, ARRAY_SIZE(queues), LONG_MS);
	store->ops->wait_any(store, queues, tickets, ARRAY_SIZE(queues), 5);
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigaction(SIGALRM, &action, &before);
	had_to_interrupt = 0;
	ualarm(20000, 0);
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		tickets[i] = store->ops->bell(store, queues[i]);
	store->ops->wait_any(store, queues, tickets, ARRAY_SIZE(queues), LONG_MS);
	sigaction(SIGALRM, &before, NULL);
	CU_ASSERT_TRUE(had_to_interrupt);
}

static void an_interrupt_just_before_the_wait_ends_it(void)
{
	uint32_t ticket = store->ops->bell(store, "mail");
	store->ops->interrupt(store);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
}

static void an_interrupt_from_a_signal_ends_the_wait(void)
{
	uint32_t ticket = store->ops->bell(store, "mail");
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigaction(SIGALRM, &action, &before);
	had_to_interrupt = 0;
	ualarm(20000, 0);
	store->ops->wait(store, "mail", ticket, LONG_MS);
	sigaction(SIGALRM, &before, NULL);
	CU_ASSERT_TRUE(had_to_interrupt);
}

static void a_wait_without_a_ring_ends_with_its_time(void)
{
	uint32_t ticket = store->ops->bell(store, "mail");
	store->ops->wait(store, "mail", ticket, 0);
	store->ops->wait(store, "mail", ticket, 5);
	CU_ASSERT_EQUAL(store->ops->bell(store, "mail"), ticket);
	store->ops->relax(store);
	push("mail");
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static const struct suite_test tests[] = {
	SUITE_TEST(whatever_makes_work_ready_rings),
	SUITE_TEST(a_commit_rings_for_what_it_births_and_wakes),
	SUITE_TEST(a_sweep_rings_for_what_came_due),
	SUITE_TEST(a_ring_of_any_queue_ends_a_wait_for_several),
	SUITE_TEST(an_interrupt_just_before_the_wait_ends_it),
	SUITE_TEST(an_interrupt_from_a_signal_ends_the_wait),
	SUITE_TEST(a_wait_without_a_ring_ends_with_its_time),
};
const struct contract_part contract_bell = { "bell", tests, ARRAY_SIZE(tests) };
