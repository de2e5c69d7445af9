/* Notices of tasks that are set aside for good; see notices.h. */
#include "workers/notices.h"

#include "base/jsontext.h"

#include <inttypes.h>

bool notices_write(struct store *store, const char *queue, const char *task_id, uint32_t attempt,
	struct error *err)
{
	OWNED(json)
	json_t *payload = json_pack("{s:s, s:s, s:I}", "task_id", task_id, "queue", queue,
		"attempt", (json_int_t)attempt);
	OWNED(free) char *text = payload ? jsontext_print(payload) : NULL;
	OWNED(free) char *id = xprintf("failed:%" PRIu32 ":%s", attempt, task_id);
	if (!text || strlen(id) >= STORE_ID_SIZE)
		return error_set(
			err, ERROR_INVALID, "the id of task %.60s… is too long for one", task_id);
	const struct push push = {
		.id = id, .name = queue, .queue = NOTICES_QUEUE, .payload = text
	};
	return store->ops->push(store, &push, 1, NULL, err);
}

/* Qyu's name; SQS wants .fifo at the end. */
static char *name_door(const char *queue)
{
	const char *dot = strrchr(queue, '.');
	int length = dot && strcmp(dot, ".fifo") == 0 ? (int)(dot - queue) : (int)strlen(queue);
	return xprintf("%.*s-failed%s", length, queue, queue + length);
}

bool notice_read(const char *payload, struct notice *out)
{
	OWNED(json) json_t *value = NULL;
	struct error err;
	if (!jsontext_parse(payload, strlen(payload), &value, &err))
		return false;
	const char *task_id = jsontext_member(value, "task_id");
	const char *queue = jsontext_member(value, "queue");
	if (!task_id || !queue)
		return false;
	*out = (struct notice){ .task_id = xstrdup(task_id),
		.door = name_door(queue),
		.attempt = (uint32_t)json_integer_value(json_object_get(value, "attempt")) };
	return true;
}

void notice_finish(struct notice *notice)
{
	free(notice->task_id);
	free(notice->door);
	*notice = (struct notice){ 0 };
}

bool notice_judge(struct store *store, const struct notice *notice, enum notice_state *state,
	struct error *err)
{
	struct task_record task = { 0 };
	*state = NOTICE_PAST;
	if (!store->ops->get_task(store, notice->task_id, &task, err))
		return err->kind == ERROR_NOT_FOUND;
	bool is_dead = task.state == TASK_FAILED || task.state == TASK_INVALID;
	if (task.attempt == notice->attempt)
		*state = is_dead                      ? NOTICE_TRUE
			 : task.state == TASK_WORKING ? NOTICE_EARLY
						      : NOTICE_PAST;
	task_record_finish(&task);
	return true;
}
