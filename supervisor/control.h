#pragma once
/*
 * The control socket: one JSON object per line each way, on a unix stream socket. Requests are
 * {"command": NAME, …}; a reply is {"ok": true, …} or {"ok": false, "error": SENTENCE, "exit":
 * CODE}. Commands: ping, status, check, reload, restart, stop, scale, pause, resume, logs
 * (docs/control.md).
 */
#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>

/*
 * The socket's name in each of the three places, in order: /run/reeve, $XDG_RUNTIME_DIR/reeve,
 * TMP/reeve-UID; entry i is NULL where there is no such place. Owned, 3 entries.
 * STEM-HASH.sock as docs/control.md says.
 */
void control_paths(const char *config_path, char *paths[3]);

/*
 * Client: sends one request to the supervisor of this configuration and waits for its reply.
 * UNAVAILABLE ("no supervisor is running for FILE") where none answers. control_path overrides the
 * places (the configuration's `control:`); NULL tries all three.
 */
bool control_call(const char *config_path, const char *control_path, const json_t *request,
	json_t **reply, struct error *err);
/* Client: the same, but keeps receiving replies (logs -f, stop); on_reply answers false to end.
 * True at the end of file too, which comes after the first reply when the supervisor ends. */
bool control_stream(const char *config_path, const char *control_path, const json_t *request,
	bool (*on_reply)(void *context, const json_t *reply), void *context, struct error *err);
