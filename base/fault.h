#pragma once
/*
 * Named steps at which a test build can be told to die, for the kill tests: REEVE_DIE_AT=commit
 * kills the process with SIGKILL at its first step "commit", REEVE_DIE_AT=commit:3 at the third,
 * REEVE_DIE_AT=worker/commit:3 only in the process that called fault_set_role("worker"). With
 * REEVE_DIE_ONCE=FILE only the process that creates FILE dies, so that a restarted one goes on.
 * In other builds a step costs nothing.
 */
#include <stdint.h>

#ifdef REEVE_FAULTS
/* A number that test builds may change: what the variable says, else the usual one. */
int64_t fault_number(const char *variable, int64_t usual);
void fault_step(const char *name);
void fault_set_role(const char *role);
#else
#define fault_number(variable, usual) ((int64_t)(usual))
#define fault_step(name)              ((void)0)
#define fault_set_role(role)          ((void)0)
#endif
