#pragma once
/* What each signal means to the supervisor; the table is in signals.c and docs/control.md. */

#include <stdbool.h>
#include <stdint.h>

struct supervisor;

/* From here on signals wait until signals_init: as process 1 of a container a TERM that comes
 * before is else lost, and the container's end takes as long as whoever sent it has patience. */
void signals_hold(void);
/* The end of signals_hold without signals_init. */
void signals_release(void);
/* While they are held: waits; true where one came that means the end. */
bool signals_await_stop(int64_t ms);
void signals_init(struct supervisor *supervisor);
/* Puts every signal back to its default. In a child after fork too, before the loop is destroyed.
 */
void signals_finish(struct supervisor *supervisor);
