/* supervisor/, the parts without processes: life of a place, back-off, names, reload plan. */
#include "supervisor/backoff.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/deaths.h"
#include "supervisor/logring.h"
#include "supervisor/pids.h"
#include "supervisor/plan.h"
#include "tests/suite.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the table --- */

static enum child_action seen;

#define SEE(action)                                   \
	static void see_##action(struct child *child) \
	{                                             \
		(void)child;                          \
		seen = action;                        \
	}
SEE(ACTION_FORK)
SEE(ACTION_FORK_AFRESH)
SEE(ACTION_RETRY)
SEE(ACTION_DISARM)
SEE(ACTION_DRAIN)
SEE(ACTION_HALT)
SEE(ACTION_KILL)
SEE(ACTION_BURY)
SEE(ACTION_RESTART)
SEE(ACTION_RELEASE)

static const child_act seeing[CHILD_ACTIONS] = {
	[ACTION_FORK] = see_ACTION_FORK,
	[ACTION_FORK_AFRESH] = see_ACTION_FORK_AFRESH,
	[ACTION_RETRY] = see_ACTION_RETRY,
	[ACTION_DISARM] = see_ACTION_DISARM,
	[ACTION_DRAIN] = see_ACTION_DRAIN,
	[ACTION_HALT] = see_ACTION_HALT,
	[ACTION_KILL] = see_ACTION_KILL,
	[ACTION_BURY] = see_ACTION_BURY,
	[ACTION_RESTART] = see_ACTION_RESTART,
	[ACTION_RELEASE] = see_ACTION_RELEASE,
};

static enum child_state handle(enum child_state state, enum child_event event)
{
	struct child child = { .acts = seeing, .state = state };
	seen = ACTION_IGNORE;
	child_handle(&child, event);
	return child.state;
}

static bool has_process(enum child_state state)
{
	return state == CHILD_RUNNING || state == CHILD_ROLLING || state == CHILD_RETIRING ||
	       state == CHILD_HALTING || state == CHILD_KILLED;
}

static void every_cell_of_the_table_is_obeyed(void)
{
	for (int state = 0; state < CHILD_STATES; state++)
		for (int event = 0; event < CHILD_EVENTS; event++) {
			struct child_rule rule = child_rule(state, event);
			enum child_state next = handle(state, event);
			bool is_ignored = rule.action == ACTION_IGNORE;
			CU_ASSERT_EQUAL(next, is_ignored ? (enum child_state)state : rule.next);
			CU_ASSERT_EQUAL(
				seen, rule.action == ACTION_NOTE ? ACTION_IGNORE : rule.action);
		}
}

static void only_a_place_without_a_process_forks(void)
{
	for (int state = 0; state < CHILD_STATES; state++)
		for (int event = 0; event < CHILD_EVENTS; event++) {
			handle(state, event);
			if (seen == ACTION_FORK || seen == ACTION_FORK_AFRESH)
				CU_ASSERT_TRUE(state == CHILD_FREE || state == CHILD_WAITING);
			if (seen == ACTION_DRAIN || seen == ACTION_HALT || seen == ACTION_KILL)
				CU_ASSERT_TRUE(has_process((enum child_state)state));
		}
}

static void every_process_that_dies_is_buried_once(void)
{
	for (int state = 0; state < CHILD_STATES; state++) {
		enum child_state next = handle(state, EVENT_DIED);
		CU_ASSERT_EQUAL(seen == ACTION_BURY, has_process((enum child_state)state));
		if (seen == ACTION_BURY)
			CU_ASSERT_TRUE(next == CHILD_CLEARING || next == CHILD_CLOSING);
	}
}

static void a_place_is_filled_again_only_after_its_death_is_told(void)
{
	for (int event = 0; event < CHILD_EVENTS; event++) {
		enum child_state next = handle(CHILD_CLEARING, event);
		if (next != CHILD_CLEARING && next != CHILD_CLOSING)
			CU_ASSERT_TRUE(event == EVENT_CLEARED && seen == ACTION_RESTART);
		next = handle(CHILD_CLOSING, event);
		if (next != CHILD_CLEARING && next != CHILD_CLOSING)
			CU_ASSERT_TRUE(event == EVENT_CLEARED && seen == ACTION_RELEASE);
	}
}

/* From anywhere: the order to end, then what the kernel answers. */
static void expect_end(enum child_state from, enum child_event order)
{
	enum child_state state = handle(from, order);
	if (has_process(state))
		state = handle(state, EVENT_DIED);
	if (state == CHILD_CLOSING || state == CHILD_CLEARING)
		state = handle(state, EVENT_CLEARED);
	CU_ASSERT_EQUAL(state, CHILD_FREE);
}

static void every_order_to_end_leads_to_a_free_place(void)
{
	for (int state = 0; state < CHILD_STATES; state++) {
		expect_end((enum child_state)state, EVENT_RETIRE);
		expect_end((enum child_state)state, EVENT_HALT);
		expect_end((enum child_state)state, EVENT_KILL);
	}
}

static void a_retiring_worker_that_is_wanted_again_is_replaced(void)
{
	enum child_state state = handle(CHILD_RETIRING, EVENT_START);
	CU_ASSERT_EQUAL(state, CHILD_ROLLING);
	CU_ASSERT_EQUAL(seen, ACTION_IGNORE);
	state = handle(state, EVENT_DIED);
	CU_ASSERT_EQUAL(handle(state, EVENT_CLEARED), CHILD_WAITING);
	CU_ASSERT_EQUAL(seen, ACTION_RESTART);
}

/* --- back-off --- */

static const struct config_restart usual = {
	.delay_ms = 0,
	.max_delay_ms = 30000,
	.good_after_ms = 10000,
	.probe_ms = 60000,
};

static void after_good_service_the_place_is_filled_at_once(void)
{
	struct backoff backoff = { 0 };
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(backoff_note_death(&backoff, &usual, true, i, 0.5), 0);
	CU_ASSERT_FALSE(backoff.is_probing);
}

static void delays_double_within_their_jitter(void)
{
	static const int64_t most[] = { 0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
		30000, 30000 };
	struct backoff low = { 0 }, high = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		/* Far enough apart that it never is a storm. */
		int64_t now = (int64_t)i * BACKOFF_STORM_WINDOW_MS;
		CU_ASSERT_EQUAL(backoff_note_death(&low, &usual, false, now, 0), most[i] / 2);
		int64_t longest = backoff_note_death(&high, &usual, false, now, 0.999999);
		CU_ASSERT_TRUE(longest <= most[i] && longest >= most[i] - 1);
	}
}

static void five_deaths_within_thirty_seconds_make_a_slow_probe(void)
{
	struct backoff backoff = { 0 };
	for (int i = 0; i < 4; i++)
		CU_ASSERT_TRUE(backoff_note_death(&backoff, &usual, false, i * 1000, 0) < 60000);
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &usual, false, 30000, 0), 60000);
	CU_ASSERT_TRUE(backoff.is_probing);
	/* A probe that fails is followed by the next probe, though the storm is long over. */
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &usual, false, 200000, 0), 60000);
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &usual, true, 300000, 0), 0);
	CU_ASSERT_FALSE(backoff.is_probing);
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &usual, false, 300001, 0), 0);
}

static void five_slow_deaths_make_no_probe(void)
{
	struct backoff backoff = { 0 };
	for (int i = 0; i < 12; i++)
		backoff_note_death(&backoff, &usual, false, i * 7501, 0);
	CU_ASSERT_FALSE(backoff.is_probing);
}

static void the_configured_delay_is_the_least(void)
{
	const struct config_restart slow = { .delay_ms = 5000, .max_delay_ms = 30000 };
	struct backoff backoff = { 0 };
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &slow, false, 0, 0.999999), 5000);
	CU_ASSERT_TRUE(backoff_note_death(&backoff, &slow, false, 40000, 0) >= 2500);
	CU_ASSERT_EQUAL(backoff_note_death(&backoff, &slow, true, 80000, 0), 5000);
}

/* --- names of the control socket --- */

static char home[PATH_MAX];

static void make_home(void)
{
	char text[] = "/tmp/reeve-test.XXXXXX";
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(text, home));
}

static void expect_name(const char *config_path, const char *full, const char *stem)
{
	char *paths[3];
	control_paths(config_path, paths);
	OWNED(free) char *name = xprintf("/%s-%08x.sock", stem, ids_fnv1a(full));
	CU_ASSERT_PTR_NOT_NULL_FATAL(paths[0]);
	CU_ASSERT_STRING_EQUAL(strrchr(paths[0], '/'), name);
	CU_ASSERT_EQUAL(strncmp(paths[0], "/run/reeve/", 11), 0);
	for (int i = 0; i < 3; i++)
		free(paths[i]);
}

static void the_socket_is_named_by_the_real_path_of_the_file(void)
{
	make_home();
	OWNED(free) char *direct = xprintf("%s/site.v1.yaml", home);
	OWNED(free)
	char *roundabout = xprintf("%s/../%s/./site.v1.yaml", home, strrchr(home, '/') + 1);
	OWNED(free) char *link = xprintf("%s.link", home);
	OWNED(free) char *linked = xprintf("%s/site.v1.yaml", link);
	CU_ASSERT_EQUAL(symlink(home, link), 0);
	expect_name(direct, direct, "site.v1");
	expect_name(roundabout, direct, "site.v1");
	expect_name(linked, direct, "site.v1");
	unlink(link);
	rmdir(home);
}

static void the_hash_is_the_documented_one(void)
{
	/* FNV-1a 32 of "/etc/reeve.yaml", computed by hand from the published algorithm. */
	uint32_t hash = 2166136261u;
	for (const char *next = "/etc/reeve.yaml"; *next; next++)
		hash = (hash ^ (uint32_t)(unsigned char)*next) * 16777619u;
	OWNED(free) char *expected = xprintf("/run/reeve/reeve-%08x.sock", hash);
	char *paths[3];
	control_paths("/etc/reeve.yaml", paths);
	CU_ASSERT_STRING_EQUAL(paths[0], expected);
	for (int i = 0; i < 3; i++)
		free(paths[i]);
}

static void places_follow_the_environment(void)
{
	char *paths[3];
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	setenv("TMPDIR", "/scratch", 1);
	control_paths("/etc/reeve.yaml", paths);
	OWNED(free) char *temporary = xprintf("/scratch/reeve-%u/", (unsigned)getuid());
	CU_ASSERT_EQUAL(strncmp(paths[1], "/run/user/1/reeve/", 18), 0);
	CU_ASSERT_EQUAL(strncmp(paths[2], temporary, strlen(temporary)), 0);
	for (int i = 0; i < 3; i++)
		free(paths[i]);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("TMPDIR");
	control_paths("/etc/reeve.yaml", paths);
	CU_ASSERT_PTR_NULL(paths[1]);
	for (int i = 0; i < 3; i++)
		free(paths[i]);
}

/* --- the reload's plan --- */

static struct config *load(const char *text)
{
	OWNED(free) char *path = xprintf("%s/reeve.yaml", home);
	FILE *file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	struct error err = { 0 };
	struct config_faults faults = { 0 };
	struct config *config = NULL;
	bool is_good = config_load(path, &config, &faults, &err);
	if (!is_good)
		for (size_t i = 0; i < faults.count; i++)
			printf("%s\n", faults.lines[i]);
	config_faults_finish(&faults);
	unlink(path);
	CU_ASSERT_TRUE_FATAL(is_good);
	return config;
}

static void expect_plan(const char *before, const char *after, const char *only, const char *wanted)
{
	make_home();
	OWNED(config) struct config *old = load(before);
	OWNED(config) struct config *new = load(after);
	rmdir(home);
	const char *const names[] = { only };
	struct plan plan;
	plan_make(old, new, names, only ? 1 : 0, &plan);
	OWNED(free) char *text = xstrdup("");
	for (size_t i = 0; i < plan.count; i++) {
		const struct change *change = &plan.changes[i];
		const char *name = change->after ? change->after->name : change->before->name;
		char *longer = xprintf("%s%s=%s ", text, name, change_names[change->kind]);
		free(text);
		text = longer;
	}
	CU_ASSERT_STRING_EQUAL(text, wanted);
	plan_finish(&plan);
}

#define STORE "store: sqlite:/tmp/none.db\nqueues:\n"
#define MAIL  "  mail: { run: [true], workers: 2 }\n"

static void an_unchanged_queue_is_left_alone(void)
{
	expect_plan(STORE MAIL "  rows: { run: [true] }\n", STORE "  rows: { run: [true] }\n" MAIL,
		NULL, "rows=none mail=none ");
}

static void a_count_is_live_and_a_command_rolls(void)
{
	expect_plan(STORE MAIL "  rows: { run: [true] }\n",
		STORE "  mail: { run: [true], workers: 3 }\n  rows: { run: [false] }\n", NULL,
		"mail=live rows=roll ");
}

static void queues_come_and_go(void)
{
	expect_plan(STORE MAIL "  old: { run: [true] }\n", STORE "  new: { run: [true] }\n" MAIL,
		NULL, "new=add mail=none old=remove ");
}

static void another_store_rolls_every_queue(void)
{
	expect_plan(STORE MAIL, "store: sqlite:/tmp/other.db\nqueues:\n" MAIL, NULL, "mail=roll ");
}

static void only_the_named_queues_are_looked_at(void)
{
	expect_plan(STORE MAIL "  old: { run: [true] }\n", STORE "  new: { run: [true] }\n", "mail",
		"mail=remove ");
}

/* --- deaths, pids, log ring --- */

static void deaths_are_described_with_their_meaning(void)
{
	char text[SCOREBOARD_TEXT];
	CU_ASSERT_STRING_EQUAL(deaths_describe(9, text), "killed by signal 9 (SIGKILL)");
	CU_ASSERT_STRING_EQUAL(
		deaths_describe(0x80 | 11, text), "killed by signal 11 (SIGSEGV), core dumped");
	CU_ASSERT_STRING_EQUAL(
		deaths_describe(4 << 8, text), "exited with 4 (the store could not be opened)");
	CU_ASSERT_STRING_EQUAL(deaths_describe(77 << 8, text), "exited with 77");
	CU_ASSERT_STRING_EQUAL(deaths_describe(0, text), "exited with 0");
}

static void a_pid_is_found_until_it_is_removed(void)
{
	enum { COUNT = 500 };
	struct pids pids = { 0 };
	struct child *children = xcalloc(COUNT, sizeof *children);
	CU_ASSERT_PTR_NULL(pids_find(&pids, 1));
	for (int i = 0; i < COUNT; i++) {
		children[i].pid = 1 + i * 64; /* many share a home */
		pids_add(&pids, &children[i]);
	}
	for (int i = 0; i < COUNT; i += 2)
		pids_remove(&pids, &children[i]);
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_PTR_EQUAL(pids_find(&pids, 1 + i * 64), i % 2 ? &children[i] : NULL);
	CU_ASSERT_EQUAL(pids.count, COUNT / 2);
	pids_finish(&pids);
	free(children);
}

static struct log_ring *open_ring(void)
{
	struct log_ring *ring = NULL;
	struct error err;
	CU_ASSERT_TRUE_FATAL(log_ring_create(&ring, &err));
	return ring;
}

static void lines_come_back_in_their_order(void)
{
	struct log_ring *ring = open_ring();
	struct log_cursor cursor = { 0 };
	OWNED(free) struct log_entry *entry = xmalloc(sizeof *entry);
	char line[700];
	for (int i = 0; i < 100; i++) {
		memset(line, 'a' + i % 26, sizeof line);
		log_ring_write(ring, "mail", i % 2 ? "t1" : "", line, (size_t)i * 7);
	}
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL_FATAL(log_ring_read(ring, &cursor, 0, entry), LOG_READ_ENTRY);
		CU_ASSERT_STRING_EQUAL(entry->queue, "mail");
		CU_ASSERT_STRING_EQUAL(entry->task, i % 2 ? "t1" : "");
		CU_ASSERT_EQUAL(strlen(entry->line), (size_t)i * 7);
		CU_ASSERT_TRUE(i == 0 || entry->line[0] == 'a' + i % 26);
	}
	CU_ASSERT_EQUAL(log_ring_read(ring, &cursor, 0, entry), LOG_READ_END);
	log_ring_destroy(ring);
}

static void a_full_ring_keeps_the_newest_lines(void)
{
	struct log_ring *ring = open_ring();
	struct log_cursor cursor = { 0 };
	OWNED(free) struct log_entry *entry = xmalloc(sizeof *entry);
	char line[600];
	int last = -1, count = 0;
	for (int i = 0; i < 3000; i++) {
		int length = snprintf(line, sizeof line, "%d %*s", i, i % 500, "");
		log_ring_write(ring, "mail", "", line, (size_t)length);
	}
	while (log_ring_read(ring, &cursor, 0, entry) == LOG_READ_ENTRY) {
		int number = atoi(entry->line);
		CU_ASSERT_TRUE(last < 0 || number == last + 1);
		last = number;
		count++;
	}
	CU_ASSERT_EQUAL(last, 2999);
	CU_ASSERT_TRUE(count > 300);
	CU_ASSERT_FALSE(cursor.has_missed);
	for (int i = 0; i < LOG_RING_CELLS; i++)
		log_ring_write(ring, "mail", "", "on time", 7);
	CU_ASSERT_EQUAL(log_ring_read(ring, &cursor, 0, entry), LOG_READ_ENTRY);
	CU_ASSERT_FALSE(cursor.has_missed);
	log_ring_write(ring, "mail", "", "overtaken", 9);
	log_ring_write(ring, "mail", "", "overtaken", 9);
	CU_ASSERT_EQUAL(log_ring_read(ring, &cursor, 0, entry), LOG_READ_ENTRY);
	CU_ASSERT_TRUE(cursor.has_missed);
	log_ring_destroy(ring);
}

static void a_line_that_is_too_long_is_cut_between_characters(void)
{
	struct log_ring *ring = open_ring();
	struct log_cursor cursor = { 0 };
	OWNED(free) struct log_entry *entry = xmalloc(sizeof *entry);
	OWNED(free) char *line = xmalloc(30000);
	for (int i = 0; i < 30000; i += 3)
		memcpy(line + i, "\u20ac", 3);
	log_ring_write(ring, "mail", "", line + 1, 29999); /* the cut falls within a character */
	CU_ASSERT_EQUAL(log_ring_read(ring, &cursor, 0, entry), LOG_READ_ENTRY);
	size_t length = strlen(entry->line);
	CU_ASSERT_TRUE(length <= LOG_RING_LINE_MAX && length > LOG_RING_LINE_MAX - 4);
	CU_ASSERT_EQUAL(memcmp(entry->line + length - 3, "\u20ac", 3), 0);
	log_ring_destroy(ring);
}

static void a_writer_that_was_killed_leaves_a_hole_only(void)
{
	enum { WRITERS = 4 };
	struct log_ring *ring = open_ring();
	struct log_cursor cursor = { 0 };
	OWNED(free) struct log_entry *entry = xmalloc(sizeof *entry);
	pid_t writers[WRITERS];
	char line[2000];
	memset(line, 'x', sizeof line);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		while (writers[i] == 0)
			log_ring_write(ring, "mail", "", line, sizeof line);
	}
	while (log_ring_read(ring, &cursor, 0, entry) == LOG_READ_END)
		;
	for (int i = 0; i < WRITERS; i++) {
		kill(writers[i], SIGKILL);
		waitpid(writers[i], NULL, 0);
	}
	log_ring_write(ring, "mail", "", "the last", 8);
	enum log_read read;
	/* The time of a stuck writer passes at each call. */
	for (int64_t now = 1; (read = log_ring_read(ring, &cursor, now, entry)) != LOG_READ_END;
		now += LOG_RING_STUCK_MS)
		CU_ASSERT_TRUE(read == LOG_READ_STUCK || entry->line[0] == 't' ||
			       strspn(entry->line, "x") == sizeof line);
	CU_ASSERT_STRING_EQUAL(entry->line, "the last");
	log_ring_destroy(ring);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_cell_of_the_table_is_obeyed),
		SUITE_TEST(only_a_place_without_a_process_forks),
		SUITE_TEST(every_process_that_dies_is_buried_once),
		SUITE_TEST(a_place_is_filled_again_only_after_its_death_is_told),
		SUITE_TEST(every_order_to_end_leads_to_a_free_place),
		SUITE_TEST(a_retiring_worker_that_is_wanted_again_is_replaced),
		SUITE_TEST(after_good_service_the_place_is_filled_at_once),
		SUITE_TEST(delays_double_within_their_jitter),
		SUITE_TEST(five_deaths_within_thirty_seconds_make_a_slow_probe),
		SUITE_TEST(five_slow_deaths_make_no_probe),
		SUITE_TEST(the_configured_delay_is_the_least),
		SUITE_TEST(the_socket_is_named_by_the_real_path_of_the_file),
		SUITE_TEST(the_hash_is_the_documented_one),
		SUITE_TEST(places_follow_the_environment),
		SUITE_TEST(an_unchanged_queue_is_left_alone),
		SUITE_TEST(a_count_is_live_and_a_command_rolls),
		SUITE_TEST(queues_come_and_go),
		SUITE_TEST(another_store_rolls_every_queue),
		SUITE_TEST(only_the_named_queues_are_looked_at),
		SUITE_TEST(deaths_are_described_with_their_meaning),
		SUITE_TEST(a_pid_is_found_until_it_is_removed),
		SUITE_TEST(lines_come_back_in_their_order),
		SUITE_TEST(a_full_ring_keeps_the_newest_lines),
		SUITE_TEST(a_line_that_is_too_long_is_cut_between_characters),
		SUITE_TEST(a_writer_that_was_killed_leaves_a_hole_only),
	};
	return suite_run("supervisor", tests, ARRAY_SIZE(tests));
}
