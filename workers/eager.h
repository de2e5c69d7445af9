#pragma once
/*
 * Runs a job or a task here and now: the workers' own code on a store in memory, in this process,
 * one task at a time. There is no supervisor and no waiting: what is delayed makes the clock jump.
 */
#include "config/config.h"
#include "stores/store.h"

struct eager;

/* A store in memory and a worker for each queue of the configuration, which must outlive it. */
bool eager_open(const struct config *config, struct eager **out, struct error *err);
/* Puts the clock back. */
void eager_close(struct eager *eager);
/* For acts_start and acts_push, and to read what came out. Borrowed. */
struct store *eager_store(struct eager *eager);

/* Works until nothing is left that can run, now or later. */
bool eager_run(struct eager *eager, struct error *err);

MEMORY_DROP(eager, struct eager *, eager_close)
