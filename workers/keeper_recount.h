#pragma once
/*
 * The recount of gates. A counter and the tasks that it counts change in one act, so they can't
 * drift; should one be wrong all the same, its gate would wait for ever. Bit by bit, each gate that
 * waits is looked at: where no task is left that it could wait for, its counter is set right.
 */
#include "workers/jobs.h"

#define RECOUNT_FIRST_MS 3000
#define RECOUNT_MS       60000 /* a gate is looked at no more often */

struct recount {
	int64_t cycle_at_ms; /* steady: the gates are gone through again from then on */
	bool is_in_cycle, is_reading;
	struct gate_list page; /* gates that are being gone through */
	size_t at;
	char after[STORE_ID_SIZE];  /* while reading: the last row seen of the gate's job */
	struct waiting_gate mended; /* the last one; owned */
};

/*
 * Looks at a page of gates, or reads one page of rows of the job of a gate whose tallies show
 * nothing that it could wait for. Cheap where nothing waits: one query a minute. *mended is set
 * where a counter was set right by this look, until the next one.
 */
bool recount_look(struct recount *recount, struct store *store, struct jobs *jobs, int64_t now_ms,
	const struct waiting_gate **mended, struct error *err);
void recount_finish(struct recount *recount);
