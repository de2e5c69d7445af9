/* The table of keys as docs/configuration.md has it. */
#include "config/keys.h"
#include "config/kinds.h"

#include <stdio.h>

static const char *const reload_names[] = {
	[RELOAD_NOTHING] = "–",
	[RELOAD_LIVE] = "live",
	[RELOAD_ROLL] = "roll",
};

static const char *quote(struct arena *arena, const char *text)
{
	return arena_print(arena, "`%s`", text);
}

static const char *print_default(struct arena *arena, const struct key *key)
{
	if (key->fallback_text)
		return key->fallback_text;
	return key->fallback ? quote(arena, key->fallback) : "none";
}

static const char *print_choices(struct arena *arena, const struct key *key)
{
	const char *list = "";
	for (size_t i = 0; key->choices[i]; i++)
		list = arena_print(arena, "%s%s`%s`", list, i ? ", " : "", key->choices[i]);
	return list;
}

static const char *print_range(struct arena *arena, const struct key *key)
{
	if (key->range)
		return key->range;
	return key->choices ? print_choices(arena, key) : keys_expected(arena, key);
}

static void print_row(FILE *out, struct arena *arena, const struct key *key)
{
	if (key->kind == &kind_later)
		return;
	fprintf(out, "| `%s` | %s | %s | %s | %s |\n", key->name, print_default(arena, key),
		print_range(arena, key), reload_names[key->reload], key->manual);
}

static void print_later(FILE *out, const struct key_table *table)
{
	const char *separator = "\nReserved, refused as not supported yet: ", *end = "";
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].kind == &kind_later) {
			fprintf(out, "%s`%s`", separator, table->rows[i].name);
			separator = ", ";
			end = ".\n";
		}
	fputs(end, out);
}

static void print_table(
	FILE *out, struct arena *arena, const char *title, const struct key_table *table)
{
	fprintf(out, "### %s\n\n", title);
	fputs("| key | default | range | reload | meaning |\n|---|---|---|---|---|\n", out);
	for (size_t i = 0; i < table->count; i++)
		print_row(out, arena, &table->rows[i]);
	print_later(out, table);
	fputc('\n', out);
}

char *keys_manual(void)
{
	char *text = NULL;
	size_t size = 0;
	struct arena arena = { 0 };
	FILE *out = open_memstream(&text, &size);
	if (!out)
		abort();
	print_table(out, &arena, "Of the whole file", &keys_global);
	print_table(out, &arena, "Of a queue, and in `defaults`", &keys_queue);
	print_table(out, &arena, "Of a schedule", &keys_schedule);
	fclose(out);
	arena_finish(&arena);
	return text;
}
