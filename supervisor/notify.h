#pragma once
/* What systemd is told (sd_notify(3)); nothing where NOTIFY_SOCKET is not set. Keeps no state. */
#include <stddef.h>
#include <stdint.h>

struct supervisor;

void notify_ready(struct supervisor *supervisor);
void notify_reloading(void);
void notify_stopping(void);
void notify_status(struct supervisor *supervisor);
void notify_alive(void);
/* Half of the time within which systemd wants to hear of us, in ms; 0: it does not care. */
int64_t notify_interval_ms(void);
