/* The schedules of all files; see schedules.h. */
#include "config/schedules.h"

#include "config/section.h"

/* What one schedule needs to be checked. */
struct check {
	struct section *section;
	struct config_schedule *schedule;
	const struct where *at; /* the schedule's key */
};

static bool stands(const struct check *check, const char *name)
{
	return section_place(check->section, name)->source != NULL;
}

static void check_target(const struct check *check)
{
	struct faults *faults = &check->section->loading->faults;
	const struct config_schedule *schedule = check->schedule;
	const struct where *queue_at = section_place(check->section, "queue");
	if (!stands(check, "workflow") && !stands(check, "queue"))
		faults_add(faults, check->at, "expected a workflow or a queue to start on");
	if (stands(check, "workflow") && stands(check, "queue"))
		faults_add(faults, queue_at,
			"a schedule starts a workflow or a task on a queue, not both");
	if (stands(check, "task") && !stands(check, "queue"))
		faults_add(faults, section_place(check->section, "task"),
			"only with queue; the tasks of a workflow are its own");
	if (!schedule->queue)
		return;
	const struct config_queue *queue =
		config_find_served(check->section->loading->config, schedule->queue);
	if (!config_is_queue_name(schedule->queue))
		faults_add(faults, queue_at, "expected the name of a queue, got %s",
			faults_quote(&check->section->loading->arena, schedule->queue));
	else if (!queue)
		faults_warn(faults, queue_at, "queue %s is not configured here", schedule->queue);
	else if (queue->type == QUEUE_PROGRAM)
		faults_add(faults, queue_at, "queue %s is of type program, which is given no tasks",
			schedule->queue);
}

static void check_values(const struct check *check)
{
	struct faults *faults = &check->section->loading->faults;
	if (!stands(check, "cron")) {
		struct where at = *check->at;
		at.path = arena_print(&check->section->loading->arena, "%s.cron", check->at->path);
		faults_add(faults, &at, "required, for example \"0 3 * * *\"");
	}
	if (check->schedule->workflow && check->schedule->payload &&
		!json_is_object(check->schedule->payload))
		faults_add(faults, section_place(check->section, "payload"),
			"the payload of a job is a map");
}

static struct config_schedule *find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->schedule_count; i++)
		if (strcmp(config->schedules[i].name, name) == 0)
			return &config->schedules[i];
	return NULL;
}

static bool check_name(struct loading *loading, const struct where *at, const struct entry *entry)
{
	const struct config_schedule *first = find(loading->config, entry->key);
	if (!config_is_queue_name(entry->key))
		return faults_add(&loading->faults, at,
			"expected a name of 1 to 80 letters, digits, _ or -, got %s",
			faults_quote(&loading->arena, entry->key));
	if (first)
		return faults_add(
			&loading->faults, at, "this schedule stands at %s already", first->place);
	if (entry->value->kind != NODE_MAP)
		return faults_add(&loading->faults, at, "expected a map of keys, got %s",
			faults_found(&loading->arena, entry->value));
	return true;
}

static void read_schedule(
	struct loading *loading, const struct where *top, const struct entry *entry)
{
	struct config *config = loading->config;
	struct where at = faults_inside(&loading->arena, top, entry);
	if (!check_name(loading, &at, entry))
		return;
	config->schedules = xgrow(config->schedules, config->schedule_count, &config->schedule_room,
		sizeof *config->schedules);
	struct config_schedule *schedule = &config->schedules[config->schedule_count++];
	*schedule = (struct config_schedule){ .name = xstrdup(entry->key),
		.place = xstrdup(faults_place(&loading->arena, &at)) };
	struct section section;
	section_init(&section, loading, &keys_schedule, schedule);
	section.prefix = at.path;
	schedule->origins = section.origins;
	section_read(&section, entry->value);
	const struct check check = { &section, schedule, &at };
	check_target(&check);
	check_values(&check);
}

void schedules_read(struct loading *loading, const struct node *root)
{
	const struct entry *entry = node_find(root, "schedules");
	if (!entry || node_is_null(entry->value))
		return;
	struct where at = { root->source, entry->line, entry->column, "schedules" };
	if (entry->value->kind != NODE_MAP) {
		faults_add(&loading->faults, &at,
			"expected a map from names to keys of a schedule, got %s",
			faults_found(&loading->arena, entry->value));
		return;
	}
	for (size_t i = 0; i < entry->value->count; i++)
		read_schedule(loading, &at, &entry->value->entries[i]);
}
