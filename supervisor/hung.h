#pragma once
/*
 * Workers and built-in processes that show no life, and workers whose program runs on long after
 * the time at which they should have killed it. Silence is counted in looks that saw none, never in
 * time: a supervisor that was stopped, a machine that slept, or a clock that jumped make one look,
 * and a look that came late does not count at all.
 */
struct supervisor;
struct child;

void hung_init(struct supervisor *supervisor);
/* Of a child that was found hung: "showed no life". */
const char *hung_reason(const struct child *child);
