/*
 * Maps of a YAML text: keys that stand twice are mistakes; `<<` takes the entries of other maps in,
 * behind what is written here and the earlier map first (https://yaml.org/type/merge.html).
 */
#include "config/compose_parts.h"

#include <stdint.h>

struct members {
	struct entry *entries;
	size_t count, room;
	int merged; /* maps taken in so far */
};

struct member_key {
	const char *text;
	yaml_mark_t mark;
	bool is_merge;
	bool is_end;
};

static void add_entry(struct members *members, const struct entry *entry)
{
	members->entries =
		xgrow(members->entries, members->count, &members->room, sizeof *members->entries);
	members->entries[members->count++] = *entry;
}

static bool merge_map(
	struct composer *c, struct members *members, yaml_mark_t mark, const struct node *map)
{
	if (map->kind != NODE_MAP)
		return compose_fault(c, mark, "<<: expected a map or a list of maps, got %s",
			faults_found(c->arena, map));
	if (!compose_expand(c, mark, map->weight))
		return false;
	members->merged++;
	for (size_t i = 0; i < map->count; i++) {
		struct entry entry = map->entries[i];
		entry.rank = members->merged;
		add_entry(members, &entry);
	}
	return true;
}

static bool merge(
	struct composer *c, struct members *members, yaml_mark_t mark, const struct node *from)
{
	if (from->kind != NODE_LIST)
		return merge_map(c, members, mark, from);
	for (size_t i = 0; i < from->count; i++)
		if (!merge_map(c, members, mark, from->entries[i].value))
			return false;
	return true;
}

static bool take_key(struct composer *c, const yaml_event_t *event, struct member_key *out)
{
	out->mark = event->start_mark;
	out->is_end = event->type == YAML_MAPPING_END_EVENT;
	if (out->is_end)
		return true;
	if (event->type != YAML_SCALAR_EVENT)
		return compose_fault(c, event->start_mark, "a key must be a text");
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	if (memchr(text, '\0', length))
		return compose_fault(c, event->start_mark, "a text may not contain a NUL");
	out->text = arena_copy(c->arena, text, length);
	out->is_merge =
		event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(out->text, "<<") == 0;
	return compose_expand(c, event->start_mark, 1);
}

static bool next_key(struct composer *c, struct member_key *out)
{
	yaml_event_t event;
	if (!compose_next(c, &event))
		return false;
	bool is_whole = take_key(c, &event, out);
	yaml_event_delete(&event);
	return is_whole;
}

static bool collect(struct composer *c, struct members *members)
{
	for (;;) {
		struct member_key key = { 0 };
		struct composed value = { 0 };
		if (!next_key(c, &key))
			return false;
		if (key.is_end)
			return true;
		if (!compose_node(c, &value))
			return false;
		if (key.is_merge && !merge(c, members, key.mark, value.node))
			return false;
		if (!key.is_merge)
			add_entry(members, &(struct entry){ .key = key.text,
						   .line = (int)key.mark.line + 1,
						   .column = (int)key.mark.column + 1,
						   .value = value.node });
	}
}

/* Equal keys together, the one that counts first. */
static int by_key(const void *left, const void *right)
{
	const struct entry *const *a = left, *const *b = right;
	int order = strcmp((*a)->key, (*b)->key);
	if (order)
		return order;
	if ((*a)->rank != (*b)->rank)
		return (*a)->rank < (*b)->rank ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static void report_twice(struct composer *c, const struct entry *first, const struct entry *second)
{
	struct where at = { c->source, second->line, second->column, "" };
	faults_add(c->faults, &at, "key %s stands twice, first in line %d",
		faults_quote(c->arena, second->key), first->line);
}

/* Marks by key = NULL what another entry of the same key beats. */
static void drop_beaten(struct composer *c, struct members *members)
{
	OWNED(free) struct entry **sorted = xcalloc(members->count, sizeof(*sorted));
	for (size_t i = 0; i < members->count; i++)
		sorted[i] = &members->entries[i];
	if (members->count)
		qsort(sorted, members->count, sizeof(*sorted), by_key);
	struct entry *winner = NULL;
	for (size_t i = 0; i < members->count; i++) {
		if (!winner || strcmp(winner->key, sorted[i]->key) != 0) {
			winner = sorted[i];
			continue;
		}
		if (sorted[i]->rank == 0)
			report_twice(c, winner, sorted[i]);
		sorted[i]->key = NULL;
	}
}

bool compose_map(struct composer *c, struct node *node)
{
	struct members members = { 0 };
	bool is_whole = collect(c, &members);
	if (is_whole) {
		drop_beaten(c, &members);
		size_t kept = 0;
		for (size_t i = 0; i < members.count; i++) {
			if (!members.entries[i].key)
				continue;
			members.entries[kept] = members.entries[i];
			members.entries[kept++].rank = 0;
		}
		compose_close(c, node, members.entries, kept);
	}
	free(members.entries);
	return is_whole;
}
