#pragma once
/* What systemd is told; nothing where NOTIFY_SOCKET is not set. Keeps no state, never waits long.
 */
#include <stdint.h>

struct supervisor;

void notify_ready(const struct supervisor *supervisor);
void notify_reloading(void);
void notify_stopping(void);
/* The watchdog's beat, with the status of the moment. */
void notify_alive(const struct supervisor *supervisor);
/* Half of the time within which systemd wants to hear of us, in ms; 0: it does not care. */
int64_t notify_interval_ms(void);
