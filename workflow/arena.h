#pragma once
/*
 * Memory that is dropped all at once: a workflow's model, the effects of one step of a job. Nothing
 * in it is freed alone.
 */
#include "base/memory.h"

#include <stddef.h>

struct advance_arena;

struct advance_arena *workflow_arena_create(void);
void workflow_arena_destroy(struct advance_arena *arena);

/* Zeroed, aligned for any type. */
void *workflow_take(struct advance_arena *arena, size_t size);
char *workflow_copy(struct advance_arena *arena, const char *text);
/* Takes a malloc'ed block over. */
void *workflow_adopt(struct advance_arena *arena, void *block);

/* A growing array in an arena: makes room for one more element and answers the array. */
void *workflow_grow(struct advance_arena *arena, void *list, size_t count, size_t size);
