#pragma once
/*
 * The folder for cgroups of handlers (version 2, cgroups(7)). Only where a queue limits memory and
 * our cgroup is ours to divide: processes may not stand beside groups that have a controller, so
 * the supervisor moves into a group below before it forks.
 */
struct supervisor;

/* Leaves supervisor->cgroup NULL where limits.memory has to be watched instead. */
void confine_init(struct supervisor *supervisor);
/* Kills what a dead worker's handler left in its cgroup. */
void confine_kill(const struct supervisor *supervisor, const char *worker);
void confine_finish(struct supervisor *supervisor);
