/* reeve purge, gc: what deletes. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/known.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "workers/acts.h"

#include <stdio.h>
#include <unistd.h>

#define GC_PAGE 500

/* Nothing is deleted by a script that did not say so. */
static bool is_confirmed(const struct arguments *arguments, bool is_dead)
{
	if (arguments_option(arguments, "--yes"))
		return true;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		say("purge deletes; without a terminal to ask at it needs --yes");
		return false;
	}
	fprintf(stderr, "delete all %s tasks of queue %s? [y/N] ", is_dead ? "dead" : "queued",
		arguments_word(arguments, 0));
	int answer = getchar();
	if (answer == 'y' || answer == 'Y')
		return true;
	say("nothing deleted");
	return false;
}

static int run_purge(const struct arguments *arguments)
{
	bool is_dead = arguments_option(arguments, "--dead");
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	struct acts_purged purged;
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	const char *queue = arguments_word(arguments, 0);
	if (!known_queue_of_tasks(&session, queue, &code))
		return code;
	if (!is_confirmed(arguments, is_dead))
		return EXIT_MISUSE;
	if (!acts_purge(session.store, queue, is_dead, &purged, &err))
		return say_error(&err);
	if (arguments->is_json)
		print_json(json_pack("{s:I, s:I}", "deleted", (json_int_t)purged.deleted,
			"cancelled", (json_int_t)purged.cancelled));
	else if (is_dead)
		say("%zu dead tasks of %s deleted; those of jobs stay with their job",
			purged.deleted, queue);
	else
		say("%zu pushed tasks of %s deleted, %zu tasks of jobs cancelled", purged.deleted,
			queue, purged.cancelled);
	return EXIT_OK;
}

static int64_t before(int64_t retention_ms)
{
	return retention_ms == CONFIG_NO_LIMIT ? -1 : clock_wall_ms() - retention_ms;
}

static bool collect(
	struct store *store, const struct config *config, size_t *collected, struct error *err)
{
	bool left = true;
	*collected = 0;
	while (left) {
		size_t deleted = 0;
		if (!store->ops->gc(store, before(config->retention_completed_ms),
			    before(config->retention_failed_ms),
			    before(config->retention_results_ms), GC_PAGE, &deleted, &left, err))
			return false;
		*collected += deleted;
	}
	return true;
}

static int run_gc(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	size_t collected;
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	if (!collect(session.store, session.config, &collected, &err))
		return say_error(&err);
	if (arguments->is_json)
		print_json(json_pack("{s:I}", "deleted", (json_int_t)collected));
	else
		say("%zu deleted", collected);
	return EXIT_OK;
}

const struct command command_purge = {
	.name = "purge",
	.words = "QUEUE",
	.words_min = 1,
	.words_max = 1,
	.summary = "empty a queue: pushed tasks are deleted, tasks of jobs cancelled",
	.options = { { "--dead", NULL, "delete its failed and invalid pushed tasks instead", 0 },
		{ "--yes", NULL, "do not ask", 0 } },
	.run = run_purge,
};

const struct command command_gc = {
	.name = "gc",
	.words = "",
	.summary = "delete what is older than retention says; the keeper does it by itself too",
	.slip = "takes no queue (it follows retention); to empty a queue",
	.fix = "purge",
	.run = run_gc,
};
