/* What the kinds share; see reading.h. */
#include "config/reading.h"

#include "config/file.h"
#include "config/suggest.h"

void *reading_field(const struct key *key, void *base)
{
	return (char *)base + key->offset;
}

const void *reading_field_of(const struct key *key, const void *base)
{
	return (const char *)base + key->offset;
}

bool reading_fault(const struct reading *reading, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	faults_add_list(&reading->loading->faults, &reading->at, format, args);
	va_end(args);
	return false;
}

bool reading_unexpected(
	const struct reading *reading, const struct where *at, const struct node *node)
{
	struct arena *arena = &reading->loading->arena;
	return faults_add(&reading->loading->faults, at, "expected %s, got %s",
		keys_expected(arena, reading->key), faults_found(arena, node));
}

bool reading_text(const struct reading *reading, const struct where *at, const struct node *node,
	struct filled *out)
{
	struct loading *loading = reading->loading;
	if (node->kind != NODE_SCALAR)
		return reading_unexpected(reading, at, node);
	struct fill fill = { .arena = &loading->arena,
		.faults = &loading->faults,
		.used = reading->key->is_secret ? &loading->secrets : NULL };
	return fill_text(&fill, at, node, out);
}

bool reading_own_text(struct reading *reading, struct filled *out)
{
	if (node_is_null(reading->node))
		return reading_unexpected(reading, &reading->at, reading->node);
	if (!reading_text(reading, &reading->at, reading->node, out))
		return false;
	if (!*out->text)
		return reading_unexpected(reading, &reading->at, reading->node);
	return true;
}

void reading_resolve(const struct reading *reading, const struct node *node, struct filled *path)
{
	struct arena *arena = &reading->loading->arena;
	bool is_relative = *path->text != '/';
	path->text = file_resolve(arena, node->source, path->text);
	/* "***" alone may stand for an absolute path. */
	if (is_relative)
		path->shown = file_resolve(arena, node->source, path->shown);
}

bool reading_unknown(const struct reading *reading, const struct entry *entry,
	const char *const *known, size_t known_count)
{
	struct arena *arena = &reading->loading->arena;
	struct suggest suggest = { .typed = entry->key };
	struct where at = reading->at;
	at.line = entry->line;
	at.column = entry->column;
	for (size_t i = 0; i < known_count; i++)
		suggest_offer(&suggest, known[i]);
	return faults_add(&reading->loading->faults, &at, "unknown key %s%s%s",
		faults_quote(arena, entry->key), suggest.nearest ? ", did you mean " : "",
		suggest.nearest ? arena_print(arena, "%s?", faults_quote(arena, suggest.nearest))
				: "");
}

json_t *reading_json(const char *text)
{
	json_t *value = json_string(text);
	return value ? value : json_string("(not UTF-8)");
}
