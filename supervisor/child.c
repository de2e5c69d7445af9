/* The table of a child's life; see child.h. */
#include "supervisor/child.h"

#include <assert.h>

const char *const child_state_names[CHILD_STATES] = {
	[CHILD_FREE] = "free",
	[CHILD_WAITING] = "waiting",
	[CHILD_RUNNING] = "running",
	[CHILD_ROLLING] = "rolling",
	[CHILD_RETIRING] = "retiring",
	[CHILD_HALTING] = "halting",
	[CHILD_KILLED] = "killed",
	[CHILD_CLEARING] = "clearing",
	[CHILD_CLOSING] = "closing",
};

static const struct child_rule rules[CHILD_STATES][CHILD_EVENTS] = {
	[CHILD_FREE] = {
		[EVENT_START] = { ACTION_FORK, CHILD_RUNNING },
	},
	[CHILD_WAITING] = {
		[EVENT_DUE] = { ACTION_FORK, CHILD_RUNNING },
		[EVENT_ROLL] = { ACTION_FORK_AFRESH, CHILD_RUNNING },
		[EVENT_RETIRE] = { ACTION_DISARM, CHILD_FREE },
		[EVENT_HALT] = { ACTION_DISARM, CHILD_FREE },
		[EVENT_KILL] = { ACTION_DISARM, CHILD_FREE },
	},
	[CHILD_RUNNING] = {
		[EVENT_FORK_FAILED] = { ACTION_RETRY, CHILD_WAITING },
		[EVENT_DIED] = { ACTION_BURY, CHILD_CLEARING },
		[EVENT_ROLL] = { ACTION_DRAIN, CHILD_ROLLING },
		[EVENT_RETIRE] = { ACTION_DRAIN, CHILD_RETIRING },
		[EVENT_HALT] = { ACTION_HALT, CHILD_HALTING },
		[EVENT_KILL] = { ACTION_KILL, CHILD_KILLED },
	},
	[CHILD_ROLLING] = {
		[EVENT_DIED] = { ACTION_BURY, CHILD_CLEARING },
		[EVENT_RETIRE] = { ACTION_NOTE, CHILD_RETIRING },
		[EVENT_HALT] = { ACTION_HALT, CHILD_HALTING },
		[EVENT_KILL] = { ACTION_KILL, CHILD_KILLED },
	},
	[CHILD_RETIRING] = {
		/* Wanted again before it has ended: it still ends, and is replaced. */
		[EVENT_START] = { ACTION_NOTE, CHILD_ROLLING },
		[EVENT_DIED] = { ACTION_BURY, CHILD_CLOSING },
		[EVENT_HALT] = { ACTION_HALT, CHILD_HALTING },
		[EVENT_KILL] = { ACTION_KILL, CHILD_KILLED },
	},
	[CHILD_HALTING] = {
		[EVENT_DIED] = { ACTION_BURY, CHILD_CLOSING },
		[EVENT_KILL] = { ACTION_KILL, CHILD_KILLED },
	},
	[CHILD_KILLED] = {
		[EVENT_DIED] = { ACTION_BURY, CHILD_CLOSING },
	},
	[CHILD_CLEARING] = {
		[EVENT_CLEARED] = { ACTION_RESTART, CHILD_WAITING },
		[EVENT_RETIRE] = { ACTION_NOTE, CHILD_CLOSING },
		[EVENT_HALT] = { ACTION_NOTE, CHILD_CLOSING },
		[EVENT_KILL] = { ACTION_NOTE, CHILD_CLOSING },
	},
	[CHILD_CLOSING] = {
		[EVENT_START] = { ACTION_NOTE, CHILD_CLEARING },
		[EVENT_CLEARED] = { ACTION_RELEASE, CHILD_FREE },
	},
};

struct child_rule child_rule(enum child_state state, enum child_event event)
{
	assert(state < CHILD_STATES && event < CHILD_EVENTS);
	return rules[state][event];
}

void child_handle(struct child *child, enum child_event event)
{
	struct child_rule rule = child_rule(child->state, event);
	if (rule.action == ACTION_IGNORE)
		return;
	child->state = rule.next;
	/* The action comes last, so that it may raise the next event itself. */
	if (child->acts[rule.action])
		child->acts[rule.action](child);
}

bool child_is_alive(const struct child *child)
{
	return child->pid != 0;
}

bool child_is_wanted(const struct child *child)
{
	return child->state == CHILD_WAITING || child->state == CHILD_RUNNING ||
	       child->state == CHILD_ROLLING || child->state == CHILD_CLEARING;
}

bool child_is_ready(const struct child *child)
{
	return child->slot && atomic_load(&child->slot->ready_at_ms) != 0;
}

bool child_is_busy(const struct child *child)
{
	if (!child->slot)
		return false;
	int state = atomic_load(&child->slot->state);
	/* A stream handler stays while its worker is idle, so its group says nothing. */
	return state == SLOT_BUSY || (state == SLOT_DRAINING && child->slot->task_id[0] != '\0');
}
