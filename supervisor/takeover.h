#pragma once
/*
 * USR2 from the side of the binary that is put in a running supervisor's place: it is started with
 * that one's command line and TAKEOVER_VARIABLE=PHASE:DESCRIPTOR, where the state lies. See
 * replace.h for the other side, handover.h for the state.
 */
#include "base/error.h"

#include <jansson.h>

#define TAKEOVER_VARIABLE  "REEVE_HANDOVER"
#define TAKEOVER_REHEARSAL "rehearse" /* as a child: only says whether it could */
#define TAKEOVER_EXEC      "take"     /* as the supervisor's process */
#define TAKEOVER_ANSWER    "rehearsed"

enum takeover_phase { TAKEOVER_IS_NONE, TAKEOVER_IS_REHEARSAL, TAKEOVER_IS_EXEC };

struct supervisor;

/* By the environment alone. */
enum takeover_phase takeover_phase(void);
/* Reads the state, closes its descriptor and clears the variable; the state is NULL where there is
 * nothing to take over. Owned. */
bool takeover_read(enum takeover_phase *phase, json_t **state, struct error *err);

/* The descriptors and what is shared, in place of new ones; before there is a loop. */
bool takeover_open_shared(struct supervisor *supervisor, const json_t *state, struct error *err);
/* Restores the state into pools of the configuration, as far as that can be tried in a child.
 * The supervisor has a loop and nothing else. */
bool takeover_rehearse(struct supervisor *supervisor, const json_t *state, struct error *err);

/* The path by which this program was started, made absolute: what lies there later is its
 * successor. Owned; NULL where the kernel does not say. */
char *takeover_find_binary(void);
