/* config_load: the main file, its includes, all mistakes at once. */
#include "config/file.h"
#include "config/include.h"
#include "config/queues.h"
#include "config/schedules.h"
#include "config/section.h"
#include "config/suggest.h"

#include <malloc.h>
#include <unistd.h>

static char *make_absolute(const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	OWNED(free) char *here = getcwd(NULL, 0);
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	return xprintf("%s/%s", here && strcmp(here, "/") != 0 ? here : "", path);
}

/* A deep merge only makes sense with a map; a mistake otherwise. */
static const struct node *find_defaults(struct loading *loading, const struct node *root)
{
	const struct entry *entry = node_find(root, "defaults");
	if (!entry || node_is_null(entry->value))
		return NULL;
	if (entry->value->kind == NODE_MAP) {
		queues_check_defaults(loading, entry->value);
		return entry->value;
	}
	struct where at = { entry->value->source, entry->line, entry->column, "defaults" };
	faults_add(&loading->faults, &at, "expected a map of keys of a queue, got %s",
		faults_found(&loading->arena, entry->value));
	return NULL;
}

/* An included file has queues and schedules, and nothing else. */
static void read_included(
	struct loading *loading, const struct node *root, const struct node *defaults)
{
	for (size_t i = 0; i < root->count; i++) {
		const struct entry *entry = &root->entries[i];
		struct where file = { .source = root->source, .path = "" };
		struct where at = faults_inside(&loading->arena, &file, entry);
		const struct key *key = keys_find(&keys_global, entry->key);
		struct suggest suggest = { .typed = entry->key };
		suggest_offer(&suggest, "queues");
		suggest_offer(&suggest, "schedules");
		if (strcmp(entry->key, "queues") == 0)
			queues_read(loading, entry, defaults);
		else if (strcmp(entry->key, "schedules") == 0)
			continue; /* after the queues of all files */
		else if (suggest.nearest && !key)
			faults_add(&loading->faults, &at, "unknown key, did you mean \"%s\"?",
				suggest.nearest);
		else
			faults_add(&loading->faults, &at,
				"an included file may only have queues and schedules; move this "
				"to the main file");
	}
}

static void use_default_workflows(struct config *config, const struct source *source)
{
	if (config->workflow_paths)
		return;
	OWNED(free)
	char *folder =
		xprintf("%s/workflows", strcmp(source->folder, "/") == 0 ? "" : source->folder);
	bool is_there = file_is_there(folder);
	config->workflow_paths = xcalloc(2, sizeof *config->workflow_paths);
	if (is_there)
		config->workflow_paths[0] = GIVE(folder);
}

static void read_globals(
	struct loading *loading, const struct node *root, const struct source *source)
{
	struct section section;
	section_init(&section, loading, &keys_global, loading->config);
	loading->config->origins = section.origins;
	section_read(&section, root);
	use_default_workflows(loading->config, source);
	struct where at = { source, root->line, root->column, "store" };
	if (!section_place(&section, "store")->source)
		faults_add(&loading->faults, &at,
			"required, for example sqlite:/var/lib/reeve/reeve.db");
}

static void read_tree(struct loading *loading, const struct node *root, const struct source *source)
{
	const struct entry *include = node_find(root, "include");
	const struct entry *queues = node_find(root, "queues");
	struct include_list included = { 0 };
	read_globals(loading, root, source);
	const struct node *defaults = find_defaults(loading, root);
	if (queues)
		queues_read(loading, queues, defaults);
	if (include)
		include_read_all(loading, source, include, &included);
	for (size_t i = 0; i < included.count; i++)
		read_included(loading, included.roots[i], defaults);
	schedules_read(loading, root);
	for (size_t i = 0; i < included.count; i++)
		schedules_read(loading, included.roots[i]);
	free(included.roots);
}

static void keep_secrets(struct loading *loading)
{
	char **names = xcalloc(loading->secrets.count + 1, sizeof *names);
	for (size_t i = 0; i < loading->secrets.count; i++)
		names[i] = xstrdup(loading->secrets.names[i]);
	loading->config->secret_variables = names;
	free(loading->secrets.names);
}

static void read_all(struct loading *loading, const char *path)
{
	struct config *config = loading->config;
	const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
	config->path = make_absolute(path);
	const struct source *source = include_new_source(&loading->arena, shown, config->path, 0);
	const struct node *root = include_read_file(loading, source, config->path);
	if (root)
		read_tree(loading, root, source);
	keep_secrets(loading);
}

bool config_load(
	const char *path, struct config **out, struct config_faults *faults, struct error *err)
{
	struct loading loading = { .config = xcalloc(1, sizeof *loading.config) };
	read_all(&loading, path);
	size_t mistakes = loading.faults.mistake_count;
	faults_export(&loading.faults, faults);
	arena_finish(&loading.arena);
	/* The parser's garbage would stay with the supervisor and all its workers. */
	malloc_trim(0);
	if (mistakes == 0) {
		*out = loading.config;
		return true;
	}
	config_destroy(loading.config);
	return error_set(err, ERROR_INVALID, "%zu mistake%s in %s", faults->count,
		faults->count == 1 ? "" : "s", path);
}

char *config_find_control(const char *path)
{
	struct loading loading = { .config = xcalloc(1, sizeof *loading.config) };
	struct config_faults faults = { 0 };
	read_all(&loading, path);
	char *control = xstrdup(loading.config->control_path);
	faults_export(&loading.faults, &faults);
	config_faults_finish(&faults);
	arena_finish(&loading.arena);
	config_destroy(loading.config);
	return control;
}
