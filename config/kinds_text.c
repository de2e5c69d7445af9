/* Kinds whose field is one text: paths, the log's target, the store's URL. */
#include "base/log.h"
#include "base/url.h"
#include "config/file.h"
#include "config/kinds.h"
#include "config/kinds_text.h"
#include "config/reading.h"

static char **text_of(const struct key *key, void *base)
{
	return reading_field(key, base);
}

static const char *get(const struct key *key, const void *base)
{
	return *(char *const *)reading_field_of(key, base);
}

bool kinds_keep_text(struct reading *reading, const struct filled *filled)
{
	char **field = text_of(reading->key, reading->base);
	free(*field);
	*field = xstrdup(filled->text);
	if (filled->is_filled)
		reading->origin->shown = reading_json(filled->shown);
	return true;
}

static bool read_text(struct reading *reading)
{
	struct filled filled;
	return reading_own_text(reading, &filled) && kinds_keep_text(reading, &filled);
}

static bool read_path(struct reading *reading)
{
	struct filled filled;
	if (!reading_own_text(reading, &filled))
		return false;
	reading_resolve(reading, reading->node, &filled);
	return kinds_keep_text(reading, &filled);
}

/* The words of log.h as they are, all else is a path. */
static bool read_log_target(struct reading *reading)
{
	struct filled filled;
	if (!reading_own_text(reading, &filled))
		return false;
	if (strcmp(filled.text, LOG_TO_STDERR) != 0 && strcmp(filled.text, LOG_TO_JOURNAL) != 0)
		reading_resolve(reading, reading->node, &filled);
	return kinds_keep_text(reading, &filled);
}

bool kinds_equal_text(const struct key *key, const void *base, const void *other)
{
	const char *a = get(key, base), *b = get(key, other);
	return a && b ? strcmp(a, b) == 0 : a == b;
}

json_t *kinds_show_text(const struct key *key, const void *base)
{
	const char *text = get(key, base);
	return text ? reading_json(text) : json_null();
}

void kinds_drop_text(const struct key *key, void *base)
{
	free(*text_of(key, base));
	*text_of(key, base) = NULL;
}

/* memory: has no rest. */
static bool read_memory(struct reading *reading, struct filled *url, const char *rest)
{
	return *rest ? reading_unexpected(reading, &reading->at, reading->node)
		     : kinds_keep_text(reading, url);
}

static bool read_sqlite(struct reading *reading, struct filled *url, const char *rest)
{
	struct arena *arena = &reading->loading->arena;
	if (!*rest)
		return reading_fault(reading, "the path after sqlite: is missing");
	struct filled path = *url;
	path.text = rest;
	/* The scheme may be filled in too; then *** covers the whole. */
	const char *shown = strncmp(url->shown, "sqlite:", 7) == 0 ? url->shown + 7 : NULL;
	path.shown = shown ? shown : "***";
	reading_resolve(reading, reading->node, &path);
	url->text = arena_print(arena, "sqlite:%s", path.text);
	url->shown = shown ? arena_print(arena, "sqlite:%s", path.shown) : "***";
	return kinds_keep_text(reading, url);
}

/* Only its form is checked here: the store says more when it is opened. A password that stands in
 * the file itself is not shown either. */
static bool read_server(struct reading *reading, struct filled *url, const char *rest)
{
	struct url parsed;
	struct error err;
	(void)rest;
	if (!url_parse(url->text, &parsed, &err))
		return reading_fault(reading, "%s", err.text);
	bool has_secret = parsed.password || parsed.parameter_count > 0;
	url_finish(&parsed);
	if (has_secret && !url->is_filled) {
		OWNED(free) char *shown = url_show(url->text);
		url->shown = arena_copy(&reading->loading->arena, shown, strlen(shown));
		url->is_filled = true;
	}
	return kinds_keep_text(reading, url);
}

static const struct {
	const char *scheme;
	bool (*read)(struct reading *reading, struct filled *url, const char *rest);
} schemes[] = {
	{ "memory", read_memory },
	{ "sqlite", read_sqlite },
	{ "redis", read_server },
	{ "rediss", read_server },
	{ "redis+sentinel", read_server },
	{ "postgres", read_server },
	{ "postgresql", read_server },
};

const char *kinds_quote_scheme(struct arena *arena, const char *written)
{
	size_t length =
		strncmp(written, "${", 2) == 0 ? strcspn(written, ":}") : strcspn(written, ":/?@ ");
	const char *scheme = arena_copy(arena, written, length);
	return faults_quote(arena, arena_print(arena, "%s%s", scheme, written[length] ? "…" : ""));
}

static bool read_store(struct reading *reading)
{
	struct filled url;
	struct arena *arena = &reading->loading->arena;
	if (reading->node->kind != NODE_SCALAR || node_is_null(reading->node))
		return reading_unexpected(reading, &reading->at, reading->node);
	if (!reading_text(reading, &reading->at, reading->node, &url))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i].scheme);
		if (strncmp(url.text, schemes[i].scheme, length) != 0 || url.text[length] != ':')
			continue;
		return schemes[i].read(reading, &url, url.text + length + 1);
	}
	return reading_fault(reading, "expected %s, got %s", keys_expected(arena, reading->key),
		kinds_quote_scheme(arena, reading->node->text));
}

#define TEXT_KIND(noun_, read_, show_)                                                        \
	{                                                                                     \
		.noun = (noun_), .read = (read_), .equal = kinds_equal_text, .show = (show_), \
		.drop = kinds_drop_text,                                                      \
	}

const struct kind kind_text = TEXT_KIND("a text", read_text, kinds_show_text);
const struct kind kind_path = TEXT_KIND("a path", read_path, kinds_show_text);
const struct kind kind_log_target =
	TEXT_KIND("stderr, journald or a path", read_log_target, kinds_show_text);
const struct kind kind_store =
	TEXT_KIND("sqlite:PATH, redis://…, postgres://… or memory:", read_store, kinds_show_text);
