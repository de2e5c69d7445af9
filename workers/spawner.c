/* Writing children ahead; see spawner.h. */
#include "workers/spawner.h"

#include "base/fault.h"
#include "base/jsontext.h"
#include "workers/priority.h"

/* The first chunk is small, so that a stale lease or a full disk is noticed early. */
#define CHUNK_FIRST     16
#define CHUNK_BYTES_MAX (2 * 1024 * 1024)

void spawner_init(struct spawner *spawner, struct self *self, const struct leased *task,
	const struct job_view *job, const json_t *payload)
{
	*spawner = (struct spawner){
		.self = self, .task = task, .workflow = job->workflow, .chunk_max = CHUNK_FIRST
	};
	spawner->parent = (struct ended){ .name = task->name,
		.seq = task->seq,
		.scopes = task->scopes,
		.job_payload = job->payload,
		.payload = payload,
		.outcome = OUTCOME_COMPLETED };
}

void spawner_finish(struct spawner *spawner)
{
	free(spawner->chunk);
	free(spawner->gates);
	free(spawner->names);
	advance_finish(&spawner->chunk_arena);
	advance_finish(&spawner->gates_arena);
	*spawner = (struct spawner){ 0 };
}

static void count_name(struct spawner *spawner, const char *name)
{
	for (size_t i = 0; i < spawner->names_count; i++)
		if (strcmp(spawner->names[i].name, name) == 0) {
			spawner->names[i].count++;
			return;
		}
	spawner->names = xgrow(
		spawner->names, spawner->names_count, &spawner->names_room, sizeof *spawner->names);
	spawner->names[spawner->names_count++] =
		(struct spawned){ .name = workflow_find_task(spawner->workflow, name)->name,
			.count = 1 };
}

bool spawner_flush(struct spawner *spawner, struct error *err)
{
	struct store *store = spawner->self->store;
	bool ok;
	if (spawner->chunk_count == 0)
		return true;
	do
		ok = store->ops->spawn(store, spawner->task->id, &spawner->task->token,
			spawner->next_index, spawner->chunk, spawner->chunk_count, err);
	while (self_tries_again(spawner->self, ok, err));
	if (!ok)
		return false;
	spawner->next_index += (uint32_t)spawner->chunk_count;
	spawner->chunk_count = spawner->chunk_bytes = 0;
	spawner->chunk_max *= 2;
	if (spawner->chunk_max > STORE_SPAWN_MAX)
		spawner->chunk_max = STORE_SPAWN_MAX;
	advance_finish(&spawner->chunk_arena);
	spawner->chunk_arena = (struct advance){ 0 };
	fault_step("spawned");
	return true;
}

static bool add_gate(
	struct spawner *spawner, const char *name, const json_t *payload, struct error *err)
{
	struct new_task gate;
	if (!workflow_spawn(spawner->workflow, &spawner->parent, name, payload,
		    &spawner->gates_arena, &gate, err))
		return false;
	priority_fill(spawner->self->setup->config, spawner->workflow, &gate, 1);
	spawner->gates = xgrow(
		spawner->gates, spawner->gates_count, &spawner->gates_room, sizeof *spawner->gates);
	spawner->gates[spawner->gates_count++] = gate;
	return true;
}

static bool fits(const struct new_task *child, struct error *err)
{
	size_t length = strlen(child->payload);
	if (length <= JSONTEXT_PAYLOAD_MAX)
		return true;
	return error_set(err, ERROR_INVALID, "spawn: the payload of %s has %zu bytes, at most %d",
		child->name, length, JSONTEXT_PAYLOAD_MAX);
}

bool spawner_add(
	struct spawner *spawner, const char *name, const json_t *payload, struct error *err)
{
	struct new_task child;
	if (!spawner->workflow)
		return error_set(err, ERROR_INVALID, "spawn: a pushed task may not spawn");
	if (!workflow_spawn(spawner->workflow, &spawner->parent, name, payload,
		    &spawner->chunk_arena, &child, err) ||
		!fits(&child, err))
		return false;
	priority_fill(spawner->self->setup->config, spawner->workflow, &child, 1);
	if (child.waits && !add_gate(spawner, name, payload, err))
		return false;
	count_name(spawner, name);
	if (child.waits)
		return true;
	if (!spawner->chunk)
		spawner->chunk = xcalloc(STORE_SPAWN_MAX, sizeof *spawner->chunk);
	spawner->chunk[spawner->chunk_count++] = child;
	spawner->chunk_bytes += strlen(child.payload);
	bool is_full = spawner->chunk_count >= spawner->chunk_max ||
		       spawner->chunk_bytes >= CHUNK_BYTES_MAX;
	return !is_full || spawner_flush(spawner, err);
}

bool spawner_add_all(struct spawner *spawner, const json_t *children, struct error *err)
{
	OWNED(json) json_t *nothing = json_object();
	for (size_t i = 0; i < json_array_size(children); i++) {
		const json_t *child = json_array_get(children, i);
		const char *name = jsontext_member(child, "task");
		const json_t *payload = json_object_get(child, "payload");
		if (!name)
			return error_set(err, ERROR_INVALID,
				"spawn: child %zu names no task ({\"task\": NAME, \"payload\": "
				"{…}})",
				i + 1);
		if (!spawner_add(spawner, name, payload ? payload : nothing, err))
			return false;
	}
	return true;
}
