/* The files of a configuration; see include.h. */
#include "config/include.h"

#include "config/compose.h"
#include "config/file.h"

#include <glob.h>
#include <sys/stat.h>

#define FILES_MAX 1000

const struct node *include_read_file(
	struct loading *loading, const struct source *source, const char *path)
{
	OWNED(free) char *bytes = NULL;
	size_t length = 0;
	struct error err = { 0 };
	struct where at = { source, 0, 0, "" };
	if (!file_read(path, COMPOSE_SIZE_MAX, &bytes, &length, &err)) {
		faults_add(&loading->faults, &at, "cannot be read: %s", err.text);
		return NULL;
	}
	const struct node *root =
		compose_text(&loading->arena, source, bytes, length, &loading->faults);
	if (!root || root->kind == NODE_MAP)
		return root;
	at.line = root->line;
	at.column = root->column;
	if (node_is_null(root))
		at.line = 0;
	faults_add(&loading->faults, &at, "%sexpected a map of keys, got %s",
		node_is_null(root) ? "empty: " : "", faults_found(&loading->arena, root));
	return NULL;
}

const struct source *include_new_source(
	struct arena *arena, const char *shown, const char *path, int order)
{
	struct source *source = arena_take(arena, sizeof *source);
	size_t length = (size_t)(strrchr(path, '/') - path);
	source->shown = shown;
	source->folder = arena_copy(arena, path, length ? length : 1);
	source->order = order;
	return source;
}

/* Files that were read already, so that two patterns may overlap and one may match the main file.
 */
struct seen {
	dev_t device;
	ino_t inode;
};

struct including {
	struct loading *loading;
	const struct source *main_source;
	const char *pattern; /* as written */
	struct where at;
	struct seen *seen;
	size_t seen_count, seen_room;
	size_t root_room;
	struct include_list *out;
};

static bool is_new(struct including *including, const char *path)
{
	struct stat at;
	if (stat(path, &at) < 0)
		return true;
	for (size_t i = 0; i < including->seen_count; i++)
		if (including->seen[i].device == at.st_dev && including->seen[i].inode == at.st_ino)
			return false;
	including->seen = xgrow(including->seen, including->seen_count, &including->seen_room,
		sizeof *including->seen);
	including->seen[including->seen_count++] = (struct seen){ at.st_dev, at.st_ino };
	return true;
}

/* An included file is called by its path from where the main file is called from. */
static const char *shown_name(const struct including *including, const char *path)
{
	const struct source *main_source = including->main_source;
	size_t folder = strlen(main_source->folder);
	const char *slash = strrchr(main_source->shown, '/');
	bool is_below = strncmp(path, main_source->folder, folder) == 0 && path[folder] == '/';
	if (!is_below || *including->pattern == '/')
		return arena_copy(&including->loading->arena, path, strlen(path));
	int prefix = slash ? (int)(slash - main_source->shown + 1) : 0;
	return arena_print(&including->loading->arena, "%.*s%s", prefix, main_source->shown,
		path + folder + 1);
}

static void include_file(struct including *including, const char *path)
{
	struct loading *loading = including->loading;
	if (!is_new(including, path))
		return;
	if (including->seen_count > FILES_MAX) {
		faults_add(&loading->faults, &including->at, "more than %d files", FILES_MAX);
		return;
	}
	const char *kept = arena_copy(&loading->arena, path, strlen(path));
	const struct source *source = include_new_source(
		&loading->arena, shown_name(including, path), kept, (int)including->seen_count);
	const struct node *root = include_read_file(loading, source, kept);
	if (!root)
		return;
	struct include_list *out = including->out;
	out->roots = xgrow(out->roots, out->count, &including->root_room, sizeof(*out->roots));
	out->roots[out->count++] = root;
}

static void include_pattern(struct including *including, const struct node *node)
{
	struct loading *loading = including->loading;
	struct fill fill = { .arena = &loading->arena, .faults = &loading->faults };
	struct filled filled;
	if (node->kind != NODE_SCALAR || node_is_null(node) || !*node->text) {
		faults_add(&loading->faults, &including->at,
			"expected a pattern or a list of patterns, got %s",
			faults_found(&loading->arena, node));
		return;
	}
	if (!fill_text(&fill, &including->at, node, &filled))
		return;
	glob_t found = { 0 };
	including->pattern = filled.text;
	const char *pattern = file_resolve(&loading->arena, node->source, filled.text);
	int status = glob(pattern, 0, NULL, &found);
	for (size_t i = 0; status == 0 && i < found.gl_pathc; i++)
		include_file(including, found.gl_pathv[i]);
	/* A folder of patterns may be empty; a file that is named must be there. */
	if (status != 0 && !strpbrk(filled.text, "*?["))
		faults_add(&loading->faults, &including->at, "%s is not there", filled.shown);
	globfree(&found);
}

void include_read_all(struct loading *loading, const struct source *main_source,
	const struct entry *include, struct include_list *out)
{
	const struct node *node = include->value;
	struct where at = { node->source, include->line, include->column, "include" };
	struct including including = {
		.loading = loading, .main_source = main_source, .at = at, .out = out
	};
	*out = (struct include_list){ 0 };
	is_new(&including, loading->config->path);
	if (node->kind != NODE_LIST)
		include_pattern(&including, node);
	for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
		including.at = faults_inside(&loading->arena, &at, &node->entries[i]);
		include_pattern(&including, node->entries[i].value);
	}
	free(including.seen);
}
