#pragma once
/* Tasks, litters and jobs come into being and are freed again. */
#include "stores/memory_tables.h"

struct litter *memory_create_litter(void);
/* Adds a child that is not born yet. */
void memory_write_child(struct memory *memory, struct job *job, struct litter *litter,
	const struct new_task *child);
/* Brings a litter to life as children of the task with seq `parent`. */
void memory_give_birth(
	struct memory *memory, struct job *job, struct litter *litter, int64_t parent);
struct pushed *memory_create_pushed(struct memory *memory, const struct push *push);

/* Takes the children away; they are freed in pages. */
void memory_drop_litter(struct memory *memory, struct litter **litter);
/* Frees up to limit tasks of dropped litters; answers how many. */
size_t memory_free_dropped(struct memory *memory, size_t limit);
void memory_free_pushed(struct memory *memory, struct pushed *pushed);
/* Frees up to limit tasks of the job, and the job itself with its last one: then true. */
bool memory_free_job(struct memory *memory, struct job *job, size_t *limit);
