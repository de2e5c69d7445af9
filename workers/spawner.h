#pragma once
/*
 * Children of one attempt, of a handler or of a split. They are written ahead in chunks while the
 * handler runs and come to life with the attempt's commit; gates among them, which may have to
 * wait, go into the commit itself.
 */
#include "workers/self.h"
#include "workers/jobs.h"

struct spawner {
	struct self *self;
	const struct leased *task;
	const struct workflow *workflow; /* NULL: a pushed task, which may not spawn */
	struct ended parent;             /* of workflow_spawn */
	struct new_task *chunk;
	size_t chunk_count, chunk_bytes, chunk_max;
	struct advance chunk_arena, gates_arena;
	uint32_t next_index; /* children written ahead */
	struct new_task *gates;
	size_t gates_count, gates_room;
	struct spawned *names; /* how many of each, gates included */
	size_t names_count, names_room;
};

/* parent is borrowed as long as the spawner lives. */
void spawner_init(struct spawner *spawner, struct self *self, const struct leased *task,
	const struct job_view *job, const json_t *payload);
void spawner_finish(struct spawner *spawner);

/* INVALID: the name may not be spawned, or its payload can't be; CONFLICT: the lease is lost;
 * UNAVAILABLE: the store was out until COMMAND_HALT. */
bool spawner_add(
	struct spawner *spawner, const char *name, const json_t *payload, struct error *err);
/* An array of {"task","payload"} as a handler sends it. */
bool spawner_add_all(struct spawner *spawner, const json_t *children, struct error *err);
/* Writes what is left; to be called before the commit. */
bool spawner_flush(struct spawner *spawner, struct error *err);
