/* reeve schedules: what starts by the clock, from the file. */
#include "base/clock.h"
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/table.h"
#include "supervisor/control.h"
#include "workers/schedule_note.h"

/* Wall time in ms; 0: it never comes, or is disabled. */
static int64_t find_next_ms(const struct config_schedule *schedule)
{
	if (!schedule->is_enabled)
		return 0;
	int64_t next_s = cron_next(&schedule->cron, schedule->zone, clock_wall_ms() / 1000);
	return next_s == ZONE_NEVER ? 0 : next_s * 1000;
}

static json_t *print_time(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];
	return wall_ms ? json_string(clock_format(wall_ms, text)) : json_null();
}

static const char *task_of(const struct config_schedule *schedule)
{
	return schedule->task ? schedule->task : schedule->queue;
}

static json_t *describe(const struct config_schedule *schedule, int64_t next_ms, int64_t last_ms)
{
	json_t *row = json_pack("{s:s, s:o, s:o, s:b}", "name", schedule->name, "next",
		print_time(next_ms), "last", print_time(last_ms), "enabled", schedule->is_enabled);
	if (schedule->workflow)
		json_object_set_new(row, "workflow", json_string(schedule->workflow));
	else
		json_object_update_new(row, json_pack("{s:s, s:s}", "queue", schedule->queue,
						    "task", task_of(schedule)));
	return row;
}

static void add_row(struct table *table, const struct config_schedule *schedule, int64_t next_ms,
	int64_t last_ms)
{
	OWNED(free)
	char *target = schedule->workflow
			       ? xprintf("workflow %s", schedule->workflow)
			       : xprintf("task %s on %s", task_of(schedule), schedule->queue);
	OWNED(free)
	char *when = xprintf("%s %s", schedule->cron_text, zone_name(schedule->zone));
	table_add(table, schedule->name);
	table_add_time(table, next_ms);
	table_add_time(table, last_ms);
	table_add(table, schedule->is_enabled ? "yes" : "no");
	table_add(table, target);
	table_add(table, when);
}

/* Whether a supervisor runs with this configuration: only then somebody keeps the schedules. */
static bool is_served(const struct arguments *arguments, const struct config *config)
{
	struct error err = { 0 };
	const char *path;
	OWNED(json) json_t *request = json_pack("{s:s}", "command", "ping");
	OWNED(json) json_t *reply = NULL;
	return session_find_config(arguments, &path, &err) &&
	       control_call(path, config->control_path, request, &reply, &err);
}

/* When each started something last, wall ms; 0: never. Owned. */
static bool read_last(const struct config *config, int64_t *last_ms, struct error *err)
{
	OWNED(store) struct store *store = NULL;
	OWNED(free) const char **names = xcalloc(config->schedule_count + 1, sizeof *names);
	struct schedule_list list;
	for (size_t i = 0; i < config->schedule_count; i++)
		names[i] = config->schedules[i].name;
	if (!store_open(config->store_url, NULL, &store, err) ||
		!store->ops->get_schedules(store, names, config->schedule_count, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		struct schedule_note note;
		schedule_note_read(list.rows[i].text, &note);
		last_ms[i] = note.last_s * 1000;
		schedule_note_finish(&note);
	}
	schedule_list_finish(&list);
	return true;
}

static int run(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open_config(arguments, false, &session, &code))
		return code;
	const struct config *config = session.config;
	OWNED(free) int64_t *last_ms = xcalloc(config->schedule_count + 1, sizeof *last_ms);
	struct error err;
	if (config->schedule_count > 0 && is_served(arguments, config) &&
		!read_last(config, last_ms, &err))
		say("%s: what was started last is not known", err.text);
	struct print_list json = { 0 };
	OWNED(table) struct table *table = table_create("SCHEDULE|NEXT|LAST|ENABLED|STARTS|WHEN");
	for (size_t i = 0; i < config->schedule_count; i++) {
		const struct config_schedule *schedule = &config->schedules[i];
		int64_t next_ms = find_next_ms(schedule);
		if (arguments->is_json)
			print_list_add(&json, describe(schedule, next_ms, last_ms[i]));
		else
			add_row(table, schedule, next_ms, last_ms[i]);
	}
	if (arguments->is_json)
		print_list_end(&json);
	else
		table_print(table, stdout);
	return EXIT_OK;
}

const struct command command_schedules = {
	.name = "schedules",
	.words = "",
	.summary = "list what starts by the clock: when next, and when it did last",
	.slip = "lists all; to start a workflow now",
	.fix = "start",
	.run = run,
};
