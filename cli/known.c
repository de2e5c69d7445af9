/* Names of queues in commands on the store; see known.h. */
#include "cli/known.h"

#include "base/jsontext.h"
#include "cli/fleet.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "workers/fleet.h"

static bool has_traces(const struct queue_stats *stats)
{
	return stats->depth || stats->delayed || stats->working || stats->dead ||
	       stats->completed || stats->failed || stats->paused_at_ms;
}

static bool is_served(struct store *store, const char *queue, bool *out, struct error *err)
{
	OWNED(json) json_t *hosts = NULL;
	struct fleet_queue found;
	*out = false;
	if (!fleet_read_hosts(store, &hosts, err))
		return false;
	for (size_t i = 0; i < json_array_size(hosts); i++)
		*out = *out || fleet_read_queue(json_array_get(hosts, i), queue, &found);
	return true;
}

static bool is_known(const struct session *session, const char *queue, bool *out, struct error *err)
{
	struct queue_stats stats;
	*out = config_find_queue(session->config, queue) ||
	       config_find_served(session->config, queue);
	if (*out)
		return true;
	if (!session->store->ops->get_queue(session->store, queue, &stats, err))
		return false;
	*out = has_traces(&stats);
	return *out || is_served(session->store, queue, out, err);
}

static void say_unknown(const struct config *config, const char *queue)
{
	OWNED(free) const char **names = xcalloc(config->queue_count + 1, sizeof *names);
	for (size_t i = 0; i < config->queue_count; i++)
		names[i] = config->queues[i].name;
	const char *nearest = nearest_find(queue, names, config->queue_count);
	say("no queue \"%.80s\": it is not configured here, no running supervisor serves it, and "
	    "the store has nothing of it%s%s",
		queue, nearest ? "; nearest: " : "", nearest ? nearest : "");
}

bool known_queue(const struct session *session, const char *queue, int *code)
{
	struct error err = { 0 };
	bool found;
	if (!is_known(session, queue, &found, &err)) {
		*code = say_error(&err);
		return false;
	}
	if (found)
		return true;
	say_unknown(session->config, queue);
	*code = EXIT_NEGATIVE;
	return false;
}

bool known_queue_of_tasks(const struct session *session, const char *queue, int *code)
{
	const struct config_queue *pool = config_find_queue(session->config, queue);
	struct queue_stats stats;
	struct error err = { 0 };
	if (!pool || config_pulls(pool, queue))
		return known_queue(session, queue, code);
	if (!session->store->ops->get_queue(session->store, queue, &stats, &err)) {
		*code = say_error(&err);
		return false;
	}
	if (has_traces(&stats))
		return true;
	OWNED(free) char *names = xstrdup("");
	for (size_t i = 0; i < config_pull_count(pool); i++) {
		char *longer = xprintf("%s%s%s", names, i ? ", " : "", config_pull_name(pool, i));
		free(names);
		names = longer;
	}
	say("%s has no tasks of its own, it pulls %s: name one of them", queue, names);
	*code = EXIT_NEGATIVE;
	return false;
}
