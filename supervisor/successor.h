#pragma once
/* What a program gets that takes the supervisor's place, or rehearses it: the state in a memfd, and
 * our own command line. */
#include <stdbool.h>

struct supervisor;

struct successor {
	int state;    /* −1: none */
	char *text;   /* the command line */
	char **words; /* into it, NULL-terminated */
};

/* False with errno. Either way it is to be finished. */
bool successor_prepare(const struct supervisor *supervisor, struct successor *successor);
void successor_finish(struct successor *successor);
#define OWNED_SUCCESSOR __attribute__((cleanup(successor_finish)))

/* Tells the program that this process executes next what it is and where the state is. */
void successor_announce(const char *phase, int state);
