/* From YAML text to nodes; see compose.h. Maps and their merge keys are in compose_map.c. */
#include "config/compose_parts.h"

#include <assert.h>
#include <stdint.h>

bool compose_fault(struct composer *c, yaml_mark_t mark, const char *format, ...)
{
	struct where at = { c->source, (int)mark.line + 1, (int)mark.column + 1, "" };
	va_list args;
	va_start(args, format);
	faults_add_list(c->faults, &at, format, args);
	va_end(args);
	return false;
}

/* libyaml gives a reader's mistake as an offset only. */
static yaml_mark_t mark_of_offset(const struct composer *c, size_t offset)
{
	yaml_mark_t mark = { 0 };
	for (size_t i = 0; i < offset && i < c->length; i++) {
		unsigned char byte = (unsigned char)c->text[i];
		bool is_new_line = byte == '\n';
		mark.line += is_new_line;
		mark.column = is_new_line ? 0 : mark.column + ((byte & 0xc0) != 0x80);
	}
	return mark;
}

static bool fail_parse(struct composer *c)
{
	const yaml_parser_t *parser = &c->parser;
	const char *problem = parser->problem ? parser->problem : "it cannot be parsed";
	if (parser->error == YAML_READER_ERROR)
		return compose_fault(c, mark_of_offset(c, parser->problem_offset),
			"not UTF-8 text: %s", problem);
	if (!parser->context)
		return compose_fault(c, parser->problem_mark, "not YAML: %s", problem);
	return compose_fault(c, parser->problem_mark, "not YAML: %s %s (line %zu)", problem,
		parser->context, parser->context_mark.line + 1);
}

bool compose_next(struct composer *c, yaml_event_t *event)
{
	return yaml_parser_parse(&c->parser, event) || fail_parse(c);
}

bool compose_expand(struct composer *c, yaml_mark_t mark, size_t weight)
{
	c->expanded += weight;
	if (c->expanded <= COMPOSE_EXPANDED_MAX)
		return true;
	return compose_fault(
		c, mark, "aliases expand to more than %d values", COMPOSE_EXPANDED_MAX);
}

static bool keep_anchor(
	struct composer *c, const char *name, yaml_mark_t mark, const struct node *node)
{
	if (c->anchor_count == COMPOSE_ANCHORS_MAX)
		return compose_fault(c, mark, "more than %d anchors", COMPOSE_ANCHORS_MAX);
	c->anchors = xgrow(c->anchors, c->anchor_count, &c->anchor_room, sizeof *c->anchors);
	c->anchors[c->anchor_count++] =
		(struct anchor){ arena_copy(c->arena, name, strlen(name)), node };
	return true;
}

/* An anchor is known when its node is complete: an alias inside its own node finds nothing. */
static bool follow_alias(struct composer *c, const yaml_event_t *event, const struct node **out)
{
	const char *name = (const char *)event->data.alias.anchor;
	for (size_t i = c->anchor_count; i-- > 0;) {
		if (strcmp(c->anchors[i].name, name) != 0)
			continue;
		*out = c->anchors[i].node;
		return compose_expand(c, event->start_mark, (*out)->weight);
	}
	const char *shown = faults_bare(c->arena, name);
	return compose_fault(
		c, event->start_mark, "alias *%s: no anchor &%s before it", shown, shown);
}

static struct node *new_node(struct composer *c, enum node_kind kind, yaml_mark_t mark)
{
	struct node *node = arena_take(c->arena, sizeof *node);
	*node = (struct node){ .kind = kind,
		.source = c->source,
		.line = (int)mark.line + 1,
		.column = (int)mark.column + 1,
		.weight = 1 };
	return node;
}

void compose_close(struct composer *c, struct node *node, const struct entry *entries, size_t count)
{
	struct entry *kept = arena_take(c->arena, (count ? count : 1) * sizeof *kept);
	if (count)
		memcpy(kept, entries, count * sizeof *kept);
	node->entries = kept;
	node->count = count;
	for (size_t i = 0; i < count; i++)
		node->weight += kept[i].value->weight;
}

static bool compose_scalar(struct composer *c, const yaml_event_t *event, struct node *node)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	if (memchr(text, '\0', length))
		return compose_fault(c, event->start_mark, "a text may not contain a NUL");
	node->text = arena_copy(c->arena, text, length);
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return true;
}

static bool compose_list(struct composer *c, struct node *node)
{
	OWNED(free) struct entry *entries = NULL;
	size_t count = 0, room = 0;
	for (;;) {
		const struct node *item = NULL;
		struct composed next = { 0 };
		if (!compose_node(c, &next))
			return false;
		if (next.is_end)
			break;
		item = next.node;
		entries = xgrow(entries, count, &room, sizeof *entries);
		entries[count++] =
			(struct entry){ .line = next.line, .column = next.column, .value = item };
	}
	compose_close(c, node, entries, count);
	return true;
}

/* Tags choose types, and here the key does; those of YAML itself are harmless. */
static bool check_tag(struct composer *c, const yaml_event_t *event)
{
	const yaml_char_t *tag = event->type == YAML_SCALAR_EVENT ? event->data.scalar.tag
				 : event->type == YAML_SEQUENCE_START_EVENT
					 ? event->data.sequence_start.tag
					 : event->data.mapping_start.tag;
	const char *text = (const char *)tag;
	if (!text || strcmp(text, "!") == 0 || strncmp(text, "tag:yaml.org,2002:", 18) == 0)
		return true;
	return compose_fault(c, event->start_mark, "unknown tag %s", faults_quote(c->arena, text));
}

static bool fill_node(struct composer *c, const yaml_event_t *event, const struct node **out)
{
	static const struct {
		yaml_event_type_t type;
		enum node_kind kind;
	} kinds[] = {
		{ YAML_SCALAR_EVENT, NODE_SCALAR },
		{ YAML_SEQUENCE_START_EVENT, NODE_LIST },
		{ YAML_MAPPING_START_EVENT, NODE_MAP },
	};
	size_t row = 0;
	while (row < ARRAY_SIZE(kinds) && kinds[row].type != event->type)
		row++;
	assert(row < ARRAY_SIZE(kinds));
	struct node *node = new_node(c, kinds[row].kind, event->start_mark);
	if (!check_tag(c, event) || !compose_expand(c, event->start_mark, 1))
		return false;
	if (c->depth == COMPOSE_DEPTH_MAX)
		return compose_fault(
			c, event->start_mark, "deeper than %d levels", COMPOSE_DEPTH_MAX);
	c->depth++;
	bool is_whole = node->kind == NODE_SCALAR ? compose_scalar(c, event, node)
			: node->kind == NODE_LIST ? compose_list(c, node)
						  : compose_map(c, node);
	c->depth--;
	*out = node;
	return is_whole;
}

static const char *anchor_of(const yaml_event_t *event)
{
	const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT ? event->data.scalar.anchor
				    : event->type == YAML_SEQUENCE_START_EVENT
					    ? event->data.sequence_start.anchor
					    : event->data.mapping_start.anchor;
	return (const char *)anchor;
}

static bool take_event(struct composer *c, const yaml_event_t *event, struct composed *out)
{
	out->is_end =
		event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT ||
		event->type == YAML_DOCUMENT_END_EVENT || event->type == YAML_STREAM_END_EVENT;
	out->line = (int)event->start_mark.line + 1;
	out->column = (int)event->start_mark.column + 1;
	if (out->is_end)
		return true;
	if (event->type == YAML_ALIAS_EVENT)
		return follow_alias(c, event, &out->node);
	if (!fill_node(c, event, &out->node))
		return false;
	const char *anchor = anchor_of(event);
	return !anchor || keep_anchor(c, anchor, event->start_mark, out->node);
}

bool compose_node(struct composer *c, struct composed *out)
{
	yaml_event_t event;
	if (!compose_next(c, &event))
		return false;
	bool is_whole = take_event(c, &event, out);
	yaml_event_delete(&event);
	return is_whole;
}

/* Skips one event; says whether it was of this type. */
static bool expect_event(struct composer *c, yaml_event_type_t type, bool *is_it)
{
	yaml_event_t event;
	if (!compose_next(c, &event))
		return false;
	*is_it = event.type == type;
	if (!*is_it && type == YAML_STREAM_END_EVENT)
		compose_fault(c, event.start_mark, "one document is expected, here begins another");
	yaml_event_delete(&event);
	return true;
}

static const struct node *compose_document(struct composer *c)
{
	struct composed root = { 0 };
	bool is_it = false;
	if (!expect_event(c, YAML_STREAM_START_EVENT, &is_it) ||
		!expect_event(c, YAML_DOCUMENT_START_EVENT, &is_it))
		return NULL;
	if (!is_it) {
		struct where at = { c->source, 0, 0, "" };
		faults_add(c->faults, &at, "empty: expected a map of keys");
		return NULL;
	}
	if (!compose_node(c, &root) || !expect_event(c, YAML_DOCUMENT_END_EVENT, &is_it) ||
		!expect_event(c, YAML_STREAM_END_EVENT, &is_it) || !is_it)
		return NULL;
	return root.node;
}

const struct node *compose_text(struct arena *arena, const struct source *source, const char *text,
	size_t length, struct faults *faults)
{
	struct composer c = {
		.arena = arena, .source = source, .text = text, .length = length, .faults = faults
	};
	if (!yaml_parser_initialize(&c.parser))
		abort();
	yaml_parser_set_input_string(&c.parser, (const unsigned char *)text, length);
	const struct node *root = compose_document(&c);
	yaml_parser_delete(&c.parser);
	free(c.anchors);
	return root;
}
