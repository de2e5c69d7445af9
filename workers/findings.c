/* Sentences, and what holds up a queue; see findings.h. */
#include "workers/findings.h"

#include "base/jsontext.h"
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

/* What the supervisor's own words on the queue say. */
static void find_in_status(const json_t *status, const char *queue, json_t *list)
{
	json_int_t workers = number(status, "workers"), busy = number(status, "busy");
	json_int_t desired = number(status, "desired");
	const json_t *depth = json_object_get(status, "depth");
	bool is_empty = json_is_integer(depth) && json_integer_value(depth) == 0;
	OWNED(free) char *more = xprintf("reeve scale %s +1", queue);
	if (json_is_true(json_object_get(status, "paused")))
		findings_add_mend(list, "reeve resume", queue, "queue %s is paused", queue);
	if (desired == 0)
		findings_add(list, more, 0, "queue %s has no workers: its count is 0", queue);
	else if (workers < desired)
		findings_add_mend(list, "reeve logs", queue,
			"queue %s has %lld of %lld workers: the others are starting, or die", queue,
			(long long)workers, (long long)desired);
	if (workers > 0 && busy >= workers && !is_empty)
		findings_add(list, more, 0, "queue %s is limited by its workers: all %lld are busy",
			queue, (long long)workers);
}

void findings_of_queue(const struct explain_view *view, const char *queue, json_t *list)
{
	if (!config_find_queue(view->config, queue)) {
		findings_add(list, NULL, 0,
			"queue %s is not configured here; a host that serves it must run", queue);
		return;
	}
	if (!view->status) {
		findings_add(list, "reeve run", 0, "no supervisor is running for %s",
			view->config->path);
		return;
	}
	const json_t *status = json_object_get(json_object_get(view->status, "queues"), queue);
	if (status)
		find_in_status(status, queue, list);
	else
		findings_add(list, "reeve reload", 0,
			"the running supervisor does not serve queue %s", queue);
}

static bool is_paused(const struct explain_view *view, const char *name)
{
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
	return config_find_queue(view->config, name) || s->depth || s->delayed || s->working ||
	       s->dead || s->completed || s->failed;
}

bool explain_queue(
	const struct explain_view *view, const char *name, json_t **out, struct error *err)
{
	struct queue_stats stats = { 0 };
	if (!view->store->ops->get_queue(view->store, name, &stats, err))
		return false;
	if (!is_known(view, name, &stats))
		return error_set(err, ERROR_NOT_FOUND, "no queue \"%.80s\"", name);
	json_t *findings = json_array();
	findings_of_queue(view, name, findings);
	const char *status = is_paused(view, name) ? "paused" : status_of(findings, &stats);
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
