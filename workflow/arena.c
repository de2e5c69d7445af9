/* Memory that is dropped all at once; see arena.h. */
#include "workflow/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#define SLAB_SIZE  4000
#define FIRST_ROOM 4

struct slab {
	struct slab *next;
	alignas(max_align_t) unsigned char bytes[];
};

struct advance_arena {
	struct slab *slabs;
	size_t used, size; /* of the first slab */
	void **adopted;
	size_t adopted_count, adopted_room;
};

struct advance_arena *workflow_arena_create(void)
{
	return xcalloc(1, sizeof(struct advance_arena));
}

void workflow_arena_destroy(struct advance_arena *arena)
{
	if (!arena)
		return;
	while (arena->slabs) {
		struct slab *next = arena->slabs->next;
		free(arena->slabs);
		arena->slabs = next;
	}
	for (size_t i = 0; i < arena->adopted_count; i++)
		free(arena->adopted[i]);
	free(arena->adopted);
	free(arena);
}

static void add_slab(struct advance_arena *arena, size_t size)
{
	struct slab *slab = xcalloc(1, sizeof *slab + size);
	slab->next = arena->slabs;
	arena->slabs = slab;
	arena->size = size;
	arena->used = 0;
}

void *workflow_take(struct advance_arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	size = (size + align - 1) / align * align;
	if (arena->size - arena->used < size)
		add_slab(arena, size > SLAB_SIZE ? size : SLAB_SIZE);
	void *taken = arena->slabs->bytes + arena->used;
	arena->used += size;
	return taken;
}

char *workflow_copy(struct advance_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	return memcpy(workflow_take(arena, size), text, size);
}

void *workflow_adopt(struct advance_arena *arena, void *block)
{
	arena->adopted = xgrow(
		arena->adopted, arena->adopted_count, &arena->adopted_room, sizeof *arena->adopted);
	arena->adopted[arena->adopted_count++] = block;
	return block;
}

void *workflow_grow(struct advance_arena *arena, void *list, size_t count, size_t size)
{
	const bool is_full = count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0);
	if (!is_full)
		return list;
	void *larger = workflow_take(arena, (count ? count * 2 : FIRST_ROOM) * size);
	if (count)
		memcpy(larger, list, count * size);
	return larger;
}
