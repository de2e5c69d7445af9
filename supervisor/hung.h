#pragma once
/*
 * Workers that show no life. Silence is counted in looks that saw none, never in time: a supervisor
 * that was stopped, a machine that slept, or a clock that jumped make one look, and a look that
 * came late does not count at all.
 */
struct supervisor;

void hung_init(struct supervisor *supervisor);
