/* status --all, pause --all, resume --all; see fleet.h. */
#include "cli/fleet.h"

#include "base/jsontext.h"
#include "cli/known.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/table.h"
#include "workers/fleet.h"
#include "workers/pulls.h"
#include "workers/shapes.h"

#include <stdio.h>

bool fleet_read_hosts(struct store *store, json_t **out, struct error *err)
{
	struct beat_list list;
	if (!store->ops->beat(store, NULL, &list, err))
		return false;
	json_t *hosts = json_array();
	for (size_t i = 0; i < list.count; i++) {
		const struct beat_record *beat = &list.rows[i];
		json_t *told;
		if (!jsontext_parse(beat->text, strlen(beat->text), &told, NULL))
			continue;
		json_t *host = json_pack(
			"{s:s, s:f}", "id", beat->id, "heard_s", (double)beat->age_ms / 1000);
		json_object_update(host, told);
		json_decref(told);
		json_array_append_new(hosts, host);
	}
	beat_list_finish(&list);
	*out = hosts;
	return true;
}

/* What all hosts have for the queue, and what the store says of it. */
static json_t *sum_queue(const json_t *hosts, const char *name, const struct queue_stats *stats)
{
	struct fleet_queue sum = { 0 }, queue;
	int serving = 0;
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		if (!fleet_read_queue(json_array_get(hosts, i), name, &queue))
			continue;
		serving++;
		sum.workers += queue.workers;
		sum.busy += queue.busy;
		sum.capacity += queue.capacity;
	}
	return json_pack("{s:i, s:i, s:i, s:i, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"hosts", serving, "workers", sum.workers, "busy", sum.busy, "capacity",
		sum.capacity, "paused", stats->paused_at_ms != 0, "paused_since",
		shapes_time(stats->paused_at_ms), "depth", (json_int_t)stats->depth, "delayed",
		(json_int_t)stats->delayed, "working", (json_int_t)stats->working, "oldest_s",
		(json_int_t)(stats->oldest_ms / 1000), "dead", (json_int_t)stats->dead, "completed",
		(json_int_t)stats->completed, "failed", (json_int_t)stats->failed);
}

/* A pool's numbers are those of all that it pulls, where this configuration says what that is. */
static bool get_stats(const struct session *session, const char *name, struct queue_stats *stats,
	struct error *err)
{
	const struct config_queue *pool = config_find_queue(session->config, name);
	return pool ? pulls_get_stats(session->store, pool, stats, err)
		    : session->store->ops->get_queue(session->store, name, stats, err);
}

static bool add_queue(const struct session *session, const json_t *hosts, const char *name,
	json_t *queues, struct error *err)
{
	struct queue_stats stats;
	if (json_object_get(queues, name))
		return true;
	if (!get_stats(session, name, &stats, err))
		return false;
	json_object_set_new(queues, name, sum_queue(hosts, name, &stats));
	return true;
}

/* Those of the configuration, then what hosts serve beyond them. */
static bool add_queues(
	const struct session *session, const json_t *hosts, json_t *queues, struct error *err)
{
	const struct config *config = session->config;
	bool ok = true;
	for (size_t i = 0; ok && i < config->queue_count; i++)
		ok = add_queue(session, hosts, config->queues[i].name, queues, err);
	for (size_t i = 0; ok && i < json_array_size(hosts); i++) {
		const char *name;
		json_t *queue, *served = json_object_get(json_array_get(hosts, i), "queues");
		json_object_foreach(served, name, queue)
		{
			ok = ok && add_queue(session, hosts, name, queues, err);
		}
	}
	return ok;
}

static json_t *gather(const struct session *session, struct error *err)
{
	OWNED(json) json_t *hosts = NULL;
	OWNED(json) json_t *queues = json_object();
	if (!fleet_read_hosts(session->store, &hosts, err) ||
		!add_queues(session, hosts, queues, err))
		return NULL;
	return json_pack("{s:O, s:O}", "hosts", hosts, "queues", queues);
}

static void print_hosts(const json_t *hosts)
{
	static const char *const members[] = { "host", "pid", "version", "config", "started_at" };
	OWNED(table)
	struct table *table = table_create("HOST|>PID|VERSION|CONFIG|STARTED|>HEARD s AGO");
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const json_t *host = json_array_get(hosts, i);
		for (size_t j = 0; j < ARRAY_SIZE(members); j++)
			table_add_json(table, json_object_get(host, members[j]));
		table_add_json(table, json_object_get(host, "heard_s"));
	}
	table_print(table, stdout);
}

static void print_sums(const json_t *queues)
{
	static const char *const members[] = { "hosts", "workers", "busy", "capacity", "depth",
		"delayed", "working", "oldest_s", "dead", "completed", "failed" };
	OWNED(table)
	struct table *table = table_create("QUEUE|>HOSTS|>WORKERS|>BUSY|>CAPACITY|>DEPTH|>DELAYED|"
					   ">WORKING|>OLDEST s|>DEAD|>COMPLETED|>FAILED|NOTE");
	const char *name;
	json_t *queue;
	json_object_foreach((json_t *)queues, name, queue)
	{
		const char *since = jsontext_member(queue, "paused_since");
		OWNED(free)
		char *note = since ? xprintf("paused on every host since %s", since) : NULL;
		table_add(table, name);
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			table_add_json(table, json_object_get(queue, members[i]));
		table_add(table, note);
	}
	table_print(table, stdout);
}

static void print_shares(const json_t *hosts)
{
	static const char *const members[] = { "workers", "busy", "min", "max", "capacity" };
	OWNED(table)
	struct table *table =
		table_create("HOST|>PID|QUEUE|>WORKERS|>BUSY|>MIN|>MAX|>CAPACITY|NOTE");
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const json_t *host = json_array_get(hosts, i);
		const char *name;
		json_t *queue;
		json_object_foreach(json_object_get(host, "queues"), name, queue)
		{
			bool is_paused = json_is_true(json_object_get(queue, "paused"));
			table_add_json(table, json_object_get(host, "host"));
			table_add_json(table, json_object_get(host, "pid"));
			table_add(table, name);
			for (size_t j = 0; j < ARRAY_SIZE(members); j++)
				table_add_json(table, json_object_get(queue, members[j]));
			table_add(table, is_paused ? "paused here" : NULL);
		}
	}
	table_print(table, stdout);
}

int fleet_show(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	OWNED(json) json_t *fleet = gather(&session, &err);
	if (!fleet)
		return say_error(&err);
	if (arguments->is_json) {
		print_json(json_incref(fleet));
		return EXIT_OK;
	}
	const json_t *hosts = json_object_get(fleet, "hosts");
	size_t count = json_array_size(hosts);
	printf("%zu %s this store\n\n", count, count == 1 ? "supervisor uses" : "supervisors use");
	if (count > 0) {
		print_hosts(hosts);
		putchar('\n');
	}
	print_sums(json_object_get(fleet, "queues"));
	if (count > 0) {
		putchar('\n');
		print_shares(hosts);
	}
	return EXIT_OK;
}

/* A pause that somebody has told one supervisor alone is that supervisor's. */
static void say_where_paused(const json_t *hosts, const char *name)
{
	struct fleet_queue queue;
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const json_t *host = json_array_get(hosts, i);
		if (!fleet_read_queue(host, name, &queue) || !queue.is_paused)
			continue;
		const char *place = jsontext_member(host, "host");
		OWNED(free) char *clean = table_clean(place ? place : "?", 0);
		say("%s is still paused by a command to the supervisor %lld on %s; there: reeve "
		    "resume %s",
			name, (long long)json_integer_value(json_object_get(host, "pid")), clean,
			name);
	}
}

/* The name of a pool that pulls others stands for those. */
static bool set_pause(struct store *store, const struct config *config, const char *name,
	bool is_paused, struct error *err)
{
	const struct config_queue *pool = config_find_queue(config, name);
	if (!pool)
		return store->ops->set_pause(store, name, is_paused, err);
	for (size_t i = 0; i < config_pull_count(pool); i++)
		if (!store->ops->set_pause(store, config_pull_name(pool, i), is_paused, err))
			return false;
	return true;
}

int fleet_set_pause(const struct arguments *arguments, bool is_paused)
{
	OWNED_SESSION struct session session = { 0 };
	OWNED(json) json_t *hosts = NULL;
	const char *queue = arguments_word(arguments, 0);
	struct error err = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	struct store *store = session.store;
	if (!fleet_read_hosts(store, &hosts, &err))
		return say_error(&err);
	if (!known_queue(&session, queue, &code))
		return code;
	if (!set_pause(store, session.config, queue, is_paused, &err))
		return say_error(&err);
	if (arguments->is_json)
		print_json(json_pack("{s:s, s:b}", "queue", queue, "paused", (int)is_paused));
	else
		printf("%s: %s on every host\n", queue, is_paused ? "paused" : "resumed");
	if (!is_paused)
		say_where_paused(hosts, queue);
	return EXIT_OK;
}
