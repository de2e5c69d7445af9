#pragma once
/*
 * Allocation that aborts when memory is out (a worker may be killed at any instruction anyway),
 * and ownership marks: `char *` is owned, `const char *` borrowed.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *block, size_t size);
char *xstrdup(const char *text);                 /* NULL gives NULL */
char *xstrndup(const char *text, size_t length); /* copies exactly length bytes and a NUL */
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Room for one more element in a growing array: `list = xgrow(list, count, &room, sizeof *list)`.
 */
void *xgrow(void *list, size_t count, size_t *room, size_t size);

/* OWNED(free) char *body: freed when the scope ends; GIVE(body) hands it on and leaves NULL. */
#define OWNED(kind) __attribute__((cleanup(memory_drop_##kind)))
#define GIVE(variable)                                    \
	__extension__({                                   \
		__typeof__(variable) given_ = (variable); \
		(variable) = NULL;                        \
		given_;                                   \
	})
#define MEMORY_DROP(kind, type, destroy)                  \
	static inline void memory_drop_##kind(type *held) \
	{                                                 \
		if (*held)                                \
			destroy(*held);                   \
	}

static inline void memory_drop_free(void *held)
{
	void *block;
	memcpy(&block, held, sizeof block);
	free(block);
}

void memory_close_fd(const int *fd);
/* OWNED_FD int fd = open(…): closed when the scope ends unless it is -1. */
#define OWNED_FD __attribute__((cleanup(memory_close_fd)))

#define ARRAY_SIZE(list) (sizeof(list) / sizeof((list)[0]))
