#pragma once
/* From a pid to its child: a hash table, so that reaping and hunting cost the same with 10000
 * workers as with one. */
#include "supervisor/child.h"

struct pids {
	struct child **cells; /* open addressing; NULL: empty */
	size_t room;          /* a power of two */
	size_t count;
};

void pids_finish(struct pids *pids);
/* child->pid is the key and may not change while it is in the table. */
void pids_add(struct pids *pids, struct child *child);
void pids_remove(struct pids *pids, const struct child *child);
struct child *pids_find(const struct pids *pids, pid_t pid);
