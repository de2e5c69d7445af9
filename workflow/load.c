/*
 * Descriptors from files and folders. A file that can't be read is a line in the faults and does
 * not keep the others from being listed: it may be half-written by an editor or a copy.
 */
#include "workflow/workflow.h"

#include "base/jsontext.h"
#include "config/file.h"
#include "workflow/descriptor.h"
#include "workflow/yamltext.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX (4 * 1024 * 1024)

struct loader {
	struct workflow_list *list;
	size_t room;
	struct workflow_faults *faults;
};

static bool ends_with(const char *path, const char *ending)
{
	size_t length = strlen(path), size = strlen(ending);
	return length > size && strcmp(path + length - size, ending) == 0;
}

static bool parse_file(const char *path, json_t **out, struct error *err)
{
	OWNED(free) char *text = NULL;
	size_t length = 0;
	if (!file_read(path, FILE_SIZE_MAX, &text, &length, err))
		return false;
	if (ends_with(path, ".json"))
		return jsontext_parse(text, length, out, err);
	return workflow_parse_yaml(text, length, out, err);
}

static const struct workflow_source *find_source(const struct workflow_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->sources[i].name, name) == 0)
			return &list->sources[i];
	return NULL;
}

/* Named by its own `name:`, else as given. */
static void add_source(
	struct loader *loader, const char *path, const char *given, const json_t *descriptor)
{
	const char *own = jsontext_member(descriptor, "name");
	const char *name = own ? own : given;
	struct workflow_list *list = loader->list;
	const struct workflow_source *first = find_source(list, name);
	if (first) {
		descriptor_fault(loader->faults, "%s: workflow \"%s\" is in %s already", path, name,
			first->path);
		return;
	}
	list->sources = xgrow(list->sources, list->count, &loader->room, sizeof *list->sources);
	list->sources[list->count++] = (struct workflow_source){
		.name = xstrdup(name),
		.path = xstrdup(path),
		.descriptor = json_incref((json_t *)descriptor),
	};
}

static char *stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	return dot && dot > base ? xstrndup(base, (size_t)(dot - base)) : xstrdup(base);
}

static void load_file(struct loader *loader, const char *path)
{
	struct error err = { 0 };
	OWNED(json) json_t *whole = NULL;
	OWNED(free) char *stem = stem_of(path);
	if (!parse_file(path, &whole, &err)) {
		descriptor_fault(loader->faults, "%s: %s", path, err.text);
		return;
	}
	json_t *several = json_object_get(whole, "workflows");
	if (!json_is_object(several) || json_object_get(whole, "tasks")) {
		add_source(loader, path, stem, whole);
		return;
	}
	const char *name;
	json_t *descriptor;
	json_object_foreach(several, name, descriptor)
	{
		add_source(loader, path, name, descriptor);
	}
}

static int is_descriptor(const struct dirent *entry)
{
	const char *name = entry->d_name;
	return name[0] != '.' &&
	       (ends_with(name, ".json") || ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

static void load_folder(struct loader *loader, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_descriptor, alphasort);
	if (count < 0)
		descriptor_fault(loader->faults, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		OWNED(free) char *file = xprintf("%s/%s", path, entries[i]->d_name);
		load_file(loader, file);
		free(entries[i]);
	}
	free(entries);
}

void workflow_list_load(
	char *const *paths, struct workflow_list *list, struct workflow_faults *faults)
{
	*list = (struct workflow_list){ 0 };
	struct loader loader = { .list = list, .faults = faults };
	for (; *paths; paths++) {
		struct stat at;
		if (stat(*paths, &at) < 0)
			descriptor_fault(faults, "%s: %s", *paths, strerror(errno));
		else if (S_ISDIR(at.st_mode))
			load_folder(&loader, *paths);
		else
			load_file(&loader, *paths);
	}
}

void workflow_list_finish(struct workflow_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->sources[i].name);
		free(list->sources[i].path);
		json_decref(list->sources[i].descriptor);
	}
	free(list->sources);
	*list = (struct workflow_list){ 0 };
}
