#pragma once
/* Memory that is freed all at once: everything that reading a configuration needs only while it
 * reads. */
#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *blocks;
};

/* Zeroed memory, aligned for any type; lives until arena_finish. */
void *arena_take(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_print(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void arena_finish(struct arena *arena);
