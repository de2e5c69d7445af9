/* What tests/stories/clients.py asks of each client. */
#include "contrib/handlers/reeve.h"

static int spawn(struct reeve_task *task)
{
	reeve_spawn(task, "row", "{\"i\":%d}", 1);
	reeve_spawn(task, "row", "{\"i\":\"ü\"}");
	return reeve_done(task, "{\"spawned\":2}");
}

static int push(struct reeve_task *task)
{
	char *value = reeve_json(task, "payload.value");
	char *pushed = reeve_push("rows", value), *started = reeve_start("rows", value);
	int code =
		reeve_done(task, "[\"%s\",\"%s\"]", pushed ? pushed : "", started ? started : "");
	free(value);
	free(pushed);
	free(started);
	return code;
}

static void touch(const char *what, const char *queue)
{
	char path[128];
	snprintf(path, sizeof path, "%s.%s", what, queue);
	close(open(path, O_WRONLY | O_CREAT, 0644));
}

static int wait_for_cancel(struct reeve_task *task)
{
	char *queue = reeve_text(task, "queue");
	while (!reeve_cancelled(task)) {
		touch("waiting", queue);
		usleep(20000);
	}
	touch("cancelled", queue);
	free(queue);
	return reeve_retry(task, 1, "cancelled");
}

/* By way of text for a string, so that what it unescapes and escapes is tried. */
static int echo(struct reeve_task *task)
{
	char *text = reeve_text(task, "payload.value"), *json = reeve_json(task, "payload.value");
	char *quoted = text ? reeve_quote(text) : NULL;
	int code = reeve_done(task, "%s", quoted ? quoted : json ? json : "null");
	free(text);
	free(json);
	free(quoted);
	return code;
}

static int handle(struct reeve_task *task)
{
	char *what = reeve_text(task, "payload.do");
	char first = what ? what[0] : ' ', second = what && first ? what[1] : ' ';
	free(what);
	if (first == 'p' && second == 'r') {
		reeve_progress(task, 0.5, "half");
		reeve_beat(task);
		return echo(task);
	}
	if (first == 's' && second == 'a') {
		printf("said");
		return echo(task);
	}
	if (first == 'r' && second == 'e' && reeve_number(task, "attempt", 0) == 1)
		return reeve_retry(task, 0.1, "later");
	if (first == 'a' && reeve_number(task, "attempt", 0) == 1)
		return reeve_retry(task, -1, "again");
	if (first == 'r' && second == 'a')
		return reeve_fail(task, "bäng");
	if (first == 'p' && second == 'e')
		return reeve_permanent(task, "never");
	return first == 's'   ? spawn(task)
	       : first == 'p' ? push(task)
	       : first == 'w' ? wait_for_cancel(task)
			      : echo(task);
}

int main(void)
{
	return reeve_work(handle);
}
