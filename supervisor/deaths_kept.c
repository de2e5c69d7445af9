/* Deaths in the state that is handed over: those that are remembered, and those that the ring had
 * no room for. */
#include "supervisor/deaths.h"

#include "base/jsontext.h"
#include "supervisor/deaths_untold.h"
#include "supervisor/fields.h"
#include "supervisor/state.h"

static const struct field note_fields[] = {
	FIELD(struct death_note, at_ms),
	FIELD(struct death_note, pid),
	FIELD(struct death_note, worker),
	FIELD(struct death_note, task_id),
	FIELD(struct death_note, cause),
};

static const struct field untold_fields[] = {
	FIELD(struct untold, owner),
	FIELD(struct untold, worker),
	FIELD(struct untold, cause),
};

/* Oldest first. */
json_t *deaths_write_notes(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	uint64_t count = supervisor->death_count;
	for (uint64_t i = count > DEATHS_KEPT ? count - DEATHS_KEPT : 0; i < count; i++)
		json_array_append_new(list, fields_write(note_fields, ARRAY_SIZE(note_fields),
						    &supervisor->deaths[i % DEATHS_KEPT]));
	return list;
}

bool deaths_restore_notes(struct supervisor *supervisor, const json_t *list, struct error *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct death_note note = { 0 };
		if (!fields_read(note_fields, ARRAY_SIZE(note_fields), json_array_get(list, i),
			    &note, err))
			return error_wrap(err, "deaths");
		supervisor->deaths[supervisor->death_count++ % DEATHS_KEPT] = note;
	}
	return true;
}

json_t *deaths_write_untold(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	for (const struct untold *each = supervisor->untold.first; each; each = each->next) {
		json_t *object = fields_write(untold_fields, ARRAY_SIZE(untold_fields), each);
		json_object_set_new(object, "queue", json_string(each->queue));
		json_object_set_new(object, "task_id", json_string(each->task_id));
		json_array_append_new(list, object);
	}
	return list;
}

bool deaths_restore_untold(struct supervisor *supervisor, const json_t *list, struct error *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);
		struct untold death = { 0 };
		const char *queue = jsontext_member(object, "queue");
		const char *task_id = jsontext_member(object, "task_id");
		if (!fields_read(untold_fields, ARRAY_SIZE(untold_fields), object, &death, err))
			return error_wrap(err, "untold deaths");
		death.queue = xstrdup(queue ? queue : "");
		death.task_id = xstrdup(task_id ? task_id : "");
		deaths_keep_untold(supervisor, &death);
	}
	return true;
}
