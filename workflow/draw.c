/*
 * A workflow as a picture: a tree for terminals, Graphviz's dot (graphviz.org/doc/info/lang.html),
 * or Mermaid's flowchart (mermaid.js.org/syntax/flowchart.html); with the counts of a job's states
 * where there is one.
 */
#include "workflow/descriptor.h"

#include <inttypes.h>
#include <stdio.h>

enum edge { EDGE_STARTS, EDGE_SPAWNS, EDGE_ON_FAILURE, EDGE_AWAITED, EDGES };

struct drawing {
	const struct workflow *workflow;
	const struct job_record *job;
	FILE *out;
	task_set drawn; /* text: tasks that have been shown with what they start */
};

/* How a format writes text that could be taken for its own signs. */
struct escape {
	char sign;
	const char *text;
};
static const struct escape dot_escapes[] = { { '"', "\\\"" }, { '\\', "\\\\" } };
static const struct escape mermaid_escapes[] = { { '"', "#quot;" }, { '#', "#35;" },
	{ '<', "#lt;" }, { '>', "#gt;" }, { '&', "#amp;" }, { '`', "#96;" }, { '\\', "#92;" } };

static void put_escaped(FILE *out, const char *text, const struct escape *escapes, size_t count)
{
	for (; *text; text++) {
		size_t i = 0;
		while (i < count && escapes[i].sign != *text)
			i++;
		if (i < count)
			fputs(escapes[i].text, out);
		else
			fputc(*text, out);
	}
}

static const struct name_count *find_counts(const struct drawing *drawing, const char *name)
{
	for (size_t i = 0; drawing->job && i < drawing->job->name_count; i++)
		if (strcmp(drawing->job->names[i].name, name) == 0)
			return &drawing->job->names[i];
	return NULL;
}

/* "3 completed, 1 failed"; empty where no such task was born. Owned. */
static char *count_text(const struct drawing *drawing, const char *name)
{
	const struct name_count *counts = find_counts(drawing, name);
	char *text = xstrdup("");
	for (size_t i = 0; counts && i < TASK_STATES; i++) {
		if (counts->states[i] == 0)
			continue;
		char *longer = xprintf("%s%s%" PRId64 " %s", text, *text ? ", " : "",
			counts->states[i], task_state_names[i]);
		free(text);
		text = longer;
	}
	return text;
}

/* The edges of a task, in the order in which its end brings them about. */
static void each_edge(const struct task_model *task,
	void (*visit)(void *context, enum edge edge, size_t to), void *context)
{
	FOR_EACH_INDEX(heir, &task->heirs)
	{
		bool is_spawned = !graph_list_has(&task->starts, heir);
		for (size_t i = 0; i < task->param_start_count; i++)
			is_spawned = is_spawned && task->param_starts[i].child != heir;
		visit(context, is_spawned ? EDGE_SPAWNS : EDGE_STARTS, heir);
	}
	FOR_EACH_INDEX(child, &task->on_failure)
	{
		visit(context, EDGE_ON_FAILURE, child);
	}
	FOR_EACH_INDEX(follower, &task->followers)
	{
		visit(context, EDGE_AWAITED, follower);
	}
}

/* A place in the tree: what stands in front of its lines. */
struct branch {
	struct drawing *drawing;
	const char *indent;
	size_t left; /* children that are still to come */
};

static void put_condition(FILE *out, const struct task_model *gate, size_t i)
{
	const struct condition *condition = &gate->conditions[i];
	const char *function = gate_function_names[condition->function];
	fprintf(out, "%s%s",
		i                ? ", "
		: gate->is_after ? "  after "
				 : "  waits for ",
		gate->awaited_names[i]);
	if (condition->function == GATE_EQ_COMPLETED)
		fprintf(out, " (%s %s)", function, condition->param);
	else if (condition->function == GATE_AT_LEAST || condition->function == GATE_PERCENT)
		fprintf(out, " (%s %g)", function, condition->value);
	else if (function)
		fprintf(out, " (%s)", function);
}

static void put_place(FILE *out, const struct task_model *task)
{
	if (task->facts.nested)
		fprintf(out, "  workflow %s", task->facts.nested);
	else
		fprintf(out, "  queue %s", task->facts.queue);
}

/* Answers whether what the task starts is still to be shown. */
static bool put_task(struct drawing *drawing, size_t index, enum edge edge)
{
	static const char *const how[EDGES] = {
		[EDGE_SPAWNS] = "  spawned", [EDGE_ON_FAILURE] = "  on failure"
	};
	const struct task_model *task = &drawing->workflow->tasks[index];
	bool is_new = !set_has(drawing->drawn, index);
	bool has_more = task->heirs.count + task->on_failure.count > 0;
	set_add(drawing->drawn, index);
	fprintf(drawing->out, "%s%s", task->facts.name, how[edge] ? how[edge] : "");
	if (!is_new) {
		fputs(has_more ? "  (see above)\n" : "\n", drawing->out);
		return false;
	}
	put_place(drawing->out, task);
	for (size_t i = 0; i < task->condition_count; i++)
		put_condition(drawing->out, task, i);
	OWNED(free) char *counts = count_text(drawing, task->facts.name);
	fprintf(drawing->out, "%s%s\n", *counts ? "  " : "", counts);
	return true;
}

static void put_branch(struct drawing *drawing, size_t index, const char *indent);

static void put_child(void *context, enum edge edge, size_t to)
{
	struct branch *branch = context;
	if (edge == EDGE_AWAITED)
		return;
	bool is_last = --branch->left == 0;
	fprintf(branch->drawing->out, "%s%s", branch->indent, is_last ? "└─ " : "├─ ");
	OWNED(free) char *indent = xprintf("%s%s", branch->indent, is_last ? "   " : "│  ");
	if (put_task(branch->drawing, to, edge))
		put_branch(branch->drawing, to, indent);
}

static void put_branch(struct drawing *drawing, size_t index, const char *indent)
{
	const struct task_model *task = &drawing->workflow->tasks[index];
	struct branch branch = { drawing, indent, task->heirs.count + task->on_failure.count };
	each_edge(task, put_child, &branch);
}

static void draw_text(struct drawing *drawing)
{
	const struct index_list *entries = &drawing->workflow->entries;
	struct branch roots = { drawing, "", entries->count };
	OWNED(free)
	task_set drawn = xcalloc(set_words(drawing->workflow->count), sizeof *drawn);
	drawing->drawn = drawn;
	fprintf(drawing->out, "%s\n", drawing->workflow->name);
	FOR_EACH_INDEX(entry, entries)
	{
		put_child(&roots, EDGE_STARTS, entry);
	}
}

/* What the two formats of boxes and arrows differ in. */
struct notation {
	const char *head, *tail;
	const char *box[2]; /* of a task, of a gate: index, then name, queue and counts between */
	const char *box_end[2];
	const char *line_break;
	const char *arrows[EDGES];
	const struct escape *escapes;
	size_t escape_count;
};
static const struct notation dot = {
	.head = "digraph {\n\tnode [shape=box];\n",
	.tail = "}\n",
	.box = { "\tn%zu [label=\"", "\tn%zu [shape=octagon, label=\"" },
	.box_end = { "\"];\n", "\"];\n" },
	.line_break = "\\n",
	.arrows = {
		[EDGE_STARTS] = "\tn%zu -> n%zu;\n",
		[EDGE_SPAWNS] = "\tn%zu -> n%zu [label=\"spawns\"];\n",
		[EDGE_ON_FAILURE] = "\tn%zu -> n%zu [label=\"on failure\", style=dashed];\n",
		[EDGE_AWAITED] = "\tn%zu -> n%zu [label=\"awaited by\", style=dotted];\n",
	},
	.escapes = dot_escapes,
	.escape_count = ARRAY_SIZE(dot_escapes),
};
static const struct notation mermaid = {
	.head = "flowchart TD\n",
	.tail = "",
	.box = { "\tn%zu[\"", "\tn%zu{{\"" },
	.box_end = { "\"]\n", "\"}}\n" },
	.line_break = "<br/>",
	.arrows = {
		[EDGE_STARTS] = "\tn%zu --> n%zu\n",
		[EDGE_SPAWNS] = "\tn%zu -->|spawns| n%zu\n",
		[EDGE_ON_FAILURE] = "\tn%zu -.->|on failure| n%zu\n",
		[EDGE_AWAITED] = "\tn%zu -.->|awaited by| n%zu\n",
	},
	.escapes = mermaid_escapes,
	.escape_count = ARRAY_SIZE(mermaid_escapes),
};

struct arrows {
	const struct notation *notation;
	FILE *out;
	size_t from;
};

static void put_arrow(void *context, enum edge edge, size_t to)
{
	const struct arrows *arrows = context;
	fprintf(arrows->out, arrows->notation->arrows[edge], arrows->from, to);
}

static void put_box(struct drawing *drawing, const struct notation *notation, size_t index)
{
	const struct task_model *task = &drawing->workflow->tasks[index];
	OWNED(free) char *counts = count_text(drawing, task->facts.name);
	FILE *out = drawing->out;
	fprintf(out, notation->box[task->facts.waits], index);
	put_escaped(out, task->facts.name, notation->escapes, notation->escape_count);
	fprintf(out, "%s%s ", notation->line_break, task->facts.nested ? "workflow" : "queue");
	put_escaped(out, task->facts.nested ? task->facts.nested : task->facts.queue,
		notation->escapes, notation->escape_count);
	fprintf(out, "%s%s", *counts ? notation->line_break : "", counts);
	fputs(notation->box_end[task->facts.waits], out);
}

static void draw_boxes(struct drawing *drawing, const struct notation *notation)
{
	const struct workflow *workflow = drawing->workflow;
	fputs(notation->head, drawing->out);
	for (size_t i = 0; i < workflow->count; i++)
		put_box(drawing, notation, i);
	for (size_t i = 0; i < workflow->count; i++) {
		struct arrows arrows = { notation, drawing->out, i };
		each_edge(&workflow->tasks[i], put_arrow, &arrows);
	}
	fputs(notation->tail, drawing->out);
}

char *workflow_draw(
	const struct workflow *workflow, enum graph_format format, const struct job_record *job)
{
	char *text = NULL;
	size_t length = 0;
	struct drawing drawing = { .workflow = workflow, .job = job };
	drawing.out = open_memstream(&text, &length);
	if (!drawing.out)
		abort();
	if (format == GRAPH_TEXT)
		draw_text(&drawing);
	else
		draw_boxes(&drawing, format == GRAPH_DOT ? &dot : &mermaid);
	if (fclose(drawing.out) != 0)
		abort();
	return text;
}
