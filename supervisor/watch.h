#pragma once
/* The few timers that a supervisor may need: until everything is up, for systemd's watchdog, and
 * with --until-idle. None runs without a reason. */

struct supervisor;

void watch_start(struct supervisor *supervisor);
void watch_finish(struct supervisor *supervisor);
