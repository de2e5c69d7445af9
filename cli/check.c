/* Checks of workflows against the queues that are configured; see check.h. */
#include "cli/check.h"

#include "workers/preflight.h"

#include <stdio.h>

static void add_line(char ***lines, size_t *count, char *line)
{
	*lines = xrealloc(*lines, (*count + 1) * sizeof **lines);
	(*lines)[(*count)++] = line;
}

/* Each line behind the file that it is about. */
static void add_lines(
	char ***lines, size_t *count, const char *path, const struct workflow_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		add_line(lines, count, xprintf("%s: %s", path, faults->lines[i]));
}

static void check_workflow(const struct config *config, const struct workflow_list *list,
	const struct workflow_source *source, bool is_strict, struct config_faults *report)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	struct workflow_faults mistakes = { 0 }, warnings = { 0 };
	struct error err = { 0 };
	if (workflow_open(list, source->name, &workflow, &mistakes, &err)) {
		workflow_check_queues(workflow, config, is_strict, &mistakes, &warnings);
		workflow_check_ignored(workflow, is_strict ? &mistakes : &warnings);
		workflow_check_sections(workflow, config, &warnings);
	} else if (mistakes.count == 0)
		add_line(&report->lines, &report->count, xprintf("%s: %s", source->path, err.text));
	add_lines(&report->lines, &report->count, source->path, &mistakes);
	add_lines(&report->warnings, &report->warning_count, source->path, &warnings);
	workflow_faults_finish(&mistakes);
	workflow_faults_finish(&warnings);
}

bool check_queues(const struct workflow *workflow, const struct config *config, bool is_strict)
{
	struct workflow_faults mistakes = { 0 }, warnings = { 0 };
	struct workflow *const *nested;
	size_t nested_count = workflow_nested(workflow, &nested);
	workflow_check_queues(workflow, config, is_strict, &mistakes, &warnings);
	for (size_t i = 0; i < nested_count; i++)
		workflow_check_queues(nested[i], config, is_strict, &mistakes, &warnings);
	for (size_t i = 0; i < mistakes.count; i++)
		fprintf(stderr, "%s\n", mistakes.lines[i]);
	bool ok = mistakes.count == 0;
	workflow_faults_finish(&mistakes);
	workflow_faults_finish(&warnings);
	return ok;
}

static void check_payload(const struct config_schedule *schedule, const struct workflow_list *list,
	struct config_faults *report)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	OWNED(free) char *place = xprintf("schedules.%s.payload", schedule->name);
	struct workflow_faults found = { 0 };
	struct error err;
	if (workflow_open(list, schedule->workflow, &workflow, NULL, &err))
		workflow_check_payload(workflow, place, schedule->payload, &found);
	add_lines(&report->warnings, &report->warning_count, schedule->place, &found);
	workflow_faults_finish(&found);
}

/* Whoever is first starts what is due: so each host has to know the workflow. */
static void check_schedule(const struct config_schedule *schedule,
	const struct catalogue *catalogue, bool is_strict, struct config_faults *report)
{
	if (!schedule->workflow)
		return;
	if (catalogue_find(catalogue, schedule->workflow)) {
		check_payload(schedule, &catalogue->list, report);
		return;
	}
	char *line = xprintf("%s: schedules.%s.workflow: there is no workflow %s", schedule->place,
		schedule->name, schedule->workflow);
	if (is_strict)
		add_line(&report->lines, &report->count, line);
	else
		add_line(&report->warnings, &report->warning_count, line);
}

void check_workflows(
	const struct config *config, bool is_strict, struct config_faults *report, size_t *checked)
{
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	catalogue_load(config, &catalogue);
	for (size_t i = 0; i < catalogue.faults.count; i++)
		add_line(&report->lines, &report->count, xstrdup(catalogue.faults.lines[i]));
	for (size_t i = 0; i < catalogue.list.count; i++)
		check_workflow(
			config, &catalogue.list, &catalogue.list.sources[i], is_strict, report);
	for (size_t i = 0; i < config->schedule_count; i++)
		check_schedule(&config->schedules[i], &catalogue, is_strict, report);
	*checked = catalogue.list.count;
}

bool check_store(const struct config *config, struct config_faults *report, struct error *err)
{
	struct store_warnings found = { 0 };
	bool ok = store_preflight(
		config->store_url, preflight_connections(config, NULL, 0), &found, err);
	for (size_t i = 0; i < found.count; i++)
		add_line(&report->warnings, &report->warning_count, xstrdup(found.lines[i]));
	store_warnings_finish(&found);
	if (!ok && err->kind == ERROR_UNAVAILABLE) {
		add_line(&report->warnings, &report->warning_count,
			xprintf("%s: it was not looked at", err->text));
		ok = true;
	}
	return ok;
}

void check_print(const struct config_faults *report)
{
	for (size_t i = 0; i < report->count; i++)
		fprintf(stderr, "%s\n", report->lines[i]);
	for (size_t i = 0; i < report->warning_count; i++)
		fprintf(stderr, "warning: %s\n", report->warnings[i]);
}
