/* Mistakes and warnings; see faults.h. */
#include "config/faults.h"

#include <stdio.h>

#define LINE_MAX_BYTES  1024
#define QUOTE_MAX_BYTES 60
#define NAME_MAX_BYTES  80

struct fault {
	int order, line, column; /* of the place, for sorting */
	bool is_warning;
	char *text;
};

/* The length of text in at most max bytes, never in the middle of a character (RFC 3629: the
 * further bytes of one are 10xxxxxx). */
static int cut(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);
	if (length <= max)
		return (int)length;
	for (length = max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
		length--;
	return (int)length;
}

/* A message is one line whatever stands in the file. */
static char *one_line(const struct where *at, const char *message)
{
	char place[48] = "";
	if (at->line > 0)
		snprintf(place, sizeof place, ":%d:%d", at->line, at->column);
	char *line = xprintf("%s%s: %s%s%.*s", at->source->shown, place, at->path,
		*at->path ? ": " : "", cut(message, LINE_MAX_BYTES), message);
	for (unsigned char *byte = (unsigned char *)line; *byte; byte++)
		if (*byte < 0x20 || *byte == 0x7f)
			*byte = '?';
	return line;
}

static void add(struct faults *faults, const struct where *at, bool is_warning, char *message)
{
	faults->rows = xgrow(faults->rows, faults->count, &faults->room, sizeof *faults->rows);
	faults->rows[faults->count] = (struct fault){ .order = at->source->order,
		.line = at->line,
		.column = at->column,
		.is_warning = is_warning,
		.text = one_line(at, message) };
	faults->count++;
	faults->mistake_count += !is_warning;
	free(message);
}

static char *print_list(const char *format, va_list args)
{
	char *message = NULL;
	return vasprintf(&message, format, args) < 0 ? xstrdup(format) : message;
}

bool faults_add_list(
	struct faults *faults, const struct where *at, const char *format, va_list args)
{
	add(faults, at, false, print_list(format, args));
	return false;
}

bool faults_add(struct faults *faults, const struct where *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	faults_add_list(faults, at, format, args);
	va_end(args);
	return false;
}

void faults_warn(struct faults *faults, const struct where *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(faults, at, true, print_list(format, args));
	va_end(args);
}

/* Equal lines of one place come together. */
static int by_place(const void *left, const void *right)
{
	const struct fault *a = left, *b = right;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

void faults_export(struct faults *faults, struct config_faults *out)
{
	*out = (struct config_faults){ 0 };
	if (faults->count)
		qsort(faults->rows, faults->count, sizeof *faults->rows, by_place);
	out->lines = xcalloc(faults->count, sizeof *out->lines);
	out->warnings = xcalloc(faults->count, sizeof *out->warnings);
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->rows[i];
		/* A value in `defaults` is read once per queue: the same line comes several times.
		 */
		if (i + 1 < faults->count && by_place(fault, fault + 1) == 0)
			free(fault->text);
		else if (fault->is_warning)
			out->warnings[out->warning_count++] = fault->text;
		else
			out->lines[out->count++] = fault->text;
	}
	free(faults->rows);
	*faults = (struct faults){ 0 };
}

static void drop_lines(char **lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i]);
	free(lines);
}

void config_faults_finish(struct config_faults *faults)
{
	drop_lines(faults->lines, faults->count);
	drop_lines(faults->warnings, faults->warning_count);
	*faults = (struct config_faults){ 0 };
}

const char *faults_place(struct arena *arena, const struct where *at)
{
	return arena_print(arena, "%s:%d:%d", at->source->shown, at->line, at->column);
}

struct where faults_inside(struct arena *arena, const struct where *at, const struct entry *entry)
{
	struct where inside = *at;
	inside.source = entry->value->source;
	inside.line = entry->line;
	inside.column = entry->column;
	if (entry->key)
		inside.path = arena_print(arena, "%s%s%.*s", at->path, *at->path ? "." : "",
			cut(entry->key, NAME_MAX_BYTES), entry->key);
	return inside;
}

const char *faults_bare(struct arena *arena, const char *text)
{
	int length = cut(text, QUOTE_MAX_BYTES);
	return arena_print(arena, "%.*s%s", length, text, text[length] ? "…" : "");
}

const char *faults_quote(struct arena *arena, const char *text)
{
	return arena_print(arena, "\"%s\"", faults_bare(arena, text));
}

const char *faults_found(struct arena *arena, const struct node *node)
{
	if (node->kind == NODE_LIST)
		return "a list";
	if (node->kind == NODE_MAP)
		return "a map";
	return node_is_null(node) ? "nothing" : faults_quote(arena, node->text);
}
