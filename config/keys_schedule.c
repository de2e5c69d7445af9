/* The table of keys: those of a schedule. */
#include "config/kinds.h"

#define FIELD(member) offsetof(struct config_schedule, member)

static const char *const overlaps[] = { "skip", "queue", "replace", "allow", NULL };
static const char *const catch_ups[] = { "skip", "one", "all", NULL };

static const struct key rows[] = {
	{ .name = "workflow",
		.kind = &kind_text,
		.offset = FIELD(workflow),
		.fallback_text = "this or `queue` is required",
		.reload = RELOAD_LIVE,
		.manual = "The workflow of which a job is started." },
	{ .name = "queue",
		.kind = &kind_text,
		.offset = FIELD(queue),
		.fallback_text = "this or `workflow` is required",
		.range = "the name of a queue",
		.reload = RELOAD_LIVE,
		.manual = "The queue on which one task is started." },
	{ .name = "task",
		.kind = &kind_text,
		.offset = FIELD(task),
		.fallback_text = "the queue's name",
		.reload = RELOAD_LIVE,
		.manual = "With `queue`: the task's name." },
	{ .name = "payload",
		.kind = &kind_json,
		.offset = FIELD(payload),
		.fallback = "{}",
		.range = "a map; with `queue` any value",
		.reload = RELOAD_LIVE,
		.manual = "The payload of the job or task, at most 1 MiB as JSON." },
	{ .name = "cron",
		.kind = &kind_cron,
		.fallback_text = "required",
		.range = "five fields, six with the second in front, or a word such as `@daily`",
		.reload = RELOAD_LIVE,
		.manual = "When." },
	{ .name = "timezone",
		.kind = &kind_zone,
		.offset = FIELD(zone),
		.fallback = "UTC",
		.range = "a name of the IANA database",
		.reload = RELOAD_LIVE,
		.manual = "By whose clock." },
	{ .name = "overlap",
		.kind = &kind_choice,
		.offset = FIELD(overlap),
		.fallback = "skip",
		.choices = overlaps,
		.reload = RELOAD_LIVE,
		.manual =
			"Where the last one still runs: leave this one out, start it when that has "
			"ended, cancel that, or let both run." },
	{ .name = "catch_up",
		.kind = &kind_choice,
		.offset = FIELD(catch_up),
		.fallback = "one",
		.choices = catch_ups,
		.reload = RELOAD_LIVE,
		.manual =
			"Instants at which no reeve was there: start none of them, one for all, or "
			"all." },
	{ .name = "enabled",
		.kind = &kind_boolean,
		.offset = FIELD(is_enabled),
		.fallback = "true",
		.high = 1,
		.range = "true or false",
		.reload = RELOAD_LIVE,
		.manual = "false: it starts nothing, and nothing counts as missed." },
};

const struct key_table keys_schedule = { rows, ARRAY_SIZE(rows) };
