/* The state that is handed over; see handover.h. */
#include "supervisor/handover.h"

#include "supervisor/deaths.h"
#include "supervisor/fields.h"
#include "supervisor/handover_pools.h"
#include "supervisor/logring.h"
#include "supervisor/state.h"

#include <fcntl.h>
#include <unistd.h>

static const struct field descriptor_fields[] = {
	FIELD(struct handover_descriptors, board),
	FIELD(struct handover_descriptors, log_ring),
	FIELD(struct handover_descriptors, log_bell),
	FIELD(struct handover_descriptors, bells),
	FIELD(struct handover_descriptors, lifeline_read),
	FIELD(struct handover_descriptors, lifeline_write),
	FIELD(struct handover_descriptors, lock),
	FIELD(struct handover_descriptors, control),
	FIELD(struct handover_descriptors, depth_bell),
};

static const struct field own_fields[] = {
	FIELD(struct supervisor, started_at_ms),
	FIELD(struct supervisor, orphans.since_tick),
	FIELD(struct supervisor, orphans.began_at_ms),
	FIELD(struct supervisor, watch.is_ready),
};

/* The layouts of what is shared with processes that go on: all are to be known. */
static const struct layout {
	const char *name;
	int version;
} layouts[] = {
	{ "scoreboard", SCOREBOARD_VERSION },
	{ "log_ring", LOG_RING_VERSION },
	{ "bells", BELLS_VERSION },
};

void handover_list(const struct supervisor *supervisor, struct handover_descriptors *out)
{
	*out = (struct handover_descriptors){
		.board = supervisor->board_fd,
		.log_ring = log_ring_memory(supervisor->ring),
		.log_bell = log_ring_bell(supervisor->ring),
		.bells = supervisor->bells_fd,
		.lifeline_read = supervisor->lifeline_read,
		.lifeline_write = supervisor->lifeline_write,
		.lock = supervisor->lock_fd,
		.control = control_server_descriptor(supervisor->server),
		.depth_bell = supervisor->scaler.bell_fd,
	};
}

void handover_set_inherited(const struct handover_descriptors *descriptors, bool is_inherited)
{
	for (size_t i = 0; i < ARRAY_SIZE(descriptor_fields); i++) {
		const char *at = (const char *)descriptors + descriptor_fields[i].offset;
		fcntl(*(const int *)at, F_SETFD, is_inherited ? 0 : FD_CLOEXEC);
	}
}

static json_t *write_layouts(void)
{
	json_t *object = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		json_object_set_new(object, layouts[i].name, json_integer(layouts[i].version));
	return object;
}

static json_t *write_inherited(const struct orphans *orphans)
{
	json_t *list = json_array();
	for (size_t i = 0; i < orphans->inherited_count; i++)
		json_array_append_new(list, json_integer(orphans->inherited[i]));
	return list;
}

json_t *handover_write(const struct supervisor *supervisor)
{
	struct handover_descriptors descriptors;
	handover_list(supervisor, &descriptors);
	return json_pack("{s:i, s:s, s:i, s:o, s:o, s:o, s:s, s:s, s:s?, s:o, s:o, s:o, s:o}",
		"version", HANDOVER_VERSION, "reeve", REEVE_VERSION, "pid", (int)getpid(),
		"layouts", write_layouts(), "descriptors",
		fields_write(descriptor_fields, ARRAY_SIZE(descriptor_fields), &descriptors),
		"supervisor", fields_write(own_fields, ARRAY_SIZE(own_fields), supervisor),
		"socket_path", supervisor->socket_path, "lock_path", supervisor->lock_path,
		"cgroup", supervisor->cgroup, "inherited", write_inherited(&supervisor->orphans),
		"deaths", deaths_write_notes(supervisor), "untold", deaths_write_untold(supervisor),
		"pools", handover_write_pools(supervisor));
}

static bool check_layouts(const json_t *object, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		json_int_t version = json_integer_value(json_object_get(object, layouts[i].name));
		if (version != layouts[i].version)
			return error_set(err, ERROR_INVALID,
				"the %s is of version %lld, this binary knows %d", layouts[i].name,
				(long long)version, layouts[i].version);
	}
	return true;
}

bool handover_check(const json_t *state, int pid, struct error *err)
{
	json_int_t version = json_integer_value(json_object_get(state, "version"));
	json_int_t whose = json_integer_value(json_object_get(state, "pid"));
	if (version != HANDOVER_VERSION)
		return error_set(err, ERROR_INVALID,
			"the state is of version %lld, this binary knows %d", (long long)version,
			HANDOVER_VERSION);
	if (whose != pid)
		return error_set(err, ERROR_INVALID, "the state is of process %lld, not of %d",
			(long long)whose, pid);
	return check_layouts(json_object_get(state, "layouts"), err);
}

bool handover_read_descriptors(
	const json_t *state, struct handover_descriptors *out, struct error *err)
{
	struct handover_descriptors read = { 0 };
	if (!fields_read(descriptor_fields, ARRAY_SIZE(descriptor_fields),
		    json_object_get(state, "descriptors"), &read, err))
		return error_wrap(err, "descriptors");
	for (size_t i = 0; i < ARRAY_SIZE(descriptor_fields); i++)
		if (*(const int *)((const char *)&read + descriptor_fields[i].offset) <= 2)
			return error_set(err, ERROR_INVALID, "no descriptor \"%s\" is handed over",
				descriptor_fields[i].name);
	*out = read;
	return true;
}

static void restore_inherited(struct orphans *orphans, const json_t *list)
{
	size_t count = json_array_size(list);
	orphans->inherited = xcalloc(count + 1, sizeof *orphans->inherited);
	for (size_t i = 0; i < count; i++)
		orphans->inherited[orphans->inherited_count++] =
			(pid_t)json_integer_value(json_array_get(list, i));
}

/* Those whose leavings were still hunted. */
static size_t count_hunts(const struct pool *pool)
{
	size_t count = 0;
	for (size_t i = 0; i < pool->count; i++)
		count += pool->children[i]->state == CHILD_CLEARING ||
			 pool->children[i]->state == CHILD_CLOSING;
	return count;
}

static void restore_hunts(struct supervisor *supervisor)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		supervisor->orphans.hunts += count_hunts(supervisor->processes[i]);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		supervisor->orphans.hunts += count_hunts(supervisor->pools[i]);
}

bool handover_restore(struct supervisor *supervisor, const json_t *state, struct error *err)
{
	if (!fields_read(own_fields, ARRAY_SIZE(own_fields), json_object_get(state, "supervisor"),
		    supervisor, err) ||
		!handover_restore_pools(supervisor, json_object_get(state, "pools"), err) ||
		!deaths_restore_notes(supervisor, json_object_get(state, "deaths"), err) ||
		!deaths_restore_untold(supervisor, json_object_get(state, "untold"), err))
		return error_wrap(err, "the state");
	restore_inherited(&supervisor->orphans, json_object_get(state, "inherited"));
	restore_hunts(supervisor);
	return true;
}
