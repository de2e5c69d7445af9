#pragma once
/* Deaths for which the ring has no room yet: the keeper is behind, or dead itself. A part of
 * deaths.c. */
#include "base/ids.h"
#include "workers/scoreboard.h"

struct supervisor;

struct untold {
	struct untold *next;
	char owner[IDS_OWNER_SIZE];
	char worker[SCOREBOARD_TEXT];
	char cause[SCOREBOARD_TEXT];
	char *queue, *task_id; /* owned */
};

/* Appends a copy, which takes queue and task_id over; it is told at the next chance. */
void deaths_keep_untold(struct supervisor *supervisor, const struct untold *death);
