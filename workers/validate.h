#pragma once
/*
 * Qyu's payload rules (github.com/QyuTeam/qyu, `validates`): by name of the payload's key,
 * {"type": T, "presence": true, "absence": true, "if": KEY, "unless": KEY}, T one of integer,
 * string, number, boolean, hash, array. A rule is skipped unless payload[if] is truthy, and where
 * payload[unless] is (null and false are not).
 */
#include <jansson.h>
#include <stdbool.h>

/* False: *reason (owned) is one sentence with every field that failed. */
bool validate_payload(const json_t *rules, const json_t *payload, char **reason);
