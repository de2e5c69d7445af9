/* base/bells: words that processes sleep on. */
#include "base/bells.h"
#include "base/memory.h"
#include "tests/suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAR_MS 60000

static struct bells bells;

static void on_alarm(int number)
{
	(void)number;
	bells_interrupt(&bells);
}

static void open_bells(void)
{
	CU_ASSERT_TRUE_FATAL(bells_create(&bells));
}

/* A child that waits for the name with the ticket of now, and exits 0. */
static pid_t start_sleeper(const char *name)
{
	uint32_t index = bells_index(&bells, name);
	uint32_t ticket = bells_ticket(&bells, index);
	pid_t pid = fork();
	if (pid == 0) {
		bells_wait(&bells, index, ticket, FAR_MS);
		_exit(0);
	}
	return pid;
}

static bool ends_well(pid_t pid)
{
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void a_ring_wakes_a_sleeper_of_another_process(void)
{
	open_bells();
	pid_t pid = start_sleeper("mail");
	bells_ring(&bells, bells_index(&bells, "mail"), 1);
	CU_ASSERT_TRUE(ends_well(pid));
	bells_destroy(&bells);
}

static void a_ring_before_the_wait_ends_it_at_once(void)
{
	open_bells();
	uint32_t index = bells_index(&bells, "mail");
	uint32_t ticket = bells_ticket(&bells, index);
	bells_ring(&bells, index, 1);
	bells_wait(&bells, index, ticket, -1);
	CU_ASSERT_NOT_EQUAL(bells_ticket(&bells, index), ticket);
	bells_destroy(&bells);
}

static void ringing_all_wakes_sleepers_of_every_name_and_of_the_outbox(void)
{
	open_bells();
	pid_t first = start_sleeper("mail"), second = start_sleeper("rows");
	uint32_t ticket = bells_ticket(&bells, BELLS_OUTBOX);
	bells_ring_all(&bells);
	CU_ASSERT_TRUE(ends_well(first));
	CU_ASSERT_TRUE(ends_well(second));
	bells_wait(&bells, BELLS_OUTBOX, ticket, -1);
	bells_destroy(&bells);
}

static void names_have_words_of_their_own_until_there_are_more_names(void)
{
	char name[32];
	static bool is_taken[BELLS_WORDS];
	open_bells();
	for (int i = 1; i < BELLS_WORDS; i++) {
		snprintf(name, sizeof name, "queue-%d", i);
		uint32_t index = bells_index(&bells, name);
		CU_ASSERT_TRUE(index > BELLS_NURSERY && index < BELLS_WORDS && !is_taken[index]);
		CU_ASSERT_EQUAL(bells_index(&bells, name), index);
		is_taken[index] = true;
	}
	CU_ASSERT_FALSE(bells.page->is_shared);
	CU_ASSERT_TRUE(bells_index(&bells, "one too many") < BELLS_WORDS);
	CU_ASSERT_TRUE(bells.page->is_shared);
	bells_destroy(&bells);
}

static void a_signal_ends_a_wait(void)
{
	open_bells();
	uint32_t index = bells_index(&bells, "mail");
	signal(SIGALRM, on_alarm);
	alarm(1);
	bells_wait(&bells, index, bells_ticket(&bells, index), -1);
	/* An interruption that comes before the wait is not lost either. */
	bells_interrupt(&bells);
	bells_wait(&bells, index, bells_ticket(&bells, index), -1);
	bells_destroy(&bells);
}

static void nobody_listens_until_somebody_says_so(void)
{
	open_bells();
	CU_ASSERT_FALSE(bells_are_listened(&bells));
	bells_note_listening(&bells);
	CU_ASSERT_TRUE(bells_are_listened(&bells));
	bells.page->listened_ms -= 10000;
	CU_ASSERT_FALSE(bells_are_listened(&bells));
	bells_destroy(&bells);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_ring_wakes_a_sleeper_of_another_process),
		SUITE_TEST(a_ring_before_the_wait_ends_it_at_once),
		SUITE_TEST(ringing_all_wakes_sleepers_of_every_name_and_of_the_outbox),
		SUITE_TEST(names_have_words_of_their_own_until_there_are_more_names),
		SUITE_TEST(a_signal_ends_a_wait),
		SUITE_TEST(nobody_listens_until_somebody_says_so),
	};
	return suite_run("bells", tests, ARRAY_SIZE(tests));
}
