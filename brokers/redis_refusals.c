/* What Redis refuses, and for how long; see the header. */
#include "brokers/redis_refusals.h"

#include "base/memory.h"

#include <string.h>

static const struct {
	const char *mark;
	bool is_passing;
	const char *meaning; /* instead of Redis' own words */
} refusals[] = {
	{ "LOADING", true, NULL },
	{ "READONLY", true, NULL },
	{ "MASTERDOWN", true, NULL },
	{ "NOREPLICAS", true, NULL },
	{ "MISCONF", true, NULL },
	{ "OOM command", true, NULL },
	{ "BUSY ", true, NULL },
	{ "NOAUTH", true, NULL },
	{ "max number of clients", true, NULL },
	{ "MOVED", false, "Redis Cluster is not supported as a broker" },
	{ "unknown command", false, "Redis 6.2 or newer is needed" },
};

bool redis_refusal_passes(const char *text, const char **meaning)
{
	*meaning = text;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!strstr(text, refusals[i].mark))
			continue;
		if (refusals[i].meaning)
			*meaning = refusals[i].meaning;
		return refusals[i].is_passing;
	}
	return false;
}
