/* Kinds for places on the disk that accept more than one path: control, workflows. */
#include "config/file.h"
#include "config/kinds.h"
#include "config/reading.h"

#include <sys/un.h>

static bool keep_control(
	struct reading *reading, const struct node *node, struct filled *path, const char *group)
{
	struct config *config = reading->base;
	reading_resolve(reading, node, path);
	if (strlen(path->text) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return reading_fault(reading, "too long for a socket (at most %zu bytes)",
			sizeof((struct sockaddr_un *)0)->sun_path - 1);
	config->control_path = xstrdup(path->text);
	config->control_group = xstrdup(group);
	if (path->is_filled)
		reading->origin->shown = reading_json(path->shown);
	return true;
}

static bool read_control_map(struct reading *reading)
{
	static const char *const known[] = { "path", "group" };
	const struct node *map = reading->node;
	struct filled texts[2] = { 0 };
	const struct node *path = map;
	bool is_whole = true;
	for (size_t i = 0; i < map->count; i++) {
		const struct entry *entry = &map->entries[i];
		struct where at = faults_inside(&reading->loading->arena, &reading->at, entry);
		size_t which = strcmp(entry->key, known[0]) == 0 ? 0 : 1;
		if (strcmp(entry->key, known[which]) != 0)
			is_whole = reading_unknown(reading, entry, known, ARRAY_SIZE(known));
		else
			is_whole &= reading_text(reading, &at, entry->value, &texts[which]);
		path = which == 0 ? entry->value : path;
	}
	if (!is_whole)
		return false;
	if (!texts[0].text || !*texts[0].text)
		return reading_fault(reading, "path is missing");
	return keep_control(reading, path, &texts[0], texts[1].text);
}

static bool read_control(struct reading *reading)
{
	struct filled path;
	if (reading->node->kind == NODE_MAP)
		return read_control_map(reading);
	return reading_own_text(reading, &path) &&
	       keep_control(reading, reading->node, &path, NULL);
}

static bool equal_texts(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool equal_control(const struct key *key, const void *base, const void *other)
{
	(void)key;
	const struct config *a = base, *b = other;
	return equal_texts(a->control_path, b->control_path) &&
	       equal_texts(a->control_group, b->control_group);
}

static json_t *show_control(const struct key *key, const void *base)
{
	(void)key;
	const struct config *config = base;
	if (!config->control_path)
		return json_null();
	json_t *map = json_object();
	json_object_set_new(map, "path", reading_json(config->control_path));
	if (config->control_group)
		json_object_set_new(map, "group", reading_json(config->control_group));
	return map;
}

static void drop_control(const struct key *key, void *base)
{
	(void)key;
	struct config *config = base;
	free(config->control_path);
	free(config->control_group);
}

static bool read_workflow(struct reading *reading, const struct where *at, const struct node *node,
	struct filled *out)
{
	if (!reading_text(reading, at, node, out))
		return false;
	if (!*out->text)
		return reading_unexpected(reading, at, node);
	reading_resolve(reading, node, out);
	if (!file_is_there(out->text))
		return faults_add(&reading->loading->faults, at, "%s is not there", out->shown);
	return true;
}

static bool keep_workflows(struct reading *reading, const struct filled *paths, size_t count)
{
	struct config *config = reading->base;
	json_t *shown = json_array();
	bool is_filled = false;
	config->workflow_paths = xcalloc(count + 1, sizeof *config->workflow_paths);
	for (size_t i = 0; i < count; i++) {
		config->workflow_paths[i] = xstrdup(paths[i].text);
		json_array_append_new(shown, reading_json(paths[i].shown));
		is_filled |= paths[i].is_filled;
	}
	if (is_filled)
		reading->origin->shown = json_incref(shown);
	json_decref(shown);
	return true;
}

static bool read_workflows(struct reading *reading)
{
	const struct node *node = reading->node;
	struct arena *arena = &reading->loading->arena;
	if (node->kind == NODE_MAP || node_is_null(node))
		return reading_unexpected(reading, &reading->at, node);
	bool is_list = node->kind == NODE_LIST;
	size_t count = is_list ? node->count : 1;
	struct filled *paths = arena_take(arena, (count ? count : 1) * sizeof *paths);
	if (!is_list)
		return read_workflow(reading, &reading->at, node, &paths[0]) &&
		       keep_workflows(reading, paths, 1);
	bool is_whole = true;
	for (size_t i = 0; i < count; i++) {
		struct where at = faults_inside(arena, &reading->at, &node->entries[i]);
		is_whole &= read_workflow(reading, &at, node->entries[i].value, &paths[i]);
	}
	return is_whole && keep_workflows(reading, paths, count);
}

static bool equal_workflows(const struct key *key, const void *base, const void *other)
{
	(void)key;
	char *const *a = ((const struct config *)base)->workflow_paths;
	char *const *b = ((const struct config *)other)->workflow_paths;
	size_t i = 0;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

static json_t *show_workflows(const struct key *key, const void *base)
{
	(void)key;
	const struct config *config = base;
	json_t *list = json_array();
	for (char **path = config->workflow_paths; path && *path; path++)
		json_array_append_new(list, reading_json(*path));
	return list;
}

static void drop_workflows(const struct key *key, void *base)
{
	(void)key;
	struct config *config = base;
	for (char **path = config->workflow_paths; path && *path; path++)
		free(*path);
	free(config->workflow_paths);
}

const struct kind kind_control = {
	.noun = "a path or {path, group}",
	.read = read_control,
	.equal = equal_control,
	.show = show_control,
	.drop = drop_control,
};
const struct kind kind_workflows = {
	.noun = "a path or a list of paths",
	.read = read_workflows,
	.equal = equal_workflows,
	.show = show_workflows,
	.drop = drop_workflows,
};
