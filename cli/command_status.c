/* reeve status: queues, workers and processes of the running supervisor. */
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/fleet.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/table.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WATCH_SECONDS 1

/* "3d 4h", "5h 12m", "12m 3s", "3s" */
static char *describe_age(json_int_t seconds)
{
	static const struct {
		json_int_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	for (size_t i = 0; i + 1 < ARRAY_SIZE(units); i++) {
		json_int_t rest = seconds % units[i].seconds / units[i + 1].seconds;
		if (seconds >= units[i].seconds)
			return xprintf("%lld%c %lld%c", (long long)(seconds / units[i].seconds),
				units[i].letter, (long long)rest, units[i + 1].letter);
	}
	return xprintf("%llds", (long long)seconds);
}

/* What the count of workers is not free to follow. */
static char *describe_notes(const json_t *queue, const json_t *scaling)
{
	static const char *const shown[] = { "max", "max_working", "rate", "memory", "unmeasured" };
	const char *limit = jsontext_member(scaling, "limit");
	const char *word = NULL;
	for (size_t i = 0; limit && i < ARRAY_SIZE(shown); i++)
		if (strcmp(shown[i], limit) == 0)
			word = shown[i];
	const char *by = jsontext_member(queue, "paused_by");
	bool is_paused = json_is_true(json_object_get(queue, "paused"));
	const char *paused = !is_paused                            ? ""
			     : by && strcmp(by, "supervisor") != 0 ? "paused on every host"
								   : "paused";
	const char *until = jsontext_member(queue, "closed_until");
	if (until && !is_paused)
		return xprintf("closed until %.16sZ", until);
	if (json_is_true(json_object_get(scaling, "overridden")))
		return xprintf("%s%sset by hand", paused, is_paused ? ", " : "");
	if (word && !is_paused)
		return xprintf("limited: %s", word);
	return xstrdup(paused);
}

static void print_queues(const json_t *queues, const json_t *scaling)
{
	static const char *const members[] = { "busy", "desired", "min", "max", "depth", "delayed",
		"working", "oldest_s", "rate_per_s", "dead", "completed", "failed", "restarts" };
	OWNED(table)
	struct table *table = table_create(
		"QUEUE|>WORKERS|>BUSY|>DESIRED|>MIN|>MAX|>DEPTH|>DELAYED|>WORKING|>OLDEST "
		"s|>RATE/s|>DEAD|>COMPLETED|>FAILED|>RESTARTS|NOTE");
	const char *name;
	json_t *queue;
	json_object_foreach((json_t *)queues, name, queue)
	{
		table_add(table, name);
		table_add_json(table, json_object_get(queue, "workers"));
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			table_add_json(table, json_object_get(queue, members[i]));
		OWNED(free) char *notes = describe_notes(queue, json_object_get(scaling, name));
		table_add(table, notes);
	}
	table_print(table, stdout);
}

/* Only with a broker: what went through each queue's door. */
static void print_doors(const json_t *queues)
{
	static const char *const members[] = { "unsent", "waiting", "sent", "received", "unknown",
		"requests" };
	OWNED(table)
	struct table *table =
		table_create("QUEUE|>UNSENT|>WAITING|>SENT|>RECEIVED|>UNKNOWN|>REQUESTS");
	const char *name;
	json_t *queue;
	bool any = false;
	json_object_foreach((json_t *)queues, name, queue)
	{
		const json_t *door = json_object_get(queue, "broker");
		if (!door)
			continue;
		any = true;
		table_add(table, name);
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			table_add_json(table, json_object_get(door, members[i]));
	}
	if (!any)
		return;
	putchar('\n');
	table_print(table, stdout);
}

static void print_workers(const json_t *workers)
{
	static const char *const members[] = { "pid", "queue", "slot", "state", "task", "since" };
	OWNED(table) struct table *table = table_create(">PID|QUEUE|>SLOT|STATE|TASK|SINCE");
	for (size_t i = 0; i < json_array_size(workers); i++)
		for (size_t j = 0; j < ARRAY_SIZE(members); j++)
			table_add_json(
				table, json_object_get(json_array_get(workers, i), members[j]));
	if (json_array_size(workers) == 0)
		return;
	putchar('\n');
	table_print(table, stdout);
}

static void print_status(const json_t *status, const json_t *scaling)
{
	OWNED(free)
	char *age = describe_age(json_integer_value(json_object_get(status, "uptime_s")));
	printf("supervisor %lld, up %s",
		(long long)json_integer_value(json_object_get(status, "pid")), age);
	const json_t *processes = json_object_get(status, "processes");
	for (size_t i = 0; i < json_array_size(processes); i++) {
		const json_t *process = json_array_get(processes, i);
		const char *name = jsontext_member(process, "name");
		printf(", %s %lld", name ? name : "?",
			(long long)json_integer_value(json_object_get(process, "pid")));
	}
	puts("\n");
	print_queues(json_object_get(status, "queues"), scaling);
	print_doors(json_object_get(status, "queues"));
	print_workers(json_object_get(status, "workers"));
}

static int show(const struct control_place *place, const struct arguments *arguments)
{
	OWNED(json) json_t *reply = NULL;
	int code;
	if (!control_ask(place, json_pack("{s:s}", "command", "status"), &reply, &code))
		return code;
	json_t *status = json_object_get(reply, "status");
	if (arguments->is_json) {
		print_json(json_incref(status));
		return EXIT_OK;
	}
	print_status(status, json_object_get(reply, "scaling"));
	return EXIT_OK;
}

static int look(const struct control_place *place, const struct arguments *arguments)
{
	if (arguments_option(arguments, "--watch") && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	return arguments_option(arguments, "--all") ? fleet_show(arguments)
						    : show(place, arguments);
}

static int run(const struct arguments *arguments)
{
	OWNED_PLACE struct control_place place = { 0 };
	int code;
	if (!arguments_option(arguments, "--all") && !control_find(arguments, &place, &code))
		return code;
	code = look(&place, arguments);
	while (code == EXIT_OK && arguments_option(arguments, "--watch") && fflush(stdout) == 0) {
		const struct timespec pause = { .tv_sec = WATCH_SECONDS };
		nanosleep(&pause, NULL);
		code = look(&place, arguments);
	}
	return code;
}

const struct command command_status = {
	.name = "status",
	.words = "",
	.summary = "show queues, workers and processes of the running supervisor",
	.options = { { "--watch", NULL, "again every second", 'w' },
		{ "--all", NULL, "every supervisor on the same store, by its heartbeats", 0 } },
	.slip = "takes no queue (it shows all); what holds one up",
	.fix = "explain",
	.run = run,
};
