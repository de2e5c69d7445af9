/* workers/scoreboard: what the supervisor reads of its children, and the ring of deaths. */
#include "base/clock.h"
#include "tests/suite.h"
#include "workers/scoreboard.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scoreboard *board;
static int board_fd;

static void open_board(void)
{
	struct error err;
	CU_ASSERT_TRUE_FATAL(scoreboard_create(&board, &board_fd, &err));
}

static void close_board(void)
{
	scoreboard_destroy(board, board_fd);
}

static void a_new_board_says_its_version_and_sizes(void)
{
	open_board();
	CU_ASSERT_EQUAL(board->version, SCOREBOARD_VERSION);
	CU_ASSERT_EQUAL(board->slot_size, sizeof(struct slot));
	CU_ASSERT_EQUAL(board->slot_count, SCOREBOARD_SLOTS);
	CU_ASSERT_EQUAL(board->slots[SCOREBOARD_SLOTS - 1].state, SLOT_FREE);
	close_board();
}

static void parent_reads_what_a_child_has_written(void)
{
	open_board();
	pid_t child = fork();
	if (child == 0) {
		scoreboard_set_state(&board->slots[3], SLOT_BUSY);
		scoreboard_set_task(&board->slots[3], "job.7", "row", 2);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	struct slot copy;
	scoreboard_read_slot(&board->slots[3], &copy);
	CU_ASSERT_EQUAL(copy.state, SLOT_BUSY);
	CU_ASSERT_STRING_EQUAL(copy.task_id, "job.7");
	CU_ASSERT_STRING_EQUAL(copy.task_name, "row");
	CU_ASSERT_EQUAL(copy.attempt, 2);
	CU_ASSERT_TRUE(copy.since_ms > 0);
	close_board();
}

static void null_leaves_a_text_and_an_empty_one_clears_it(void)
{
	open_board();
	struct slot *slot = &board->slots[0];
	scoreboard_set_task(slot, "job.7", "row", 1);
	scoreboard_set_task(slot, NULL, "", 0);
	CU_ASSERT_STRING_EQUAL(slot->task_id, "job.7");
	CU_ASSERT_STRING_EQUAL(slot->task_name, "");
	close_board();
}

static void a_writer_killed_in_the_middle_does_not_hang_the_reader(void)
{
	open_board();
	struct slot *slot = &board->slots[0];
	struct slot copy;
	scoreboard_set_task(slot, "job.7", "row", 1);
	atomic_fetch_add(&slot->sequence, 1); /* killed between the two halves of a write */
	scoreboard_read_slot(slot, &copy);
	CU_ASSERT_STRING_EQUAL(copy.task_id, "job.7");
	scoreboard_set_task(slot, "job.8", "row", 1);
	CU_ASSERT_EQUAL(slot->sequence % 2, 0);
	close_board();
}

static void ready_at_keeps_the_first_idle_moment(void)
{
	open_board();
	struct slot *slot = &board->slots[0];
	scoreboard_set_state(slot, SLOT_STARTING);
	CU_ASSERT_EQUAL(slot->ready_at_ms, 0);
	scoreboard_set_state(slot, SLOT_IDLE);
	int64_t first = slot->ready_at_ms;
	CU_ASSERT_TRUE(first > 0);
	clock_set_offset_ms(5000);
	scoreboard_set_state(slot, SLOT_BUSY);
	scoreboard_set_state(slot, SLOT_IDLE);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(slot->ready_at_ms, first);
	CU_ASSERT_TRUE(slot->beat_ms >= first + 5000);
	close_board();
}

static void a_queue_has_one_row_whoever_asks(void)
{
	open_board();
	struct queue_board *mail = scoreboard_find_queue(board, "mail");
	struct queue_board *rows = scoreboard_find_queue(board, "rows");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mail);
	CU_ASSERT_PTR_NOT_EQUAL(mail, rows);
	CU_ASSERT_PTR_EQUAL(scoreboard_find_queue(board, "mail"), mail);
	CU_ASSERT_STRING_EQUAL(mail->name, "mail");
	close_board();
}

static void a_row_whose_name_is_being_written_is_waited_for(void)
{
	open_board();
	struct queue_board *row = &board->queues[0];
	atomic_store(&row->sequence, 1);
	pid_t child = fork();
	if (child == 0) {
		poll(NULL, 0, 50);
		snprintf(row->name, sizeof row->name, "mail");
		atomic_store(&row->sequence, 2);
		_exit(0);
	}
	CU_ASSERT_PTR_EQUAL(scoreboard_find_queue(board, "mail"), row);
	waitpid(child, NULL, 0);
	close_board();
}

static void a_row_whose_writer_died_is_passed_over(void)
{
	open_board();
	atomic_store(&board->queues[0].sequence, 1);
	CU_ASSERT_PTR_EQUAL(scoreboard_find_queue(board, "mail"), &board->queues[1]);
	close_board();
}

static void a_full_table_of_queues_answers_null(void)
{
	open_board();
	char name[32];
	for (int i = 0; i < SCOREBOARD_QUEUES; i++) {
		snprintf(name, sizeof name, "queue-%d", i);
		CU_ASSERT_PTR_NOT_NULL(scoreboard_find_queue(board, name));
	}
	CU_ASSERT_PTR_NULL(scoreboard_find_queue(board, "one-more"));
	CU_ASSERT_PTR_NOT_NULL(scoreboard_find_queue(board, "queue-7"));
	close_board();
}

static void deaths_come_out_in_the_order_told(void)
{
	open_board();
	struct death death;
	uint64_t number;
	CU_ASSERT_FALSE(scoreboard_next_death(board, &death, &number));
	CU_ASSERT_TRUE(scoreboard_tell_death(board, "a", "job.1", "mail", "mail#1", "killed"));
	CU_ASSERT_TRUE(scoreboard_tell_death(board, "b", NULL, "mail", "mail#2", "exit 1"));
	CU_ASSERT_TRUE_FATAL(scoreboard_next_death(board, &death, &number));
	CU_ASSERT_STRING_EQUAL(death.owner, "a");
	CU_ASSERT_STRING_EQUAL(death.task_id, "job.1");
	CU_ASSERT_STRING_EQUAL(death.worker, "mail#1");
	scoreboard_death_handled(board, number);
	CU_ASSERT_TRUE_FATAL(scoreboard_next_death(board, &death, &number));
	CU_ASSERT_STRING_EQUAL(death.owner, "b");
	CU_ASSERT_STRING_EQUAL(death.task_id, "");
	scoreboard_death_handled(board, number);
	CU_ASSERT_FALSE(scoreboard_next_death(board, &death, &number));
	close_board();
}

static void a_death_survives_a_keeper_that_dies_before_it_is_handled(void)
{
	open_board();
	struct death death;
	uint64_t number;
	scoreboard_tell_death(board, "a", "job.1", "mail", "mail#1", "killed");
	pid_t keeper = fork();
	if (keeper == 0) {
		struct death seen;
		_exit(scoreboard_next_death(board, &seen, &number) ? 0 : 1);
	}
	int status;
	waitpid(keeper, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_TRUE_FATAL(scoreboard_next_death(board, &death, &number));
	CU_ASSERT_STRING_EQUAL(death.owner, "a");
	close_board();
}

static void the_ring_refuses_a_death_too_many_and_keeps_the_others(void)
{
	open_board();
	struct death death;
	uint64_t number;
	char owner[16];
	for (int i = 0; i < SCOREBOARD_DEATHS; i++) {
		snprintf(owner, sizeof owner, "owner-%d", i);
		CU_ASSERT_TRUE(scoreboard_tell_death(board, owner, "", "", "", ""));
	}
	CU_ASSERT_FALSE(scoreboard_tell_death(board, "late", "", "", "", ""));
	for (int i = 0; i < SCOREBOARD_DEATHS; i++) {
		snprintf(owner, sizeof owner, "owner-%d", i);
		CU_ASSERT_TRUE_FATAL(scoreboard_next_death(board, &death, &number));
		CU_ASSERT_STRING_EQUAL(death.owner, owner);
		scoreboard_death_handled(board, number);
	}
	CU_ASSERT_TRUE(scoreboard_tell_death(board, "next", "", "", "", ""));
	close_board();
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_new_board_says_its_version_and_sizes),
		SUITE_TEST(parent_reads_what_a_child_has_written),
		SUITE_TEST(null_leaves_a_text_and_an_empty_one_clears_it),
		SUITE_TEST(a_writer_killed_in_the_middle_does_not_hang_the_reader),
		SUITE_TEST(ready_at_keeps_the_first_idle_moment),
		SUITE_TEST(a_queue_has_one_row_whoever_asks),
		SUITE_TEST(a_row_whose_name_is_being_written_is_waited_for),
		SUITE_TEST(a_row_whose_writer_died_is_passed_over),
		SUITE_TEST(a_full_table_of_queues_answers_null),
		SUITE_TEST(deaths_come_out_in_the_order_told),
		SUITE_TEST(a_death_survives_a_keeper_that_dies_before_it_is_handled),
		SUITE_TEST(the_ring_refuses_a_death_too_many_and_keeps_the_others),
	};
	return suite_run("scoreboard", tests, sizeof tests / sizeof tests[0]);
}
