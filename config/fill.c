/* ${…} in texts; see fill.h. */
#include "config/fill.h"

#include "config/file.h"

#include <stdint.h>
#include <stdio.h>

#define VALUE_MAX_BYTES (64 * 1024) /* of a file or credential */
#define FORMS           "${NAME}, ${NAME:-default}, ${file:PATH} or ${credential:NAME}"

struct piece {
	const char *text; /* in the arena */
	bool is_outside;
	bool is_hidden;
};

struct filling {
	const struct fill *fill;
	const struct where *at;
	const struct node *scalar;
};

static bool fail(const struct filling *f, const char *inside, const char *why)
{
	const char *named = arena_print(f->fill->arena, "${%s}", inside);
	return faults_add(
		f->fill->faults, f->at, "%s: %s", faults_quote(f->fill->arena, named), why);
}

static bool read_value(
	const struct filling *f, const char *inside, const char *path, struct piece *out)
{
	OWNED(free) char *bytes = NULL;
	size_t length = 0;
	struct error err = { 0 };
	if (!file_read(path, VALUE_MAX_BYTES, &bytes, &length, &err))
		return fail(f, inside,
			arena_print(f->fill->arena, "cannot read %s: %s", path, err.text));
	if (memchr(bytes, '\0', length))
		return fail(f, inside, "the file contains a NUL");
	while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	out->text = arena_copy(f->fill->arena, bytes, length);
	explicit_bzero(bytes, length);
	out->is_outside = out->is_hidden = true;
	return true;
}

static bool read_file(
	const struct filling *f, const char *inside, const char *path, struct piece *out)
{
	if (!*path)
		return fail(f, inside, "a path is missing");
	return read_value(f, inside, file_resolve(f->fill->arena, f->scalar->source, path), out);
}

/* systemd's LoadCredential= puts each into a file of this folder (systemd.exec(5)). */
static bool read_credential(
	const struct filling *f, const char *inside, const char *name, struct piece *out)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || !*folder)
		return fail(f, inside, "CREDENTIALS_DIRECTORY is not set");
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(f, inside, "not the name of a credential");
	return read_value(f, inside, arena_print(f->fill->arena, "%s/%s", folder, name), out);
}

static void remember(const struct fill *fill, const char *name)
{
	struct fill_names *used = fill->used;
	if (!used)
		return;
	for (size_t i = 0; i < used->count; i++)
		if (strcmp(used->names[i], name) == 0)
			return;
	used->names = xgrow(used->names, used->count, &used->room, sizeof *used->names);
	used->names[used->count++] = name;
}

/* As in a shell, `:-` stands in for a variable that is unset or empty. */
static bool read_variable(const struct filling *f, const char *inside, struct piece *out)
{
	size_t length =
		strspn(inside, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	const char *rest = inside + length;
	bool has_default = strncmp(rest, ":-", 2) == 0;
	if (length == 0 || (*inside >= '0' && *inside <= '9') || (*rest && !has_default))
		return fail(f, inside, "expected " FORMS "; a plain ${ is written $${");
	const char *name = arena_copy(f->fill->arena, inside, length);
	const char *value = getenv(name);
	remember(f->fill, name);
	if (!value && !has_default)
		return fail(f, inside, "the variable is not set");
	bool is_default = has_default && (!value || !*value);
	out->text = is_default ? rest + 2 : arena_copy(f->fill->arena, value, strlen(value));
	out->is_outside = !is_default;
	return true;
}

static bool read_piece(const struct filling *f, const char *inside, struct piece *out)
{
	static const struct {
		const char *prefix;
		bool (*read)(const struct filling *, const char *, const char *, struct piece *);
	} forms[] = { { "file:", read_file }, { "credential:", read_credential } };
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t length = strlen(forms[i].prefix);
		if (strncmp(inside, forms[i].prefix, length) == 0 && inside[length] != '-')
			return forms[i].read(f, inside, inside + length, out);
	}
	return read_variable(f, inside, out);
}

/* Copies up to the next ${ and writes its value; *cursor moves behind it. */
static bool fill_next(
	const struct filling *f, const char **cursor, FILE *value, FILE *shown, struct filled *out)
{
	const char *start = strstr(*cursor, "${");
	size_t plain = start ? (size_t)(start - *cursor) : strlen(*cursor);
	bool is_escaped = start && start > *cursor && start[-1] == '$';
	size_t copied = plain - is_escaped;
	fprintf(value, "%.*s", (int)copied, *cursor);
	fprintf(shown, "%.*s", (int)copied, *cursor);
	*cursor += plain;
	if (!start)
		return true;
	if (is_escaped) {
		fputs("${", value);
		fputs("${", shown);
		*cursor += 2;
		return true;
	}
	const char *end = strchr(start, '}');
	if (!end)
		return fail(f, start + 2, "the closing } is missing; a plain ${ is written $${");
	struct piece piece = { 0 };
	const char *inside = arena_copy(f->fill->arena, start + 2, (size_t)(end - start - 2));
	if (!read_piece(f, inside, &piece))
		return false;
	fputs(piece.text, value);
	fputs(piece.is_outside ? "***" : piece.text, shown);
	out->is_filled |= piece.is_outside;
	out->is_hidden |= piece.is_hidden;
	*cursor = end + 1;
	return true;
}

static bool fill_all(const struct filling *f, FILE *value, FILE *shown, struct filled *out)
{
	const char *cursor = f->scalar->text;
	while (*cursor)
		if (!fill_next(f, &cursor, value, shown, out))
			return false;
	return true;
}

static const char *keep(struct arena *arena, FILE *stream, char **buffer, const size_t *size)
{
	fclose(stream);
	const char *kept = arena_copy(arena, *buffer, *size);
	explicit_bzero(*buffer, *size);
	free(*buffer);
	return kept;
}

bool fill_text(const struct fill *fill, const struct where *at, const struct node *scalar,
	struct filled *out)
{
	struct filling f = { fill, at, scalar };
	*out = (struct filled){ .text = scalar->text, .shown = scalar->text };
	if (!strstr(scalar->text, "${"))
		return true;
	char *value_bytes = NULL, *shown_bytes = NULL;
	size_t value_size = 0, shown_size = 0;
	FILE *value = open_memstream(&value_bytes, &value_size);
	FILE *shown = open_memstream(&shown_bytes, &shown_size);
	if (!value || !shown)
		abort();
	bool is_whole = fill_all(&f, value, shown, out);
	out->text = keep(fill->arena, value, &value_bytes, &value_size);
	out->shown = keep(fill->arena, shown, &shown_bytes, &shown_size);
	return is_whole;
}
