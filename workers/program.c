/*
 * The worker of a queue of `type: program`: starts the queue's program and keeps it, ends it when
 * it is told to. It opens no store and leases nothing: what the program works on is its own matter.
 * A program that ends by itself ends the worker, and the supervisor's back-off decides on the next.
 */
#include "workers/program.h"

#include "base/log.h"
#include "base/memory.h"
#include "workers/runner.h"
#include "workers/self.h"

#define TICK_MS  500
#define PAUSE_MS 500

struct program {
	struct self self;
	const struct worker_setup *setup;
	struct runner *runner;
	const struct queue_board *row; /* NULL: the table is full */
	const char *wear;              /* why it is being replaced; NULL: it is not */
	struct run_watch watch;
};

/* By a command to this supervisor, or for all hosts in the store, which the keeper reads. */
static bool is_paused(const struct program *program)
{
	return self_is_paused(&program->self) ||
	       (program->row && atomic_load(&program->row->paused_at_ms) != 0);
}

static enum run_order on_tick(void *context)
{
	struct program *program = context;
	program->watch.tick_ms = TICK_MS;
	scoreboard_set_state(program->setup->slot, SLOT_IDLE);
	if (self_command(&program->self) != COMMAND_RUN || is_paused(program))
		return ORDER_HALT;
	program->wear = runner_find_wear(program->runner);
	return program->wear ? ORDER_HALT : ORDER_GO_ON;
}

static void open_runner(struct program *program)
{
	const struct worker_setup *setup = program->setup;
	char **environment = runner_build_environment(setup->config, setup->queue);
	program->runner = runner_create(setup->queue, environment, setup->slot);
	runner_free_environment(environment);
	if (setup->cgroup && setup->queue->limits.memory > 0 &&
		!runner_confine(program->runner, setup->cgroup, setup->name))
		log_line(LOG_WARN, "no cgroup for its program, limits.memory is watched instead");
}

static void note_replacement(const struct program *program)
{
	if (!program->wear)
		return;
	log_line(LOG_INFO, "the program is replaced, as %s says", program->wear);
	atomic_fetch_add(&program->setup->slot->recycled, 1);
}

/* Once: until the program has ended. False where the worker ends with it. */
static bool serve_once(struct program *program, enum worker_exit *code)
{
	OWNED(free) char *message = NULL;
	program->wear = NULL;
	program->watch = (struct run_watch){ .context = program, .on_tick = on_tick };
	switch (runner_serve(program->runner, &program->watch, &message)) {
	case SERVED_STOPPED:
		note_replacement(program);
		return true;
	case SERVED_KILLED:
		log_line(LOG_WARN, "the program did not end within kill_after and was killed");
		note_replacement(program);
		*code = WORKER_EXIT_KILLED;
		return true;
	case SERVED_WELL:
		log_line(LOG_INFO, "the program %s", message);
		break;
	case SERVED_BADLY:
		log_line(LOG_WARN, "the program: %s", message);
		break;
	}
	*code = WORKER_EXIT_PROGRAM;
	return false;
}

static enum worker_exit serve(struct program *program)
{
	enum worker_exit code = WORKER_EXIT_OK;
	while (self_command(&program->self) == COMMAND_RUN) {
		code = WORKER_EXIT_OK;
		if (is_paused(program)) {
			scoreboard_set_state(program->setup->slot, SLOT_IDLE);
			self_sleep(&program->self, PAUSE_MS);
		} else if (!serve_once(program, &code)) {
			break;
		}
	}
	return code;
}

_Noreturn void program_main(const struct worker_setup *setup)
{
	struct program program = { .setup = setup,
		.row = scoreboard_find_queue(setup->board, setup->queue->name) };
	self_begin(&program.self, setup, "worker");
	open_runner(&program);
	enum worker_exit code = serve(&program);
	scoreboard_set_state(setup->slot, SLOT_DRAINING);
	runner_destroy(program.runner);
	self_end(&program.self, code);
}
