/* Sentences, and what holds up a queue; see findings.h. */
#include "workers/findings.h"

#include "base/clock.h"

#include "base/jsontext.h"
#include "workers/pulls.h"
#include "workers/shapes.h"
#include "workers/trace.h"

#include <stdarg.h>
#include <stdio.h>

static json_t *add(json_t *list, const char *mend, int64_t since_ms, const char *says)
{
	json_t *finding = json_pack("{s:o, s:o, s:o}", "says", trace_text(says), "since",
		shapes_time(since_ms), "mend", trace_text(mend));
	json_array_append_new(list, finding);
	return finding;
}

json_t *findings_add(json_t *list, const char *mend, int64_t since_ms, const char *format, ...)
{
	char says[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(says, sizeof says, format, args);
	va_end(args);
	return add(list, mend, since_ms, says);
}

json_t *findings_add_mend(
	json_t *list, const char *command, const char *word, const char *format, ...)
{
	char says[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(says, sizeof says, format, args);
	va_end(args);
	OWNED(free) char *mend = xprintf("%s %s", command, word);
	return add(list, mend, 0, says);
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* What keeps the count of a scaled queue from growing, in the words of supervisor/scaling.c. */
static const struct {
	const char *limit, *reason, *command;
} limits[] = {
	{ "max", "its max", "reeve scale" },
	{ "max_working", "its max_working", NULL },
	{ "rate", "its rate", NULL },
	{ "step", "it is growing, and more start every second", NULL },
	{ "memory", "no memory is left for more above the reserve", NULL },
	{ "unmeasured", "the keeper has not measured it lately", "reeve logs" },
};

static bool find_limit(const json_t *scaling, const char *queue, json_int_t desired, json_t *list)
{
	const char *limit = jsontext_member(scaling, "limit");
	for (size_t i = 0; limit && i < ARRAY_SIZE(limits); i++) {
		const char *command = limits[i].command;
		if (strcmp(limits[i].limit, limit) != 0)
			continue;
		OWNED(free)
		char *mend = command ? xprintf("%s %s%s", command, queue,
					       strcmp(limit, "max") == 0 ? " +1" : "")
				     : NULL;
		findings_add(list, mend, 0, "queue %s is limited to %lld workers: %s", queue,
			(long long)desired, limits[i].reason);
		return true;
	}
	return false;
}

/* A count that was set by hand and is less than what the file would have. */
static bool find_override(
	const json_t *status, const json_t *scaling, const char *queue, json_t *list)
{
	json_int_t desired = number(status, "desired");
	if (!json_is_true(json_object_get(scaling, "overridden")) ||
		(desired >= number(status, "min") && desired >= number(scaling, "needed")))
		return false;
	findings_add(list, "reeve reload", 0,
		"the count of queue %s was set to %lld by hand; after a reload the file's counts "
		"again",
		queue, (long long)desired);
	return true;
}

/* What the supervisor's own words on the queue say. */
static void find_in_status(
	const json_t *status, const json_t *scaling, const char *queue, json_t *list)
{
	json_int_t workers = number(status, "workers"), busy = number(status, "busy");
	json_int_t desired = number(status, "desired");
	const json_t *depth = json_object_get(status, "depth");
	bool is_empty = json_is_integer(depth) && json_integer_value(depth) == 0;
	OWNED(free) char *more = xprintf("reeve scale %s +1", queue);
	const char *by = jsontext_member(status, "paused_by");
	bool is_held = json_is_true(json_object_get(status, "paused"));
	if (is_held && (!by || strcmp(by, "store") != 0))
		findings_add_mend(list, "reeve resume", queue, "queue %s is paused", queue);
	bool is_set = find_override(status, scaling, queue, list);
	bool is_scaled = jsontext_member(scaling, "limit") && !is_set;
	if ((is_held && desired == 0) || jsontext_member(status, "closed_until"))
		return; /* its count is held until it is resumed, or until the queue opens */
	if (desired == 0 && is_scaled && !is_empty)
		findings_add(
			list, NULL, 0, "queue %s has no workers yet: the first ones start", queue);
	else if (desired == 0 && !is_scaled)
		findings_add(list, more, 0, "queue %s has no workers: its count is 0", queue);
	else if (workers < desired)
		findings_add_mend(list, "reeve logs", queue,
			"queue %s has %lld of %lld workers: the others are starting, or die", queue,
			(long long)workers, (long long)desired);
	if (is_scaled && !is_empty && find_limit(scaling, queue, desired, list))
		return;
	if (workers > 0 && busy >= workers && !is_empty)
		findings_add(list, more, 0, "queue %s is limited by its workers: all %lld are busy",
			queue, (long long)workers);
}

/* In the store, and so true whether a supervisor runs or not. */
static void find_pause(const struct explain_view *view, const char *queue, json_t *list)
{
	struct queue_stats stats;
	if (!view->store->ops->get_queue(view->store, queue, &stats, NULL) || !stats.paused_at_ms)
		return;
	OWNED(free) char *mend = xprintf("reeve resume %s --all", queue);
	findings_add(list, mend, stats.paused_at_ms, "queue %s is paused on every host", queue);
}

/* In the store too: what the queue lets in, over all hosts. */
static void find_intake(const struct explain_view *view, const char *queue, json_t *list)
{
	const struct config_queue *config = config_find_served(view->config, queue);
	struct queue_stats stats;
	if (!config || !view->store->ops->get_queue(view->store, queue, &stats, NULL) ||
		stats.depth == 0)
		return;
	const struct config_rate *rate = &config->rate;
	if (config->max_working > 0 && stats.working >= config->max_working)
		findings_add(list, NULL, 0,
			"queue %s is limited by its max_working: %lld of %d are being worked on",
			queue, (long long)stats.working, config->max_working);
	if (rate->count > 0 && stats.rate_ms == rate->ms && stats.rate_taken >= rate->count)
		findings_add(list, NULL, 0,
			"queue %s is limited by its rate: %lld have started within %lld s, the "
			"next may in %.1f s",
			queue, (long long)stats.rate_taken, (long long)(rate->ms / 1000),
			(double)stats.rate_next_ms / 1000);
}

/* The supervisor's words on a pool that takes tasks of the queue. */
static void find_of_pool(const struct explain_view *view, const char *pool, json_t *list)
{
	const json_t *status = json_object_get(json_object_get(view->status, "queues"), pool);
	if (status)
		find_in_status(status, json_object_get(view->scaling, pool), pool, list);
	else
		findings_add(list, "reeve reload", 0,
			"the running supervisor does not serve queue %s", pool);
}

/* A pool that pulls other queues: what holds up each of them. */
static void find_pulled(
	const struct explain_view *view, const struct config_queue *pool, json_t *list)
{
	for (size_t i = 0; i < config_pull_count(pool); i++) {
		const char *name = config_pull_name(pool, i);
		if (i > 0 || strcmp(name, pool->name) != 0) {
			find_pause(view, name, list);
			find_intake(view, name, list);
		}
	}
}

static bool is_closed(const struct config_queue *own, int64_t *until_s)
{
	return own && !config_is_open(own, clock_wall_ms() / 1000, until_s);
}

static void find_hours(const struct config_queue *own, json_t *list)
{
	int64_t until_s;
	char text[CLOCK_TEXT_SIZE];
	if (is_closed(own, &until_s))
		findings_add(list, NULL, 0, "queue %s is closed by its hours until %s", own->name,
			clock_format(until_s * 1000, text));
}

void findings_of_queue(const struct explain_view *view, const char *queue, json_t *list)
{
	const struct config_queue *own = config_find_queue(view->config, queue);
	find_pause(view, queue, list);
	find_hours(own, list);
	if (own && own->type == QUEUE_PROGRAM)
		findings_add(list, NULL, 0,
			"queue %s is of type program, which pulls for itself: reeve gives it no "
			"tasks",
			queue);
	if (!own && !config_find_served(view->config, queue)) {
		findings_add(list, NULL, 0,
			"queue %s is not configured here; a host that serves it must run", queue);
		return;
	}
	find_intake(view, queue, list);
	if (own)
		find_pulled(view, own, list);
	if (!view->status) {
		findings_add(list, "reeve run", 0, "no supervisor is running for %s",
			view->config->path);
		return;
	}
	for (size_t i = 0; i < view->config->queue_count; i++) {
		const struct config_queue *pool = &view->config->queues[i];
		if (pool == own || config_pulls(pool, queue))
			find_of_pool(view, pool->name, list);
	}
}

static bool is_paused(
	const struct explain_view *view, const char *name, const struct queue_stats *stats)
{
	if (stats->paused_at_ms)
		return true;
	const json_t *queue = json_object_get(json_object_get(view->status, "queues"), name);
	return json_is_true(json_object_get(queue, "paused"));
}

static const char *status_of(const json_t *findings, const struct queue_stats *stats)
{
	if (stats->depth && json_array_size(findings) > 0)
		return "held up";
	if (stats->working)
		return "working";
	return stats->depth ? "ready" : "idle";
}

static bool is_known(const struct explain_view *view, const char *name, const struct queue_stats *s)
{
	return config_find_queue(view->config, name) || config_find_served(view->config, name) ||
	       s->depth || s->delayed || s->working || s->dead || s->completed || s->failed ||
	       s->paused_at_ms;
}

bool explain_queue(
	const struct explain_view *view, const char *name, json_t **out, struct error *err)
{
	struct queue_stats stats = { 0 };
	const struct config_queue *pool = config_find_queue(view->config, name);
	if (pool ? !pulls_get_stats(view->store, pool, &stats, err)
		 : !view->store->ops->get_queue(view->store, name, &stats, err))
		return false;
	if (!is_known(view, name, &stats))
		return error_set(err, ERROR_NOT_FOUND, "no queue \"%.80s\"", name);
	json_t *findings = json_array();
	findings_of_queue(view, name, findings);
	int64_t until_s;
	const char *status = is_paused(view, name, &stats) ? "paused"
			     : is_closed(pool, &until_s)   ? "closed"
							   : status_of(findings, &stats);
	if (stats.dead)
		findings_add_mend(findings, "reeve retry --dead", name,
			"%lld tasks have failed for good (reeve dead %s)", (long long)stats.dead,
			name);
	if (stats.delayed)
		findings_add(findings, NULL, 0, "%lld tasks are delayed: not due yet",
			(long long)stats.delayed);
	*out = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "kind", "queue", "id",
		name, "status", status, "depth", (json_int_t)stats.depth, "delayed",
		(json_int_t)stats.delayed, "working", (json_int_t)stats.working, "dead",
		(json_int_t)stats.dead, "oldest_s", (double)stats.oldest_ms / 1000.0, "findings",
		findings);
	return true;
}
