/* Checks of a queue that need more than one key, or the disk. */
#include "config/file.h"
#include "config/program.h"
#include "config/queues.h"
#include "config/section.h"
#include "config/units.h"

#include <unistd.h>

struct check {
	struct section *section;
	const struct config_queue *queue;
	const struct where *at; /* the queue's key */
};

/* The place of a key; the queue's own with the key's name where it has none. */
static struct where place(const struct check *check, const char *name)
{
	const struct where *at = section_place(check->section, name);
	if (at->source)
		return *at;
	struct where missing = *check->at;
	missing.path = arena_print(&check->section->loading->arena, "%s.%s", check->at->path, name);
	return missing;
}

static void require(const struct check *check, bool is_needed, const char *name, const char *type)
{
	if (!is_needed || section_place(check->section, name)->source)
		return;
	struct where at = place(check, name);
	faults_add(&check->section->loading->faults, &at, "required for type %s", type);
}

static void check_required(const struct check *check)
{
	bool is_split = check->queue->type == QUEUE_SPLIT;
	require(check, check->queue->type == QUEUE_HANDLER && !check->queue->post, "run",
		"handler");
	require(check, check->queue->type == QUEUE_PROGRAM, "run", "program");
	require(check, is_split, "split.payload_key", "split");
	require(check, is_split, "split.slice_size", "split");
}

/* Half a window is none. */
static void check_hours(const struct check *check)
{
	const struct config_hours *hours = &check->queue->hours;
	const char *missing = hours->has_from ? "hours.to" : "hours.from";
	struct where at = place(check, missing);
	if (hours->has_from != hours->has_to)
		faults_add(&check->section->loading->faults, &at, "required with %s",
			hours->has_from ? "hours.from" : "hours.to");
}

static void check_grace(const struct check *check)
{
	char grace[UNITS_TEXT_SIZE];
	const struct config *config = check->section->loading->config;
	struct where at = place(check, "kill_after");
	if (!section_place(check->section, "kill_after")->source ||
		check->queue->kill_after_ms < config->shutdown_grace_ms)
		return;
	faults_add(&check->section->loading->faults, &at, "must be less than shutdown_grace (%s)",
		units_print_duration(config->shutdown_grace_ms, grace));
}

/* A first wait over the longest one is legal, but surely not meant. */
static void warn_delay(
	const struct check *check, const char *name, int64_t delay_ms, int64_t max_delay_ms)
{
	char longest[UNITS_TEXT_SIZE];
	if (delay_ms <= max_delay_ms || !section_place(check->section, name)->source)
		return;
	struct where at = place(check, name);
	faults_warn(&check->section->loading->faults, &at, "cut to max_delay (%s)",
		units_print_duration(max_delay_ms, longest));
}

static void warn_program(
	const struct check *check, const char *name, const struct config_argv *argv)
{
	struct arena *arena = &check->section->loading->arena;
	if (argv->count == 0 || program_is_there(argv->words[0], &check->queue->env))
		return;
	struct where at = place(check, name);
	const struct config_origin *origin =
		&check->section->origins[keys_find(&keys_queue, name) - keys_queue.rows];
	const json_t *shown = origin->shown ? json_array_get(origin->shown, 0) : NULL;
	faults_warn(&check->section->loading->faults, &at, "program %s is not there%s",
		faults_quote(arena, shown ? json_string_value(shown) : argv->words[0]),
		strchr(argv->words[0], '/') ? "" : " (in PATH)");
}

static void warn_programs(const struct check *check)
{
	const struct config_queue *queue = check->queue;
	const struct {
		const char *name;
		const struct config_argv *argv;
	} programs[] = {
		{ "run", &queue->run },
		{ "before", &queue->before },
		{ "after", &queue->after },
		{ "around", &queue->around },
		{ "on_success", &queue->on_success },
		{ "on_failure", &queue->on_failure },
	};
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		warn_program(check, programs[i].name, programs[i].argv);
}

static void warn_folder(const struct check *check)
{
	struct where at = place(check, "cwd");
	if (!file_is_folder(check->queue->cwd))
		faults_warn(&check->section->loading->faults, &at, "this folder is not there");
}

/* The file may be meant for a reeve that runs as root: no mistake, here. */
static void warn_owner(const struct check *check)
{
	const struct config_queue *queue = check->queue;
	const bool is_another = queue->user.name && queue->user.uid != geteuid();
	if (geteuid() == 0 || (!is_another && !queue->groups.names))
		return;
	struct where at = place(check, is_another ? "user" : "groups");
	faults_warn(&check->section->loading->faults, &at,
		"needs root: where reeve runs as UID %u, as here, its tasks fail",
		(unsigned)geteuid());
}

static bool is_fifo(const struct config_queue *queue)
{
	const char *dot = strrchr(queue->name, '.');
	return dot && strcmp(dot, ".fifo") == 0;
}

static bool has_broker(const struct check *check, const char *scheme)
{
	const char *url = check->section->loading->config->broker_url;
	return url && strncmp(url, scheme, strlen(scheme)) == 0;
}

/* Keys that are right, and do nothing where they stand. */
static void warn_broker(const struct check *check)
{
	const struct config_queue *queue = check->queue;
	bool any = has_broker(check, ""), sqs = has_broker(check, "sqs:");
	const struct {
		const char *name, *text;
		bool is_idle;
	} rows[] = {
		{ "format", "has no effect without a broker",
			queue->format != FORMAT_TASK && !any },
		{ "failure_queue", "has no effect without a broker", queue->failure_queue && !any },
		{ "group", "has no effect but in FIFO queues of SQS (NAME.fifo)",
			strcmp(queue->group, "job") != 0 && !(sqs && is_fifo(queue)) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct where at = place(check, rows[i].name);
		if (rows[i].is_idle)
			faults_warn(&check->section->loading->faults, &at, "%s", rows[i].text);
	}
	if (is_fifo(queue) && !sqs)
		faults_warn(&check->section->loading->faults, check->at,
			"without an SQS broker .fifo is but a part of the name");
}

/* What works on a pool's tasks, as the file says it. */
static const char *describe_pool(const struct config_queue *pool)
{
	static const char *const types[] = { [QUEUE_SYNC] = "type sync",
		[QUEUE_SPLIT] = "type split",
		[QUEUE_NOOP] = "type noop",
		[QUEUE_PROGRAM] = "type program" };
	if (pool->type != QUEUE_HANDLER)
		return types[pool->type];
	if (pool->post)
		return "post";
	return pool->protocol == PROTOCOL_STREAM ? "protocol stream" : "protocol exec";
}

/* The first queue that both pull, or NULL. */
static const char *find_shared(const struct config_queue *pool, const struct config_queue *other)
{
	for (size_t i = 0; i < config_pull_count(pool); i++)
		if (config_pulls(other, config_pull_name(pool, i)))
			return config_pull_name(pool, i);
	return NULL;
}

/* Pools of several files and hosts may share a queue, but hardly so. The pools before this one are
 * read already. */
static void warn_shared(const struct check *check)
{
	struct loading *loading = check->section->loading;
	const struct config *config = loading->config;
	const struct config_queue *own = check->queue;
	for (size_t i = 0; &config->queues[i] != own; i++) {
		const struct config_queue *other = &config->queues[i];
		const char *is = describe_pool(own), *was = describe_pool(other);
		const char *queue = strcmp(is, was) == 0 ? NULL : find_shared(own, other);
		const struct where *at = section_place(check->section, "pull");
		if (queue)
			faults_warn(&loading->faults, at->source ? at : check->at,
				"%s pulls %s too, with %s, and this one has %s: each task goes to "
				"whichever is free",
				other->name, queue, was, is);
	}
}

void checks_queue(struct section *section, const struct where *at)
{
	struct check check = { section, section->base, at };
	const struct config_queue *queue = check.queue;
	check_required(&check);
	checks_fit(section);
	check_grace(&check);
	check_hours(&check);
	warn_delay(&check, "retries.delay", queue->retries.delay_ms, queue->retries.max_delay_ms);
	warn_delay(&check, "restart.delay", queue->restart.delay_ms, queue->restart.max_delay_ms);
	warn_broker(&check);
	warn_shared(&check);
	warn_programs(&check);
	warn_folder(&check);
	warn_owner(&check);
}
