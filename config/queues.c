/* The queues of all files; see queues.h. */
#include "config/queues.h"

#include "config/environment.h"
#include "config/section.h"

#define EXPANDED_MAX 500000 /* nodes of all queues, `defaults` counted in each */

static const struct node *empty_map(struct arena *arena, const struct node *at)
{
	struct node *map = arena_take(arena, sizeof *map);
	map->kind = NODE_MAP;
	map->source = at->source;
	map->line = at->line;
	map->column = at->column;
	return map;
}

static void drop_queue(struct config_queue *queue)
{
	keys_drop(&keys_queue, queue, queue->origins);
	free(queue->name);
	free(queue->place);
	*queue = (struct config_queue){ 0 };
}

void queues_check_defaults(struct loading *loading, const struct node *defaults)
{
	struct config_queue scratch = { 0 };
	struct section section;
	section_init(&section, loading, &keys_queue, &scratch);
	section.prefix = "defaults";
	section.is_partial = true;
	section_read(&section, defaults);
	scratch.origins = section.origins;
	drop_queue(&scratch);
}

/* Where the file says nothing, some defaults depend on other values. */
static void derive(struct section *section, const struct where *at)
{
	struct config_queue *queue = section->base;
	const int64_t half_grace_ms = section->loading->config->shutdown_grace_ms / 2;
	/* A program of its own stands before what `defaults` says for others. */
	if (queue->post && fits_is_own(section, "run") && !fits_is_own(section, "post")) {
		free(queue->post);
		queue->post = NULL;
	}
	/* A number that follows nothing stays where commands put it. */
	const bool knows_depth =
		queue->scale.strategy == SCALE_DEPTH && section->loading->config->broker_url;
	if (queue->type == QUEUE_PROGRAM && !knows_depth && !fits_is_own(section, "scale.strategy"))
		queue->scale.strategy = SCALE_FIXED;
	if (!queue->cwd)
		queue->cwd = xstrdup(at->source->folder);
	if (!section_place(section, "kill_after")->source)
		queue->kill_after_ms = half_grace_ms < 5000 ? half_grace_ms : 5000;
}

static struct config_origin *origin_of(const struct section *section, const char *name)
{
	return &section->origins[keys_find(section->table, name) - section->table->rows];
}

static void add_env_file(struct section *section)
{
	struct config_queue *queue = section->base;
	const json_t *path = origin_of(section, "env_file")->shown;
	if (!queue->env_file)
		return;
	environment_add_file(section->loading, section_place(section, "env_file"),
		path ? json_string_value(path) : queue->env_file, queue);
	json_t *shown = origin_of(section, "env")->shown;
	for (size_t i = 0; shown && i < queue->env.count; i++)
		if (!json_object_get(shown, queue->env.names[i]))
			json_object_set_new(shown, queue->env.names[i], json_string("***"));
}

static struct config_queue *add_queue(struct config *config)
{
	config->queues =
		xrealloc(config->queues, (config->queue_count + 1) * sizeof *config->queues);
	struct config_queue *queue = &config->queues[config->queue_count++];
	*queue = (struct config_queue){ 0 };
	return queue;
}

static bool check_name(struct loading *loading, const struct where *at, const char *name)
{
	const struct config_queue *first = config_find_queue(loading->config, name);
	if (!config_is_queue_name(name))
		return faults_add(&loading->faults, at,
			"expected a name of 1 to 80 letters, digits, _ or - "
			"(.fifo allowed at the end), got %s",
			faults_quote(&loading->arena, name));
	if (first)
		return faults_add(
			&loading->faults, at, "this queue stands at %s already", first->place);
	return true;
}

/* The queue's keys over those of `defaults`; NULL with a mistake where there are too many. */
static const struct node *merge_keys(struct loading *loading, const struct where *at,
	const struct node *defaults, const struct node *own)
{
	struct arena *arena = &loading->arena;
	if (own->kind != NODE_MAP && !node_is_null(own)) {
		faults_add(&loading->faults, at, "expected a map of keys, got %s",
			faults_found(arena, own));
		return NULL;
	}
	if (loading->expanded > EXPANDED_MAX)
		return NULL;
	if (own->kind != NODE_MAP)
		own = empty_map(arena, own);
	const struct node *merged = defaults ? node_merge(arena, defaults, own) : own;
	loading->expanded += merged->weight;
	if (loading->expanded <= EXPANDED_MAX)
		return merged;
	faults_add(&loading->faults, at,
		"with defaults the queues up to here have more than %d values", EXPANDED_MAX);
	return NULL;
}

static void read_queue(
	struct loading *loading, const struct entry *entry, const struct node *defaults)
{
	struct where top = { .path = "queues" };
	struct where at = faults_inside(&loading->arena, &top, entry);
	if (!check_name(loading, &at, entry->key))
		return;
	const struct node *keys = merge_keys(loading, &at, defaults, entry->value);
	if (!keys)
		return;
	struct config_queue *queue = add_queue(loading->config);
	struct section section;
	section_init(&section, loading, &keys_queue, queue);
	section.prefix = at.path;
	queue->name = xstrdup(entry->key);
	queue->place = xstrdup(faults_place(&loading->arena, &at));
	queue->origins = section.origins;
	section_read(&section, keys);
	derive(&section, &at);
	add_env_file(&section);
	checks_queue(&section, &at);
}

void queues_read(struct loading *loading, const struct entry *queues, const struct node *defaults)
{
	const struct node *map = queues->value;
	struct where at = { map->source, queues->line, queues->column, "queues" };
	if (map->kind != NODE_MAP && !node_is_null(map)) {
		faults_add(&loading->faults, &at,
			"expected a map from names to keys of a queue, got %s",
			faults_found(&loading->arena, map));
		return;
	}
	for (size_t i = 0; i < map->count; i++)
		read_queue(loading, &map->entries[i], defaults);
}
