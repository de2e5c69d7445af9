#pragma once
/* What most commands begin with: the configuration, and the store that it names. */
#include "cli/arguments.h"
#include "config/config.h"
#include "stores/store.h"

struct session {
	struct config *config;
	struct store *store; /* NULL after session_open_config */
};

/* Mistakes are all on stderr, warnings too where is_loud; *code is the exit code on failure. */
bool session_open_config(
	const struct arguments *arguments, bool is_loud, struct session *session, int *code);
bool session_open(const struct arguments *arguments, struct session *session, int *code);
void session_close(struct session *session);

/* The file of -c or the default one; INVALID where there is none. */
bool session_find_config(const struct arguments *arguments, const char **path, struct error *err);

#define OWNED_SESSION __attribute__((cleanup(session_close)))
