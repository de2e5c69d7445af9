/* Workflows from files; see catalogue.h. */
#include "cli/catalogue.h"

#include "cli/nearest.h"
#include "cli/say.h"

#include <stdio.h>

#define NAMES_SHOWN 20

void catalogue_load(const struct config *config, struct catalogue *catalogue)
{
	*catalogue = (struct catalogue){ 0 };
	workflow_list_load(config->workflow_paths, &catalogue->list, &catalogue->faults);
}

void catalogue_finish(struct catalogue *catalogue)
{
	workflow_list_finish(&catalogue->list);
	workflow_faults_finish(&catalogue->faults);
}

const struct workflow_source *catalogue_find(const struct catalogue *catalogue, const char *name)
{
	for (size_t i = 0; i < catalogue->list.count; i++)
		if (strcmp(catalogue->list.sources[i].name, name) == 0)
			return &catalogue->list.sources[i];
	return NULL;
}

static void name_nearest(const struct catalogue *catalogue, const char *name)
{
	size_t count = catalogue->list.count;
	if (count == 0) {
		say("no workflow \"%s\"; none is configured (workflows: names their files)", name);
		return;
	}
	OWNED(free) const char **names = xcalloc(count, sizeof *names);
	OWNED(free) char *shown = xstrdup("");
	for (size_t i = 0; i < count; i++) {
		names[i] = catalogue->list.sources[i].name;
		if (i >= NAMES_SHOWN)
			continue;
		char *longer = xprintf("%s%s%s", shown, i ? ", " : "", names[i]);
		free(shown);
		shown = longer;
	}
	const char *nearest = nearest_find(name, names, count);
	say("no workflow \"%s\"; %s%s%sthere %s %s%s", name, nearest ? "nearest: " : "",
		nearest ? nearest : "", nearest ? "; " : "", count > 1 ? "are" : "is", shown,
		count > NAMES_SHOWN ? ", \u2026" : "");
}

bool catalogue_open(const struct catalogue *catalogue, const struct config *config,
	const char *name, struct workflow **out, int *code)
{
	const struct workflow_source *source = catalogue_find(catalogue, name);
	if (!source) {
		for (size_t i = 0; i < catalogue->faults.count; i++)
			fprintf(stderr, "%s\n", catalogue->faults.lines[i]);
		name_nearest(catalogue, name);
		if (config_find_served(config, name))
			say("%s is a queue: reeve push %s", name, name);
		*code = EXIT_NEGATIVE;
		return false;
	}
	struct workflow_faults faults = { 0 };
	struct error err = { 0 };
	bool ok = workflow_open(&catalogue->list, name, out, &faults, &err);
	for (size_t i = 0; i < faults.count; i++)
		fprintf(stderr, "%s: %s: %s\n", source->path, source->name, faults.lines[i]);
	if (!ok) {
		OWNED(free) char *text = faults.count ? workflow_faults_text(&faults) : NULL;
		say("%s", text ? text : err.text);
		*code = EXIT_MISUSE;
	}
	workflow_faults_finish(&faults);
	return ok;
}
