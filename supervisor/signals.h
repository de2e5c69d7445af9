#pragma once
/* What each signal means to the supervisor; the table is in signals.c and docs/control.md. */

struct supervisor;

void signals_init(struct supervisor *supervisor);
/* Puts every signal back to its default. In a child after fork too, before the loop is destroyed.
 */
void signals_finish(struct supervisor *supervisor);
